//! The same requests, on every deployment of every server there is, and embedded: the same answers.

use std::time::Duration;

use redstart::{Store, Value};
use redstart_testkit::Matrix;

/// Agreement first, then haste: deployments on a busy machine take their time.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn the_same_requests_have_the_same_answers_everywhere() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut first: Option<Vec<String>> = None;
    let mut matrix = Matrix::of_servers().unwrap();
    if cfg!(feature = "embedded") {
        matrix = matrix.url("embedded", "memory:");
        matrix = matrix.url("embedded, strict", "memory:?cluster=strict");
    }
    matrix.run(|target| {
        let answers = runtime.block_on(everyday(target.url()));
        match &first {
            Some(first) => assert_eq!(&answers, first),
            None => first = Some(answers),
        }
    });
}

/// A little of everything that does not depend on chance or time.
async fn everyday(url: &str) -> Vec<String> {
    let store = Store::builder(url).deadline(PATIENCE).open().await.unwrap();
    let mut answers = Vec::new();
    for words in [
        &["SET", "greeting", "hello"][..],
        &["GET", "greeting"],
        &["GET", "nothing"],
        &["INCR", "greeting"],
        &["HSET", "user:1", "name", "ada", "age", "36"],
        &["HGETALL", "user:1"],
        &["ZADD", "board", "2.5", "ada", "1", "bob"],
        &["ZRANGE", "board", "0", "-1", "WITHSCORES"],
        &["LPUSH", "user:1", "x"],
        &[
            "EVAL",
            "return {KEYS[1], redis.call('GET', KEYS[1])}",
            "1",
            "greeting",
        ],
        &["EXISTS", "{a}1", "{a}2"],
    ] {
        let answer = store.command(words).await;
        answers.push(match answer {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => error.code().unwrap_or("no code").to_owned(),
        });
    }
    answers.extend(messages(&store).await);
    // Keys of many slots, back in the order they were asked for.
    let mut pipeline = store.pipeline();
    for key in 0..50 {
        pipeline = pipeline.command(["SET", &format!("many:{key}"), &key.to_string()]);
    }
    assert!(pipeline.await.unwrap().iter().all(Result::is_ok));
    let mut pipeline = store.pipeline();
    for key in 0..50 {
        pipeline = pipeline.command(["GET", &format!("many:{key}")]);
    }
    for (key, value) in pipeline.await.unwrap().into_iter().enumerate() {
        assert_eq!(value.unwrap(), Value::bulk(key.to_string()));
    }
    answers
}

/// Messages of each kind, from channels of several slots.
async fn messages(store: &Store) -> Vec<String> {
    let mut channels = store.subscribe(["news", "sport"]).await.unwrap();
    let mut patterns = store.subscribe_patterns(["ne*"]).await.unwrap();
    let mut shards = store.subscribe_shards(["a", "b", "c"]).await.unwrap();
    for words in [
        ["PUBLISH", "news", "one"],
        ["PUBLISH", "sport", "two"],
        ["SPUBLISH", "a", "three"],
        ["SPUBLISH", "c", "four"],
    ] {
        store.command(words).await.unwrap();
    }
    let mut events = Vec::new();
    for (subscription, count) in [(&mut channels, 2), (&mut patterns, 1), (&mut shards, 2)] {
        for _ in 0..count {
            events.push(format!("{:?}", subscription.next().await));
        }
    }
    // Channels of different nodes have no common order.
    events.sort();
    events
}
