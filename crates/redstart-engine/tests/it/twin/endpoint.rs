//! The two twins: a live server behind its socket, and the engine in this process.

use std::time::Duration;

use redstart_engine::{Client, Engine, Flow, Outbox, Peer, SimulatedClock};
use redstart_testkit::{FrameScanner, RawConnection, Reply, Server, ServerBinary};

use super::script::Step;

/// Something that commands can be sent to.
pub(super) trait Endpoint {
    /// What it is called in a report.
    fn name(&self) -> String;

    /// Starts anew: no data, no scripts, `clients` fresh clients that speak `resp`.
    fn reset(&mut self, clients: usize, resp: u8);

    /// Executes the steps in order and returns the bytes of each step's one reply.
    fn run(&mut self, steps: &[Step]) -> Vec<Vec<u8>>;

    /// Executes one step and returns all that each client has received since the last time. While
    /// a client is in MULTI that may be less than everything, the rest comes later.
    fn run_alone(&mut self, step: &Step) -> Vec<Vec<u8>>;

    /// Executes commands on a client of the harness' own, which speaks RESP2.
    fn ask(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Reply>;

    /// Puts its clock to `now_us` if it has one that can be put.
    fn set_time(&mut self, now_us: u64);
}

/// A server in a child process.
pub(super) struct Live {
    server: Server,
    own: RawConnection,
    clients: Vec<LiveClient>,
    resp: u8,
    tokens: u64,
}

/// What a history may have set otherwise.
const DEFAULTS: &str = "CONFIG SET maxmemory 0 maxmemory-policy noeviction maxmemory-samples 5 \
    lfu-log-factor 10 lfu-decay-time 1 hash-max-listpack-entries 512 hash-max-listpack-value 64 \
    zset-max-listpack-entries 128 zset-max-listpack-value 64 set-max-intset-entries 512 \
    list-max-listpack-size -2 hll-sparse-max-bytes 3000 proto-max-bulk-len 512mb timeout 0 tcp-keepalive 300 \
    slowlog-log-slower-than 10000 slowlog-max-len 128 latency-monitor-threshold 0";

struct LiveClient {
    connection: RawConnection,
    in_multi: bool,
}

impl Live {
    pub(super) fn start(binary: ServerBinary) -> Live {
        let server = Server::builder(binary)
            .args(["--enable-debug-command", "yes"])
            // Payloads that are not what they seem are refused, as by the engine, not taken on trust.
            .args(["--sanitize-dump-payload", "yes"])
            .start()
            .unwrap_or_else(|error| panic!("{error}"));
        let own = server.connect().expect("a connection");
        let mut live = Live {
            server,
            own,
            clients: Vec::new(),
            resp: 2,
            tokens: 0,
        };
        // Keys must disappear when they are looked at, not whenever the server finds the time.
        let answer = live.ask(&[words("DEBUG SET-ACTIVE-EXPIRE 0")]);
        assert_eq!(answer, [Reply::Simple(b"OK".to_vec())]);
        live
    }

    /// The server's time in microseconds.
    pub(super) fn time_us(&mut self) -> u64 {
        let reply = self.ask(&[words("TIME")]).remove(0);
        let parts: Vec<u64> = reply
            .as_elements()
            .expect("TIME is an array")
            .iter()
            .filter_map(|part| std::str::from_utf8(part.as_bytes()?).ok()?.parse().ok())
            .collect();
        parts[0] * 1_000_000 + parts[1]
    }

    /// A connection on which the server shows every command.
    pub(super) fn monitor(&self) -> RawConnection {
        let mut connection = self.server.connect().expect("a connection");
        connection.call(&["MONITOR"]).expect("OK");
        connection
    }

    fn connect(&self) -> LiveClient {
        let mut connection = self.server.connect().expect("a connection");
        if self.resp == 3 {
            connection.call(&["HELLO", "3"]).expect("HELLO 3");
        }
        LiveClient {
            connection,
            in_multi: false,
        }
    }
}

impl Endpoint for Live {
    fn name(&self) -> String {
        self.server.binary().to_string()
    }

    fn reset(&mut self, clients: usize, resp: u8) {
        self.resp = resp;
        self.clients.clear();
        // The server learns of closed connections in its own time; what it still counts shows up
        // in replies such as PUBSUB NUMSUB.
        loop {
            let reply = self.ask(&[words("CLIENT LIST")]).remove(0);
            let lines = reply.as_bytes().expect("CLIENT LIST is a string").to_vec();
            if lines.iter().filter(|&&byte| byte == b'\n').count() <= 1 {
                break;
            }
        }
        self.ask(&[words("FLUSHALL"), words("SCRIPT FLUSH"), words("SELECT 0")]);
        let silence = ["CONFIG", "SET", "notify-keyspace-events", ""];
        let silence = silence.map(|word| word.as_bytes().to_vec()).to_vec();
        assert_eq!(self.ask(&[silence]), [Reply::Simple(b"OK".to_vec())]);
        let answer = self.ask(&[words(DEFAULTS)]);
        assert_eq!(answer, [Reply::Simple(b"OK".to_vec())]);
        self.clients = (0..clients).map(|_| self.connect()).collect();
    }

    fn run(&mut self, steps: &[Step]) -> Vec<Vec<u8>> {
        let mut replies = Vec::with_capacity(steps.len());
        let mut rest = steps;
        while let Some(first) = rest.first() {
            // Only one client's commands are in flight at a time, else their order would be open.
            let run = rest
                .iter()
                .take_while(|step| step.client == first.client)
                .count();
            let (now, later) = rest.split_at(run);
            rest = later;
            let mut bytes = Vec::new();
            for step in now {
                RawConnection::encode(&step.args, &mut bytes);
            }
            let client = &mut self.clients[first.client];
            if let Err(error) = client.connection.send(&bytes) {
                panic!("cannot send {now:?}: {error}");
            }
            for step in now {
                match client.connection.receive_raw() {
                    Ok(reply) => replies.push(reply),
                    Err(error) => panic!("no reply to {step}: {error}"),
                }
            }
        }
        replies
    }

    fn run_alone(&mut self, step: &Step) -> Vec<Vec<u8>> {
        self.tokens += 1;
        let token = format!("token-{}", self.tokens);
        let mut received = vec![Vec::new(); self.clients.len()];
        // The sender first: what others receive is there when the reply is.
        let order = std::iter::once(step.client)
            .chain((0..self.clients.len()).filter(|&client| client != step.client));
        for index in order {
            let client = &mut self.clients[index];
            let connection = &mut client.connection;
            if index == step.client {
                connection.send_command(&step.args).expect("sent");
                let name = step.name();
                if name == "QUIT" {
                    received[index] = connection.receive_to_end().expect("an end");
                    continue;
                }
                match (name.as_str(), step.args.len()) {
                    // A subscriber may be refused: only the reply tells.
                    ("MULTI", 1) => loop {
                        let frame = connection.receive_raw().expect("a reply to MULTI");
                        received[index].extend_from_slice(&frame);
                        if frame.starts_with(b"+") || frame.starts_with(b"-") {
                            client.in_multi |= frame.starts_with(b"+");
                            break;
                        }
                    },
                    // Even an EXEC with too many words ends the transaction.
                    ("EXEC", _) | ("DISCARD" | "RESET", 1) => client.in_multi = false,
                    _ => {}
                }
            }
            // PING with a token comes back after everything else, in either protocol and with or
            // without subscriptions. In MULTI it would be queued; a nested MULTI is refused there
            // without harm.
            let mut end = Vec::new();
            if client.in_multi {
                connection.send_command(&["MULTI"]).expect("sent");
                end.extend_from_slice(b"-ERR MULTI calls can not be nested\r\n");
            } else {
                connection.send_command(&["PING", &token]).expect("sent");
                end.extend_from_slice(format!("${}\r\n{token}\r\n", token.len()).as_bytes());
            }
            let mut bytes = match connection.receive_until(&end) {
                Ok(bytes) => bytes,
                Err(error) => panic!("no end of what {step} caused: {error}"),
            };
            bytes.truncate(bytes.len() - end.len());
            // A RESP2 client with subscriptions gets its PONG as a message.
            let message = b"*2\r\n$4\r\npong\r\n";
            if !client.in_multi && bytes.ends_with(message) {
                bytes.truncate(bytes.len() - message.len());
            }
            received[index].extend_from_slice(&bytes);
        }
        for index in 0..self.clients.len() {
            if step.client == index && step.name() == "QUIT" {
                self.clients[index] = self.connect();
            }
        }
        received
    }

    fn ask(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Reply> {
        let mut bytes = Vec::new();
        for command in commands {
            RawConnection::encode(command, &mut bytes);
        }
        self.own.send(&bytes).expect("sent");
        commands
            .iter()
            .map(|_| self.own.receive().expect("a reply"))
            .collect()
    }

    fn set_time(&mut self, _now_us: u64) {}
}

/// The engine, on a clock that stands still unless it is put.
pub(super) struct Embedded {
    shards: usize,
    clock: SimulatedClock,
    engine: Engine,
    own: Client,
    clients: Vec<Client>,
    resp: u8,
}

impl Embedded {
    pub(super) fn new(shards: usize) -> Embedded {
        let clock = SimulatedClock::new(0);
        let engine = Embedded::engine(shards, &clock);
        let own = Embedded::connect(&engine, 2);
        Embedded {
            shards,
            clock,
            engine,
            own,
            clients: Vec::new(),
            resp: 2,
        }
    }

    fn engine(shards: usize, clock: &SimulatedClock) -> Engine {
        Engine::builder()
            .shards(shards)
            .clock(clock.clone())
            .seed(7)
            .debug_commands(true)
            .build()
    }

    fn connect(engine: &Engine, resp: u8) -> Client {
        let peer = Peer::remote("/twin/socket:0", "/twin/socket:0");
        let mut client = engine.connect(Outbox::encoded(|| {}), peer);
        if resp == 3 {
            let _ = client.execute(&[b"HELLO", b"3"]);
            client.outbox().take_bytes();
        }
        client
    }
}

/// Executes one command and returns all that its client has received.
fn execute(client: &mut Client, args: &[Vec<u8>]) -> (Vec<u8>, Flow) {
    let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    let flow = client.execute(&args);
    (client.outbox().take_bytes().to_vec(), flow)
}

impl Endpoint for Embedded {
    fn name(&self) -> String {
        format!("the engine with {} shards", self.shards)
    }

    fn reset(&mut self, clients: usize, resp: u8) {
        self.resp = resp;
        self.clients.clear();
        self.engine = Embedded::engine(self.shards, &self.clock);
        self.own = Embedded::connect(&self.engine, 2);
        self.clients = (0..clients)
            .map(|_| Embedded::connect(&self.engine, resp))
            .collect();
    }

    fn run(&mut self, steps: &[Step]) -> Vec<Vec<u8>> {
        steps
            .iter()
            .map(|step| execute(&mut self.clients[step.client], &step.args).0)
            .collect()
    }

    fn run_alone(&mut self, step: &Step) -> Vec<Vec<u8>> {
        let (bytes, flow) = execute(&mut self.clients[step.client], &step.args);
        let mut received: Vec<Vec<u8>> = self
            .clients
            .iter()
            .map(|client| client.outbox().take_bytes().to_vec())
            .collect();
        received[step.client] = bytes;
        if flow == Flow::Close {
            self.clients[step.client] = Embedded::connect(&self.engine, self.resp);
        }
        received
    }

    fn ask(&mut self, commands: &[Vec<Vec<u8>>]) -> Vec<Reply> {
        commands
            .iter()
            .map(|command| {
                let (bytes, _) = execute(&mut self.own, command);
                Reply::parse(&bytes).unwrap_or_else(|error| {
                    panic!("{error}: {} for {command:?}", bytes.escape_ascii())
                })
            })
            .collect()
    }

    fn set_time(&mut self, now_us: u64) {
        let now = std::time::Duration::from_micros(now_us);
        let then = redstart_engine::Clock::now_us(&self.clock);
        self.clock
            .advance(now.saturating_sub(Duration::from_micros(then)));
    }
}

/// A command from plain words.
pub(super) fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

/// Cuts bytes into whole replies; what is left over makes the last piece.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = match FrameScanner::new().scan(bytes) {
            Ok(Some(length)) => length,
            Ok(None) | Err(_) => bytes.len(),
        };
        let (frame, rest) = bytes.split_at(length);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}
