//! redis-rs' own traits over a store.

use redis::{AsyncCommands, Pipeline, RedisResult, Script, pipe};
use redstart::Connection;

on_every_store!(
    commands_and_iterators,
    pipelines,
    transactions,
    scripts_load_themselves,
    shared_connections_refuse_what_is_not_shared,
);

async fn commands_and_iterators(store: &redstart::Store) {
    let mut connection = store.connection();
    let _: () = connection.set("n", 41).await.unwrap();
    assert_eq!(connection.incr::<_, _, i64>("n", 1).await.unwrap(), 42);
    assert_eq!(
        connection.get::<_, Option<String>>("absent").await.unwrap(),
        None
    );
    for number in 0..25 {
        let _: () = connection.sadd("set", number).await.unwrap();
    }
    let mut found = Vec::new();
    let mut scanning = connection.clone();
    let mut members = scanning.sscan::<_, i64>("set").await.unwrap();
    while let Some(member) = members.next_item().await {
        found.push(member.unwrap());
    }
    found.sort_unstable();
    assert_eq!(found, (0..25).collect::<Vec<_>>());
    let error = connection.incr::<_, _, i64>("set", 1).await.unwrap_err();
    assert_eq!(error.code(), Some("WRONGTYPE"));
    let _: () = connection.hset("h", "a", 1).await.unwrap();
    let map: std::collections::HashMap<String, i64> = connection.hgetall("h").await.unwrap();
    assert_eq!(map["a"], 1);
}

async fn pipelines(store: &redstart::Store) {
    let mut connection = store.connection();
    let (one, two): (i64, i64) = pipe()
        .incr("n", 1)
        .set("m", 1)
        .ignore()
        .incr("n", 1)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!((one, two), (1, 2));
    let results: Vec<RedisResult<i64>> = pipe()
        .incr("n", 1)
        .cmd("INCR")
        .ignore_errors()
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &3);
    assert!(results[1].is_err());
}

async fn transactions(store: &redstart::Store) {
    let mut connection = store.connection();
    let transaction = |second: &str| {
        let mut pipeline = Pipeline::new();
        pipeline.atomic().incr("n", 1).cmd(second).arg("n");
        pipeline
    };
    let numbers: Vec<i64> = transaction("INCR")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(numbers, [1, 2]);
    let refused: RedisResult<Vec<i64>> = transaction("SET").query_async(&mut connection).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("wrong number of arguments")
    );
    assert_eq!(connection.get::<_, i64>("n").await.unwrap(), 2);
}

async fn scripts_load_themselves(store: &redstart::Store) {
    let mut connection = store.connection();
    let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    for expected in [7, 14] {
        let sum: i64 = script
            .key("n")
            .arg(7)
            .invoke_async(&mut connection)
            .await
            .unwrap();
        assert_eq!(sum, expected);
    }
}

async fn shared_connections_refuse_what_is_not_shared(store: &redstart::Store) {
    let mut connection: Connection = store.connection();
    for name in ["SELECT", "WATCH", "MULTI", "SUBSCRIBE", "BLPOP"] {
        let refused: RedisResult<()> = redis::cmd(name)
            .arg("x")
            .arg(0)
            .query_async(&mut connection)
            .await;
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("`exclusive()`"), "{text}");
    }
}
