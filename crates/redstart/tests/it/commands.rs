//! Commands and pipelines: one suite, run on every kind of store.

use std::collections::BTreeMap;

use redstart::store::{Error, Failure};
use redstart::{Store, Value};

use crate::stores::{hand_over, on_server};

on_every_store!(
    replies_become_what_was_asked_for,
    an_error_reply_is_an_error,
    a_pipeline_answers_item_by_item,
    a_transaction_runs_as_one,
    a_refused_transaction_runs_not_at_all,
    what_needs_a_connection_of_its_own_is_refused,
    malformed_requests_are_refused,
);

async fn replies_become_what_was_asked_for(store: &Store) {
    assert_eq!(
        store.command(["SET", "n"]).arg(41).await.unwrap(),
        Value::OK
    );
    assert_eq!(
        store
            .command(["INCR", "n"])
            .returning::<u32>()
            .await
            .unwrap(),
        42
    );
    let text = store
        .command(["GET", "n"])
        .returning::<String>()
        .await
        .unwrap();
    assert_eq!(text, "42");
    let absent = store
        .command(["GET", "absent"])
        .returning::<Option<String>>()
        .await
        .unwrap();
    assert_eq!(absent, None);
    let set = store
        .command(["SET", "n", "1", "NX"])
        .returning::<bool>()
        .await
        .unwrap();
    assert!(!set);
    store
        .command(["SET"])
        .arg(b"bytes")
        .arg(b"\x00\r\n\xff")
        .await
        .unwrap();
    let bytes = store
        .command(["GET", "bytes"])
        .returning::<Vec<u8>>()
        .await
        .unwrap();
    assert_eq!(bytes, b"\x00\r\n\xff");
    let many = store
        .command(["MGET"])
        .args(["n", "absent"])
        .returning::<Vec<Option<i64>>>();
    assert_eq!(many.await.unwrap(), [Some(42), None]);
    let error = store
        .command(["GET", "absent"])
        .returning::<String>()
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "GET: expected a string, got nothing");
    store
        .command(["HSET", "h", "a", "1", "b", "2"])
        .await
        .unwrap();
    let map = store
        .command(["HGETALL", "h"])
        .returning::<BTreeMap<String, i64>>()
        .await
        .unwrap();
    assert_eq!(
        map,
        BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)])
    );
}

async fn an_error_reply_is_an_error(store: &Store) {
    store.command(["SET", "text", "x"]).await.unwrap();
    let error = store.command(["INCR", "text"]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "INCR: ERR value is not an integer or out of range (failed)"
    );
    assert_eq!(
        (error.code(), error.failure()),
        (Some("ERR"), Failure::Failed)
    );
    assert!(!error.is_unavailable());
}

async fn a_pipeline_answers_item_by_item(store: &Store) {
    let results = store
        .pipeline()
        .command(["SET", "text", "x"])
        .command(["INCR", "text"])
        .command(["APPEND", "text"])
        .arg("y")
        .command(["GET", "text"])
        .await
        .unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &Value::OK);
    assert_eq!(results[1].as_ref().unwrap_err().operation(), Some("INCR"));
    assert_eq!(results[2].as_ref().unwrap(), &Value::Integer(2));
    assert_eq!(results[3].as_ref().unwrap(), &Value::bulk("xy"));
    assert!(store.pipeline().await.unwrap().is_empty());
}

async fn a_transaction_runs_as_one(store: &Store) {
    let results = store
        .pipeline()
        .atomic()
        .command(["SET", "text", "x"])
        .command(["INCR", "text"])
        .command(["GET", "text"])
        .await
        .unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &Value::OK);
    assert_eq!(results[1].as_ref().unwrap_err().code(), Some("ERR"));
    assert_eq!(results[2].as_ref().unwrap(), &Value::bulk("x"));
}

async fn a_refused_transaction_runs_not_at_all(store: &Store) {
    let error = store
        .pipeline()
        .atomic()
        .command(["SET", "text", "x"])
        .command(["GET"])
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "GET: ERR wrong number of arguments for 'get' command (failed)"
    );
    let text = store
        .command(["GET", "text"])
        .returning::<Option<String>>()
        .await
        .unwrap();
    assert_eq!(text, None);
}

async fn what_needs_a_connection_of_its_own_is_refused(store: &Store) {
    let refused: [&[&str]; 8] = [
        &["SELECT", "1"],
        &["multi"],
        &["WATCH", "k"],
        &["SUBSCRIBE", "news"],
        &["BLPOP", "list", "0"],
        &["CLIENT", "reply", "OFF"],
        &["XREAD", "BLOCK", "0", "STREAMS", "s", "$"],
        &["HELLO", "2"],
    ];
    for command in refused {
        let error = store.command(command).await.unwrap_err();
        assert!(matches!(error, Error::NeedsExclusive { .. }), "{error}");
        assert!(error.to_string().contains("`exclusive()`"), "{error}");
        let error = store.pipeline().command(command).await.unwrap_err();
        assert!(matches!(error, Error::NeedsExclusive { .. }), "{error}");
    }
}

async fn malformed_requests_are_refused(store: &Store) {
    let none: [&str; 0] = [];
    let error = store.command(none).await.unwrap_err();
    assert_eq!(error.to_string(), "command: a command needs a name");
}

#[tokio::test]
async fn commands_on_one_key_keep_their_order() {
    let on_server = on_server().await;
    let store = &on_server.store;
    let mut appends = Vec::new();
    for number in 0..500 {
        let append = store
            .command(["APPEND", "log"])
            .arg(format!("{number},"))
            .into_future();
        appends.push(hand_over(append).await);
    }
    for append in appends {
        append.await.unwrap();
    }
    let log = store
        .command(["GET", "log"])
        .returning::<String>()
        .await
        .unwrap();
    let expected: String = (0..500).map(|number| format!("{number},")).collect();
    assert_eq!(log, expected);
}

#[tokio::test]
async fn the_database_of_the_url_is_used() {
    let on_server = on_server().await;
    let url = format!("{}?db=3", on_server.server.url());
    let third = Store::open(&url).await.unwrap();
    third.command(["SET", "k", "third"]).await.unwrap();
    let first = on_server
        .store
        .command(["EXISTS", "k"])
        .returning::<bool>()
        .await
        .unwrap();
    assert!(!first);
    assert!(
        third
            .command(["EXISTS", "k"])
            .returning::<bool>()
            .await
            .unwrap()
    );
    third.require_shared().unwrap();
}
