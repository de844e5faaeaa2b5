//! An engine with two clients, for inputs to be tried on.

use std::sync::atomic::{AtomicU64, Ordering};

use redstart_engine::{Client, Clock, Engine, Flow, Outbox, Peer, Resp, Value};
use redstart_protocol::ReplyDecoder;

/// A clock that moves on whenever it is looked at, so that what waits for time gets it, and every
/// run is the same.
#[derive(Debug, Default)]
struct Metronome(AtomicU64);

impl Clock for Metronome {
    fn now_us(&self) -> u64 {
        1_700_000_000_000_000 + self.monotonic_us()
    }

    fn monotonic_us(&self) -> u64 {
        self.0.fetch_add(500, Ordering::Relaxed)
    }
}

pub(crate) struct Session {
    engine: Engine,
    clients: [Client; 2],
}

impl Session {
    /// `shards` in number, one or many.
    pub(crate) fn new(shards: usize) -> Session {
        let engine = Engine::builder()
            .shards(shards)
            .seed(1)
            .clock(Metronome::default())
            .script_time_limit(std::time::Duration::from_millis(100))
            .build();
        let clients = [(), ()].map(|()| connect(&engine));
        Session { engine, clients }
    }

    /// Executes one command of one client.
    ///
    /// # Panics
    ///
    /// If what it sends cannot be read.
    pub(crate) fn execute(&mut self, client: usize, args: &[&[u8]]) {
        let flow = self.clients[client].execute(args);
        for client in &mut self.clients {
            let mut bytes = client.outbox().take_bytes();
            let mut decoder = ReplyDecoder::default();
            while let Some(reply) = decoder.decode(&mut bytes).expect("replies are well formed") {
                drop(reply);
            }
            assert!(bytes.is_empty(), "half a reply: {bytes:?}");
        }
        if flow == Flow::Close {
            self.clients[client] = connect(&self.engine);
        }
    }

    /// The reply to one command of one client, which is not sent.
    pub(crate) fn call(&mut self, client: usize, args: &[&[u8]]) -> Value {
        self.clients[client].call(args)
    }

    /// Removes everything.
    ///
    /// # Panics
    ///
    /// If something is left.
    pub(crate) fn finish(self) {
        self.engine.tick();
        let mut client = self.engine.connect_embedded();
        assert_eq!(client.resp(), Resp::V2);
        assert_eq!(client.call(&[b"FLUSHALL"]), Value::OK);
        let Value::Verbatim(_, report) = client.call(&[b"INFO", b"memory"]) else {
            panic!("INFO answers with a text");
        };
        let report = String::from_utf8_lossy(&report);
        assert!(
            report.contains("used_memory:0\r\n"),
            "the account of memory has drifted: {report}"
        );
    }
}

fn connect(engine: &Engine) -> Client {
    engine.connect(Outbox::encoded(|| {}), Peer::embedded())
}
