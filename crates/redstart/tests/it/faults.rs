//! What a store says and does when its server is away, slow, wrong or unwilling.

use std::time::Duration;

use redstart::Store;
use redstart::store::{Error, Failure, Replay};
use redstart_testkit::Server;

use crate::fake_server::{Answer, FakeServer};
use crate::stores::{OnServer, hand_over, on_server, until_answered};

const LONG: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(50);

/// Asks until the answer is of the kind wanted. Each question ends by itself.
async fn ask_until(store: &Store, wanted: impl Fn(&Result<redstart::Value, Error>) -> bool) {
    for _ in 0..400 {
        let answer = store.command(["ECHO", "x"]).within(SHORT).await;
        if wanted(&answer) {
            return;
        }
    }
    panic!("never got the answer that was waited for");
}

async fn ask_until_not_sent(store: &Store) {
    let not_sent =
        |answer: &Result<_, Error>| matches!(answer, Err(e) if e.failure() == Failure::NotSent);
    ask_until(store, not_sent).await;
}

#[tokio::test]
async fn a_server_known_to_be_away_gets_nothing_sent() {
    let OnServer { mut server, store } = on_server().await;
    server.kill();
    ask_until_not_sent(&store).await;
    let error = store
        .command(["INCR", "n"])
        .within(SHORT)
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::NotSent);
    assert!(error.is_unavailable());
    assert_eq!(error.operation(), Some("INCR"));

    server.restart().unwrap();
    until_answered(&store).await;
    assert_eq!(
        store
            .command(["INCR", "n"])
            .returning::<i64>()
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn a_request_waits_for_a_server_that_comes_back_in_time() {
    let OnServer { mut server, store } = on_server().await;
    server.kill();
    ask_until_not_sent(&store).await;
    let increment = store
        .command(["INCR", "n"])
        .returning::<i64>()
        .within(LONG)
        .into_future();
    let increment = hand_over(increment).await;
    server.restart().unwrap();
    assert_eq!(increment.await.unwrap(), 1);
}

#[tokio::test]
async fn a_write_that_was_handed_over_is_unknown_and_not_repeated() {
    let OnServer { mut server, store } = on_server().await;
    server.pause().unwrap();
    let increment = store.command(["INCR", "n"]).within(LONG).into_future();
    let increment = hand_over(increment).await;
    server.kill();
    server.restart().unwrap();
    let error = increment.await.unwrap_err();
    assert_eq!(error.failure(), Failure::Unknown, "{error}");
    until_answered(&store).await;
    let count = store
        .command(["GET", "n"])
        .returning::<Option<i64>>()
        .await
        .unwrap();
    assert_eq!(count, None);
}

#[tokio::test]
async fn a_read_that_was_handed_over_is_repeated() {
    let OnServer { mut server, store } = on_server().await;
    server.pause().unwrap();
    let read = store
        .command(["STRLEN", "n"])
        .replay(Replay::Read)
        .within(LONG);
    let read = hand_over(read.returning::<i64>().into_future()).await;
    server.kill();
    server.restart().unwrap();
    assert_eq!(read.await.unwrap(), 0);
}

#[tokio::test]
async fn a_deadline_is_kept_while_the_server_hangs() {
    let server = Server::from_path().unwrap().start().unwrap();
    let builder = Store::builder(&server.url())
        .unresponsive_after(SHORT)
        .connect_within(SECOND);
    let store = builder.open().await.unwrap();
    server.pause().unwrap();
    let error = store
        .command(["INCR", "n"])
        .within(SHORT)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Deadline {
                failure: Failure::Unknown,
                ..
            }
        ),
        "{error}"
    );

    // The connection is given up, so what comes now is known not to have been sent.
    ask_until_not_sent(&store).await;
    server.resume().unwrap();
    until_answered(&store).await;
}

#[tokio::test]
async fn a_hanging_server_fills_the_queue_once() {
    let server = Server::from_path().unwrap().start().unwrap();
    let store = Store::builder(&server.url())
        .max_in_flight(2)
        .open()
        .await
        .unwrap();
    server.pause().unwrap();
    let one = hand_over(store.command(["PING"]).within(LONG).into_future()).await;
    let other = hand_over(store.command(["PING"]).within(LONG).into_future()).await;
    let error = store.command(["PING"]).await.unwrap_err();
    assert!(
        matches!(error, Error::Overloaded { limit: 2, .. }),
        "{error}"
    );
    assert_eq!(error.failure(), Failure::NotSent);

    // Callers that give up leave their requests behind: the bound still counts them.
    drop((one, other));
    let error = store.command(["PING"]).await.unwrap_err();
    assert!(matches!(error, Error::Overloaded { .. }), "{error}");
    server.resume().unwrap();
    for _ in 0..100_000 {
        match store.command(["PING"]).within(LONG).await {
            Err(Error::Overloaded { .. }) => tokio::task::yield_now().await,
            other => {
                other.unwrap();
                return;
            }
        }
    }
    panic!("the queue stayed full");
}

#[tokio::test]
async fn acknowledged_and_unknown_increments_account_for_every_one() {
    let OnServer { server, store } = on_server().await;
    let mut admin = server.connect().unwrap();
    let (mut acknowledged, mut unknown) = (0, 0);
    for round in 0..300 {
        let increment = store.command(["INCR", "n"]).within(LONG).into_future();
        if round % 60 == 0 {
            let increment = hand_over(increment).await;
            admin
                .call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
                .unwrap();
            match increment.await {
                Ok(_) => acknowledged += 1,
                Err(error) if error.failure() == Failure::Unknown => unknown += 1,
                Err(error) => assert_eq!(error.failure(), Failure::NotSent),
            }
        } else if increment.await.is_ok() {
            acknowledged += 1;
        } else {
            unknown += 1;
        }
    }
    until_answered(&store).await;
    let count = store
        .command(["GET", "n"])
        .returning::<i64>()
        .await
        .unwrap();
    assert!(acknowledged > 200);
    assert!(
        (acknowledged..=acknowledged + unknown).contains(&count),
        "{count} {acknowledged}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_an_error_at_opening() {
    let server = Server::from_path()
        .unwrap()
        .tcp()
        .arg("--requirepass")
        .arg("right")
        .start();
    let server = server.unwrap();
    let address = server.url().replace("redis://", "");
    let open = |credentials: &str| {
        let url = format!("redis://{credentials}{address}");
        async move { Store::open(&url).await }
    };
    let error = open(":hunter2@").await.unwrap_err();
    assert_eq!(error.code(), Some("WRONGPASS"));
    assert_eq!(error.failure(), Failure::Failed);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert_eq!(open("").await.unwrap_err().code(), Some("NOAUTH"));
    let store = open(":right@").await.unwrap();
    store.command(["PING"]).await.unwrap();
    assert!(!format!("{store:?}").contains("right"));
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_an_error_at_opening() {
    let server = Server::from_path().unwrap().start().unwrap();
    let error = Store::open(&format!("{}?db=99", server.url()))
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::Failed);
    assert!(
        error.to_string().contains("DB index is out of range"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_at_opening_unless_lazy() {
    let url = "redis+unix:///nonexistent/redstart.sock";
    let error = Store::builder(url)
        .connect_within(SHORT)
        .open()
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::NotSent);
    assert!(
        error.to_string().contains("cannot reach the server"),
        "{error}"
    );

    let store = Store::builder(url).lazy().open().await.unwrap();
    let error = store.command(["PING"]).within(SHORT).await.unwrap_err();
    assert_eq!(error.failure(), Failure::NotSent);
}

#[tokio::test]
async fn a_replica_refuses_writes_until_it_is_promoted() {
    let OnServer { server, store } = on_server().await;
    let mut admin = server.connect().unwrap();
    admin.call(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let error = store
        .command(["SET", "k", "v"])
        .within(SECOND)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.failure()),
        (Some("READONLY"), Failure::NotExecuted)
    );

    let write = store
        .command(["SET", "k", "v"])
        .replay(Replay::Never)
        .within(LONG);
    let write = hand_over(write.into_future()).await;
    admin.call(&["REPLICAOF", "NO", "ONE"]).unwrap();
    write.await.unwrap();
}

#[tokio::test]
async fn a_server_without_memory_says_so_and_is_not_asked_again() {
    let OnServer { server, store } = on_server().await;
    server
        .connect()
        .unwrap()
        .call(&["CONFIG", "SET", "maxmemory", "1"])
        .unwrap();
    let error = store
        .command(["SET", "k", "v"])
        .within(LONG)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.failure()),
        (Some("OOM"), Failure::Failed)
    );
    assert!(error.is_unavailable());
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let server = Server::from_path()
        .unwrap()
        .arg("--busy-reply-threshold")
        .arg("1")
        .start();
    let server = server.unwrap();
    let store = Store::open(&server.url()).await.unwrap();
    let mut stuck = server.connect().unwrap();
    stuck
        .send_command(&["EVAL", "while true do end", "0"])
        .unwrap();
    let busy = |answer: &Result<_, Error>| matches!(answer, Err(e) if e.code() == Some("BUSY"));
    ask_until(&store, busy).await;
    let write = hand_over(store.command(["SET", "k", "v"]).within(LONG).into_future()).await;
    server.connect().unwrap().call(&["SCRIPT", "KILL"]).unwrap();
    write.await.unwrap();
}

#[tokio::test]
async fn a_loading_server_is_asked_again_even_with_a_write() {
    const LOADING: Answer = Answer::Say("-LOADING Redis is loading the dataset in memory\r\n");
    let server = FakeServer::start([LOADING, LOADING]).await;
    let store = Store::open(&server.url()).await.unwrap();
    store.command(["SET", "k", "v"]).await.unwrap();
    assert_eq!(server.commands(), ["SET", "SET", "SET"]);
}

#[tokio::test]
async fn a_write_that_was_hung_up_on_is_sent_once() {
    let server = FakeServer::start([Answer::HangUp]).await;
    let store = Store::open(&server.url()).await.unwrap();
    let error = store.command(["INCR", "n"]).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Unknown);
    assert_eq!(server.commands(), ["INCR"]);
}

#[tokio::test]
async fn an_idempotent_write_that_was_hung_up_on_is_sent_again() {
    let server = FakeServer::start([Answer::HangUp, Answer::HangUp]).await;
    let store = Store::open(&server.url()).await.unwrap();
    store
        .command(["SET", "k", "v"])
        .replay(Replay::Idempotent)
        .within(LONG)
        .await
        .unwrap();
    assert_eq!(server.commands(), ["SET", "SET", "SET"]);
}

#[test]
fn a_server_without_a_runtime_is_an_error() {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let opened = std::pin::pin!(Store::open("redis://127.0.0.1:1")).poll(&mut context);
    let std::task::Poll::Ready(Err(error)) = opened else {
        panic!("nothing to wait for");
    };
    assert!(matches!(error, Error::Config(_)), "{error}");
}
