//! redis-rs' own connections to an engine, through a pipe inside the process instead of a socket.

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncCommands, AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo,
    Script, Value, pipe,
};
use redstart_engine::Engine;
use redstart_engine::server::serve_stream;
use tokio::io::duplex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A connection to `engine` and what is pushed to it. The pipe holds so few bytes that both sides
/// often have to wait for the other.
async fn connect(
    engine: &Engine,
    protocol: ProtocolVersion,
) -> (MultiplexedConnection, UnboundedReceiver<PushInfo>) {
    let (near, far) = duplex(256);
    let engine = engine.clone();
    tokio::spawn(async move { serve_stream(&engine, far).await });
    let (sender, pushes) = unbounded_channel();
    let mut config = AsyncConnectionConfig::new().set_response_timeout(None);
    if protocol == ProtocolVersion::RESP3 {
        config = config.set_push_sender(sender);
    }
    let info = RedisConnectionInfo::default().set_protocol(protocol);
    let (connection, driver) = MultiplexedConnection::new_with_config(&info, near, config)
        .await
        .unwrap();
    tokio::spawn(driver);
    (connection, pushes)
}

#[tokio::test]
async fn many_tasks_share_a_connection_and_each_gets_its_own_replies() {
    for protocol in [ProtocolVersion::RESP2, ProtocolVersion::RESP3] {
        let engine = Engine::builder().build();
        let (connection, _) = connect(&engine, protocol).await;
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..64_usize {
            let mut connection = connection.clone();
            tasks.spawn(async move {
                let key = format!("task:{task}");
                let value = key.repeat(task + 1);
                for _ in 0..20 {
                    let _: () = connection.set(&key, &value).await.unwrap();
                    assert_eq!(connection.get::<_, String>(&key).await.unwrap(), value);
                    let _: i64 = connection.incr("all", 1).await.unwrap();
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        let mut connection = connection;
        assert_eq!(connection.get::<_, i64>("all").await.unwrap(), 64 * 20);
    }
}

#[tokio::test]
async fn replies_keep_their_types() {
    let engine = Engine::builder().build();
    let (mut connection, _) = connect(&engine, ProtocolVersion::RESP3).await;
    let (first, second): (i64, Vec<String>) = pipe()
        .atomic()
        .hset("h", "a", 1)
        .ignore()
        .zadd("z", "m", 1.5)
        .sadd("s", "x")
        .ignore()
        .smembers("s")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!((first, second), (1, vec!["x".to_owned()]));
    let map: Value = connection.hgetall("h").await.unwrap();
    assert!(
        matches!(map, Value::Map(ref pairs) if pairs.len() == 1),
        "{map:?}"
    );
    let score: Value = connection.zscore("z", "m").await.unwrap();
    assert_eq!(score, Value::Double(1.5));
    let script = Script::new("return {KEYS[1], ARGV[1], redis.call('EXISTS', KEYS[1])}");
    let reply: (String, String, i64) = script
        .key("h")
        .arg(7)
        .invoke_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(reply, ("h".to_owned(), "7".to_owned(), 1));
}

#[tokio::test]
async fn messages_come_beside_replies_and_in_order() {
    let engine = Engine::builder().build();
    let (mut subscriber, mut pushes) = connect(&engine, ProtocolVersion::RESP3).await;
    let (mut publisher, _) = connect(&engine, ProtocolVersion::RESP2).await;
    subscriber.subscribe("news").await.unwrap();
    let confirmed = pushes.recv().await.unwrap();
    assert_eq!(confirmed.kind, PushKind::Subscribe);
    for number in 0..200_i64 {
        let receivers: i64 = publisher.publish("news", number).await.unwrap();
        assert_eq!(receivers, 1);
        let _: () = subscriber.set("seen", number).await.unwrap();
    }
    for number in 0..200_i64 {
        let message = pushes.recv().await.unwrap();
        assert_eq!(message.kind, PushKind::Message);
        let text = Value::BulkString(number.to_string().into_bytes());
        assert_eq!(message.data, [Value::BulkString(b"news".to_vec()), text]);
    }
}
