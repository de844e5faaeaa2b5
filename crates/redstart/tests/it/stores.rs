//! The stores that tests run on.

use std::net::Ipv4Addr;
use std::task::Poll;
use std::time::Duration;

use redstart::Store;
use redstart::store::Replay;
use redstart_engine::Engine;
use redstart_testkit::Server;
use tokio::task::JoinHandle;

/// Runs test functions that take a store, on each kind of it.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "embedded")]
        mod embedded {
            $(#[tokio::test]
            async fn $test() {
                let store = redstart::Store::open("memory:").await.unwrap();
                super::$test(&store).await;
            })*
        }

        mod port {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    let on_port = crate::stores::on_port().await;
                    super::$test(&on_port.store).await;
                }
            )*
        }

        mod server {
            $(#[tokio::test]
            async fn $test() {
                let on_server = crate::stores::on_server().await;
                super::$test(&on_server.store).await;
            })*
        }
    };
}

/// A server, and a store on it. The server goes when the value does.
pub(crate) struct OnServer {
    pub(crate) server: Server,
    pub(crate) store: Store,
}

/// A fresh server and a store on it.
pub(crate) async fn on_server() -> OnServer {
    let server = Server::from_path().unwrap().start().unwrap();
    let store = Store::open(&server.url()).await.unwrap();
    OnServer { server, store }
}

/// Asks until there is an answer. A store whose server was silent fails at once for as long as it has
/// not heard from it.
pub(crate) async fn until_answered(store: &Store) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let until = store.time().monotonic() + PATIENCE;
    loop {
        let echo = store.command(["ECHO", "x"]).replay(Replay::Read);
        match echo.within(PATIENCE).await {
            Ok(_) => return,
            Err(error) if store.time().monotonic() > until => panic!("{error}"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// What a server says over a connection of the test's own, as text.
pub(crate) fn said(server: &Server, command: &[&str]) -> String {
    let reply = server.call(command).unwrap();
    String::from_utf8_lossy(reply.as_bytes().unwrap()).into_owned()
}

/// Our engine behind its own port, and a store that reaches it over the wire.
pub(crate) struct OnPort {
    pub(crate) store: Store,
    _serving: AbortOnDrop,
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A fresh engine on a free port and a store on it. Needs a runtime of several threads.
pub(crate) async fn on_port() -> OnPort {
    let server = redstart_engine::server::Server::builder(Engine::builder().build())
        .tcp((Ipv4Addr::LOCALHOST, 0).into())
        .listen()
        .await
        .unwrap();
    let url = format!("redis://{}", server.addresses()[0]);
    let serving = AbortOnDrop(tokio::spawn(server.serve(std::future::pending())));
    let store = Store::open(&url).await.unwrap();
    OnPort {
        store,
        _serving: serving,
    }
}

/// Polls a future once, so that its request is handed over, and gives it back.
pub(crate) async fn hand_over<F: Future + Unpin>(mut future: F) -> F {
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut future).poll(context);
        assert!(polled.is_pending(), "an answer came before anybody asked");
        Poll::Ready(())
    })
    .await;
    future
}
