//! Scripts that declare all keys they touch: only those are locked, whoever else loads or forgets
//! the same script.

use std::thread;

use redstart_engine::{Client, Engine, Value};

/// Touches its first key, and any that its first argument names.
const SOURCE: &str = "redis.call('INCR', KEYS[1]); if ARGV[1] then redis.call('INCR', ARGV[1]) end";

fn eval_sha(client: &mut Client, sha: &str, args: &[&str]) -> Value {
    let mut call: Vec<&[u8]> = vec![b"EVALSHA", sha.as_bytes(), b"1", b"declared"];
    call.extend(args.iter().map(|arg| arg.as_bytes()));
    client.call(&call)
}

#[test]
fn an_operation_is_held_to_its_keys_whoever_loaded_it_first() {
    let engine = Engine::builder().build();
    let mut client = engine.connect_embedded();
    client.call(&[b"EVAL", SOURCE.as_bytes(), b"1", b"declared"]);
    let sha = client.load_operation(SOURCE).unwrap();
    client.call(&[b"SCRIPT", b"FLUSH"]);
    client.call(&[b"SCRIPT", b"LOAD", SOURCE.as_bytes()]);

    assert_eq!(eval_sha(&mut client, &sha, &[]), Value::Null);
    let refused = eval_sha(&mut client, &sha, &["another"]);
    let Value::Error(text) = &refused else {
        panic!("{refused:?}");
    };
    let text = String::from_utf8_lossy(text);
    assert!(text.contains("a key that it did not declare"), "{text}");
    assert_eq!(client.call(&[b"EXISTS", b"another"]), Value::Integer(0));
}

#[test]
fn loading_and_forgetting_takes_no_lock_from_under_an_operation() {
    const CALLS: usize = 2_000;
    let engine = Engine::builder().build();
    let sha = engine.connect_embedded().load_operation(SOURCE).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = engine.connect_embedded();
                for _ in 0..CALLS {
                    assert_eq!(eval_sha(&mut client, &sha, &[]), Value::Null);
                }
            });
        }
        scope.spawn(|| {
            let mut client = engine.connect_embedded();
            for _ in 0..CALLS {
                client.call(&[b"SCRIPT", b"FLUSH"]);
                client.call(&[b"EVAL", SOURCE.as_bytes(), b"1", b"elsewhere"]);
            }
        });
    });
    let mut client = engine.connect_embedded();
    let count = (2 * CALLS).to_string();
    assert_eq!(
        client.call(&[b"GET", b"declared"]),
        Value::bulk(count.as_bytes())
    );
}
