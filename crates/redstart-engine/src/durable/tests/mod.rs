//! What is promised is kept, whatever the disk does.

mod crash;
mod damage;
mod faults;
mod order;
mod snapshots;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redstart_protocol::Value;

use super::vfs::Vfs;
use super::{AppendFsync, Drive, Durability, OpenError, Persistence};
use crate::keyspace::Space;
use crate::keyspace::digest::Digest;
use crate::keyspace::object::StringView;
use crate::{Client, Engine, SimulatedClock};

/// Where everything is, on a simulated disk.
const DIRECTORY: &str = "/data";

const START_US: u64 = 1_700_000_000_000_000;

pub(crate) fn settings(policy: AppendFsync) -> Durability {
    let mut settings = Durability::new(DIRECTORY);
    settings.appendonly = true;
    settings.appendfsync = policy;
    settings.save = Vec::new();
    settings
}

/// An engine of one shard that repeats itself, on this disk.
pub(crate) fn open(vfs: impl Vfs + 'static, settings: Durability) -> Result<Kept, OpenError> {
    let clock = SimulatedClock::new(START_US);
    let engine = Engine::builder()
        .shards(1)
        .seed(7)
        .clock(clock.clone())
        .open_on(Arc::new(vfs), settings, Drive::Manual)?;
    let client = engine.connect_embedded();
    Ok(Kept {
        engine,
        client,
        clock,
    })
}

pub(crate) struct Kept {
    pub(crate) engine: Engine,
    client: Client,
    clock: SimulatedClock,
}

impl Kept {
    fn call(&mut self, line: &str) -> Value {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.client.call(&args)
    }

    /// Sets a string by a native step, as the rooms' operations do.
    fn step(&mut self, key: &str, value: u64) {
        let value = i64::try_from(value).expect("a small number");
        let stepped = self.client.with_string(key.as_bytes(), |slot| {
            // What is found first is replaced where it is.
            let _ = slot.read(|_| ());
            slot.set(StringView::Int(value), 100_000)
        });
        stepped
            .expect("nobody holds the key")
            .expect("there is memory");
    }

    fn digest(&self) -> String {
        self.with_all(|space| Digest::of_all(space).to_string())
    }

    /// Does something with all shards locked.
    fn with_all<R>(&self, work: impl FnOnce(&mut Space<'_>) -> R) -> R {
        let environment = &self.engine.environment;
        let shards = &environment.shards;
        let locked = shards.lock(shards.all(), || Ok::<(), ()>(()));
        // What is there, whether or not its time has come meanwhile.
        let clock = SimulatedClock::new(0);
        let surroundings = crate::keyspace::Surroundings {
            clock: &clock,
            coarse_us: 0,
            tracking: environment.config.tracking(),
            observer: None,
            announcer: None,
            logging: false,
            touching: false,
        };
        let mut rng = environment.fork_rng();
        let locked = locked.expect("nothing is waited for in vain");
        work(&mut Space::new(shards, locked, surroundings, &mut rng))
    }

    pub(crate) fn durable(&self) -> &Persistence {
        let durable = self.engine.environment.durable.as_ref();
        durable.expect("it was opened with one")
    }

    /// The number of the last batch.
    pub(crate) fn lsn(&self) -> u64 {
        self.durable().journal().appended()
    }

    /// Does a piece of the snapshot at hand; false if there is none.
    fn step_snapshot(&self) -> bool {
        let durable = self.durable();
        let mut parked = durable.parked().lock();
        let Some(job) = &mut *parked else {
            return false;
        };
        if job.step(durable, &self.engine.environment.shards) {
            *parked = None;
        }
        true
    }

    fn finish_snapshot(&self) {
        while self.step_snapshot() {}
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    fn log_path() -> PathBuf {
        [DIRECTORY, "appendonlydir", "appendonly.aof.1.incr.aof"]
            .iter()
            .collect()
    }
}

#[test]
fn what_was_done_is_there_again() {
    for policy in AppendFsync::ALL {
        let disk = super::vfs::sim::SimFs::default();
        let mut first = open(disk.clone(), settings(policy)).expect("an empty disk");
        for line in [
            "SET a 1",
            "SELECT 3",
            "RPUSH list x y z",
            "MULTI",
            "INCR a",
            "SADD set m n",
            "EXEC",
            "SPOP set",
            "PEXPIRE list 100000",
        ] {
            assert!(!first.call(line).is_error(), "{line}");
        }
        let (digest, lsn) = (first.digest(), first.lsn());
        drop(first);
        let second = open(disk.clone(), settings(policy)).expect("a log of our own");
        assert_eq!((second.digest(), second.lsn()), (digest.clone(), lsn));
        drop(second);
        let mut third = open(disk, settings(policy)).expect("a log of our own");
        third.call("SELECT 3");
        assert_eq!(
            third.call("PEXPIRETIME list"),
            Value::Integer(1_700_000_100_000)
        );
        third.pass(100_001);
        assert_eq!(third.call("EXISTS list"), Value::Integer(0));
    }
}

#[test]
fn a_directory_serves_one_engine_at_a_time() {
    let disk = super::vfs::sim::SimFs::default();
    let first = open(disk.clone(), settings(AppendFsync::No)).expect("an empty disk");
    let second = open(disk.clone(), settings(AppendFsync::No));
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    drop(first);
    assert!(open(disk, settings(AppendFsync::No)).is_ok());
}

#[test]
fn keys_that_expired_meanwhile_are_replayed_and_then_gone() {
    let disk = super::vfs::sim::SimFs::default();
    let mut first = open(disk.clone(), settings(AppendFsync::No)).expect("an empty disk");
    // The append works on what would have expired by now, had time gone on.
    first.call("SET k v PX 10");
    first.call("APPEND k more");
    first.call("COPY k kept");
    first.call("PERSIST kept");
    drop(first);
    let mut second = open(disk, settings(AppendFsync::No)).expect("a log of our own");
    second.pass(1_000);
    assert_eq!(second.call("GET k"), Value::Null);
    assert_eq!(second.call("GET kept"), Value::bulk("vmore"));
}
