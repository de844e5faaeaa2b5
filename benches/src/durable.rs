//! What it costs to keep data, beside redis-server on the same disk and in the same run, and beside
//! what that disk can do.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redstart_engine::{AppendFsync, Durability, Engine};
use redstart_testkit::{RawConnection, Server, ServerBinary};

use crate::port::{Contestants, peer_name};
use crate::report::{Better, Row, median};

const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
const WRITERS: [usize; 3] = [1, 8, 64];
const VALUE: &str = "sixteen bytes ok";
const BATCH: usize = 1_000;

type Failure = Box<dyn std::error::Error>;

pub fn rows(contestants: &Contestants) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    all(contestants, &mut rows).map_err(|error| error.to_string())?;
    Ok(rows)
}

fn all(contestants: &Contestants, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let scratch = Scratch::new()?;
    let syncs = syncs_a_second(&scratch)?;
    let ours = &contestants.ours;
    for peer in &contestants.peers {
        for fsync in ["everysec", "always"] {
            for writers in WRITERS {
                let (mut mine, mut theirs) = (Vec::new(), Vec::new());
                for _ in 0..ROUNDS {
                    mine.push(sets_a_second(ours, &scratch, fsync, writers)?);
                    theirs.push(sets_a_second(peer, &scratch, fsync, writers)?);
                }
                let (mine, theirs) = (median(mine), median(theirs));
                let name = format!("SET, appendfsync {fsync}, writers: {writers}");
                rows.push(higher(&name, mine, theirs, peer_name(peer), "req/s"));
                if fsync == "always" {
                    let name = format!("writes for each fsync the disk can do, writers: {writers}");
                    let (mine, theirs) = (mine / syncs, theirs / syncs);
                    rows.push(higher(&name, mine, theirs, peer_name(peer), "writes"));
                }
            }
        }
        for keys in sizes() {
            let (mine, theirs) = (life(ours, &scratch, keys)?, life(peer, &scratch, keys)?);
            let millions = keys as f64 / 1e6;
            for ((what, unit, mine), (_, _, theirs)) in mine.into_iter().zip(theirs) {
                let name = format!("{millions} M keys: {what}");
                rows.push(lower(&name, mine, theirs, peer_name(peer), unit));
            }
        }
    }
    in_process(&scratch, rows)
}

/// How many keys a snapshot has: ten millions too, if `REDSTART_BENCH_LARGE` is set.
fn sizes() -> Vec<usize> {
    match std::env::var_os("REDSTART_BENCH_LARGE") {
        Some(_) => vec![1_000_000, 10_000_000],
        None => vec![1_000_000],
    }
}

fn higher(name: &str, ours: f64, peer: f64, peer_name: &'static str, unit: &'static str) -> Row {
    Row {
        name: name.to_owned(),
        ours,
        peer,
        peer_name,
        unit,
        better: Better::Higher,
    }
}

fn lower(name: &str, ours: f64, peer: f64, peer_name: &'static str, unit: &'static str) -> Row {
    Row {
        better: Better::Lower,
        ..higher(name, ours, peer, peer_name, unit)
    }
}

/// Directories on the disk that the build is on, gone with the run.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Failure> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench/scratch");
        fs::create_dir_all(&target)?;
        Ok(Scratch(target.canonicalize()?))
    }

    /// An empty one.
    fn directory(&self) -> Result<PathBuf, Failure> {
        let path = self.0.join("data");
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the disk can do: appends of a hundred bytes, each made safe.
fn syncs_a_second(scratch: &Scratch) -> Result<f64, Failure> {
    let mut file = File::create(scratch.directory()?.join("limit"))?;
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        file.write_all(&[b'x'; 100])?;
        file.sync_data()?;
        done += 1;
    }
    Ok(f64::from(done) / start.elapsed().as_secs_f64())
}

fn start(binary: &ServerBinary, directory: &Path, args: &[&str]) -> Result<Server, Failure> {
    let server = Server::builder(binary.clone()).tcp().directory(directory);
    Ok(server.args(args.iter().copied()).start()?)
}

fn sets_a_second(
    binary: &ServerBinary,
    scratch: &Scratch,
    fsync: &str,
    writers: usize,
) -> Result<f64, Failure> {
    let args = ["--appendonly", "yes", "--appendfsync", fsync];
    let server = start(binary, &scratch.directory()?, &args)?;
    let stop = AtomicBool::new(false);
    let started = Instant::now();
    let done: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..writers)
            .map(|writer| {
                let (server, stop) = (&server, &stop);
                scope.spawn(move || {
                    let mut connection = server.connect().expect("the server takes connections");
                    let mut done = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let key = format!("key:{writer}:{:05}", done % 10_000);
                        let reply = connection.call(&["SET", &key, VALUE]);
                        assert!(!reply.expect("a reply").is_error());
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        while started.elapsed() < ROUND {
            std::thread::park_timeout(ROUND.saturating_sub(started.elapsed()));
        }
        stop.store(true, Ordering::Relaxed);
        let joined = writers.into_iter().map(|writer| writer.join());
        joined.map(|done| done.expect("a writer ends")).sum()
    });
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

type Measured = (&'static str, &'static str, f64);

/// A snapshot and what it does to a writer, the sizes of the files, and loading them.
fn life(binary: &ServerBinary, scratch: &Scratch, keys: usize) -> Result<Vec<Measured>, Failure> {
    let directory = scratch.directory()?;
    let mut measured = Vec::new();
    // Without a log first: a snapshot, and starting from it.
    let mut server = start(binary, &directory, &[])?;
    let mut connection = server.connect()?;
    connection.set_deadline(Duration::from_secs(600));
    fill(&mut connection, keys)?;
    let before = latencies(&server, |elapsed| elapsed < ROUND)?;
    expect(&mut connection, &["BGSAVE"])?;
    let started = Instant::now();
    let mut took = Duration::ZERO;
    let during = latencies(&server, |_| {
        let busy = info(&mut connection, "rdb_bgsave_in_progress") == "1";
        took = started.elapsed();
        busy
    })?;
    measured.push(("BGSAVE", "s", took.as_secs_f64()));
    measured.push(("p99 of a writer, quiet", "us", percentile_us(before)));
    measured.push(("p99 of a writer during BGSAVE", "us", percentile_us(during)));
    measured.push(("size of the snapshot", "B/key", size(&directory, keys)?));
    server.kill();
    let started = Instant::now();
    server.restart()?;
    measured.push(("loading the snapshot", "s", started.elapsed().as_secs_f64()));
    drop(server);

    let directory = scratch.directory()?;
    let args = [
        "--appendonly",
        "yes",
        "--appendfsync",
        "no",
        "--auto-aof-rewrite-percentage",
        "0",
    ];
    let mut server = start(binary, &directory, &args)?;
    let mut connection = server.connect()?;
    connection.set_deadline(Duration::from_secs(600));
    fill(&mut connection, keys)?;
    server.stop()?;
    measured.push(("size of the log", "B/key", size(&directory, keys)?));
    let started = Instant::now();
    server.restart()?;
    measured.push(("loading the log", "s", started.elapsed().as_secs_f64()));
    Ok(measured)
}

fn fill(connection: &mut RawConnection, keys: usize) -> Result<(), Failure> {
    let mut batch = Vec::new();
    for start in (0..keys).step_by(BATCH) {
        batch.clear();
        for n in start..start + BATCH {
            let key = format!("key:{n:012}");
            RawConnection::encode(&["SET", &key, VALUE], &mut batch);
        }
        connection.send(&batch)?;
        for _ in 0..BATCH {
            if connection.receive()?.is_error() {
                return Err("a SET was refused".into());
            }
        }
    }
    Ok(())
}

/// How long each of one writer's SETs takes, for as long as it is told to go on.
fn latencies(
    server: &Server,
    mut go_on: impl FnMut(Duration) -> bool,
) -> Result<Vec<Duration>, Failure> {
    let mut connection = server.connect()?;
    let (started, mut took) = (Instant::now(), Vec::new());
    while go_on(started.elapsed()) {
        for _ in 0..100 {
            let key = format!("key:{:012}", took.len() % 10_000);
            let sent = Instant::now();
            expect(&mut connection, &["SET", &key, VALUE])?;
            took.push(sent.elapsed());
        }
    }
    Ok(took)
}

fn percentile_us(mut latencies: Vec<Duration>) -> f64 {
    latencies.sort();
    let at = latencies.len() * 99 / 100;
    latencies
        .get(at)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
}

fn expect(connection: &mut RawConnection, args: &[&str]) -> Result<(), Failure> {
    let reply = connection.call(args)?;
    match reply.is_error() {
        true => Err(format!("{args:?}: {reply:?}").into()),
        false => Ok(()),
    }
}

/// A field of INFO persistence.
fn info(connection: &mut RawConnection, field: &str) -> String {
    let reply = connection.call(&["INFO", "persistence"]);
    let reply = reply.expect("INFO answers");
    let text = String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned();
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let value = lines.find(|(name, _)| *name == field);
    value.map_or(String::new(), |(_, value)| value.trim().to_owned())
}

/// Bytes a key of everything that is kept.
fn size(directory: &Path, keys: usize) -> Result<f64, Failure> {
    fn sum(directory: &Path) -> std::io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(directory)? {
            let (path, entry) = entry.map(|entry| (entry.path(), entry.metadata()))?;
            let entry = entry?;
            bytes += match entry.is_dir() {
                true => sum(&path)?,
                false if kept(&path) => entry.len(),
                false => 0,
            };
        }
        Ok(bytes)
    }
    fn kept(path: &Path) -> bool {
        path.extension()
            .is_some_and(|kind| kind == "rdb" || kind == "aof")
    }
    Ok(sum(directory)? as f64 / keys as f64)
}

/// SET in the process, logged and made safe every second.
fn in_process(scratch: &Scratch, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let (mut ours, mut kevy) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut durability = Durability::new(scratch.directory()?);
        durability.appendonly = true;
        durability.appendfsync = AppendFsync::EverySecond;
        let engine = Engine::builder().open(durability)?;
        let mut client = engine.connect_embedded();
        ours.push(nanoseconds(|key| {
            client.call(&[b"SET", key, VALUE.as_bytes()]);
        }));
        drop((client, engine));

        let config = kevy_embedded::Config::default()
            .with_persist(scratch.directory()?)
            .with_appendfsync(kevy_embedded::AppendFsync::EverySec)
            .with_shards(16);
        let store = kevy_embedded::Store::open(config)?;
        kevy.push(nanoseconds(|key| {
            store
                .set(key, VALUE.as_bytes())
                .expect("kevy takes a write");
        }));
    }
    let name = "in process: SET, appendfsync everysec";
    rows.push(lower(
        name,
        median(ours),
        median(kevy),
        "kevy-embedded",
        "ns",
    ));
    Ok(())
}

fn nanoseconds(mut set: impl FnMut(&[u8])) -> f64 {
    let keys: Vec<Vec<u8>> = (0..1_000)
        .map(|n| format!("key:{n:012}").into_bytes())
        .collect();
    let (start, mut done) = (Instant::now(), 0_usize);
    while start.elapsed() < ROUND {
        for key in &keys {
            set(key);
        }
        done += keys.len();
    }
    start.elapsed().as_nanos() as f64 / done as f64
}
