//! Data on disk, from outside: real directories, real servers, processes that are killed.

mod interop;
mod killed;

use redstart_engine::{AppendFsync, Client, Durability, Engine, Value};

/// A log and nothing else, in this directory.
fn logged(directory: &std::path::Path, policy: AppendFsync) -> Durability {
    let mut durability = Durability::new(directory);
    durability.appendonly = true;
    durability.appendfsync = policy;
    durability.save = Vec::new();
    durability
}

fn open(durability: Durability) -> Engine {
    let builder = Engine::builder().debug_commands(true);
    builder
        .open(durability)
        .expect("the directory can be opened")
}

fn call(client: &mut Client, line: &str) -> Value {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    client.call(&args)
}

/// Redis' own fingerprint of all data.
fn digest(client: &mut Client) -> String {
    match call(client, "DEBUG DIGEST") {
        Value::Simple(text) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("no digest: {other:?}"),
    }
}
