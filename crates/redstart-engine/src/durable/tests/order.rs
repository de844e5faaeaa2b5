//! The order of the log is the order of execution, whoever executes.

use std::sync::{Arc, Barrier};

use super::settings;
use crate::Engine;
use crate::durable::vfs::sim::SimFs;
use crate::durable::{AppendFsync, Drive};

const THREADS: usize = 4;
const COMMANDS: usize = 300;

/// Whether a log that several threads have written says what they have done.
fn log_is_in_order(shards: usize, late: bool) -> bool {
    let disk = SimFs::default();
    let open = |drive| {
        let engine = Engine::builder().shards(shards).seed(1);
        let policy = settings(AppendFsync::EverySecond);
        engine.open_on(Arc::new(disk.clone()), policy, drive)
    };
    let engine = open(Drive::Thread).expect("an empty disk");
    let durable = engine.environment.durable.as_ref();
    let journal = Arc::clone(durable.expect("it was opened with one").journal());
    journal.append_late(late);
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, journal, barrier) = (&engine, &journal, &barrier);
            scope.spawn(move || {
                let mut client = engine.connect_embedded();
                let letter = [b'a' + thread as u8];
                barrier.wait();
                for command in 0..COMMANDS {
                    client.call(&[b"APPEND", b"word", &letter]);
                    client.call(&[b"RPUSH", b"list", &letter]);
                    if command % 7 == 0 {
                        client.call(&[b"RENAME", b"word", b"other"]);
                    }
                    if command % 11 == 0 {
                        client.call(&[b"LPOP", b"list"]);
                    }
                    // Others get their turn, on however few processors.
                    std::thread::yield_now();
                }
                journal.catch_up();
            });
        }
    });
    let look = |engine: &Engine| {
        let mut client = engine.connect_embedded();
        let mut words = vec![client.call(&[b"LRANGE", b"list", b"0", b"-1"])];
        words.extend([b"word".as_slice(), b"other"].map(|key| client.call(&[b"GET", key])));
        words
    };
    let expected = look(&engine);
    drop(engine);
    // Out of order, a command may not even be possible.
    open(Drive::Thread).is_ok_and(|again| look(&again) == expected)
}

#[test]
fn the_log_is_in_the_order_of_execution() {
    for shards in [1, 16] {
        for _ in 0..5 {
            assert!(log_is_in_order(shards, false), "{shards} shards");
        }
    }
    let unnoticed = (0..20).all(|_| log_is_in_order(16, true));
    assert!(
        !unnoticed,
        "appending after the locks are released goes unnoticed"
    );
}
