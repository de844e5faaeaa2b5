//! A replica's first load: everything as it stood when it asked, then what came since.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use redstart_protocol::Value;

use super::replicas::Replica;
use super::session::Session;
use super::snapshots::circumstances;
use super::{Environment, Outbox};
use crate::durable::{Circumstances, Form, Origin, Snapshot};
use crate::keyspace::{Begun, Space};

/// Bytes that may wait for the peer before more of the snapshot is made.
const PENDING_MAX: usize = 4 << 20;

/// Attaches the client as a replica, from this moment on, and has the snapshot that was begun at this
/// moment sent to it in the background. All shards are locked.
pub(crate) fn begin(
    env: &Arc<Environment>,
    space: &Space<'_>,
    session: &mut Session,
    snapshot: Begun,
    announced: bool,
) {
    let (replica, offset) =
        env.replicas
            .attach(&session.info, &session.outbox, session.replica_port);
    if announced {
        let text = format!("FULLRESYNC {} {offset}", env.run_id);
        session.outbox.push(Value::Simple(text.into_bytes().into()));
    }
    let Circumstances {
        now_s,
        used_memory,
        form,
    } = circumstances(env, space, true);
    let origin = Origin {
        lsn: 0,
        snapshot,
        now_s,
        used_memory,
    };
    // Forty characters do not turn up in a snapshot by chance. Without a mark for its end, the length
    // has to be known at the beginning.
    let mark = session.takes_eof.then(|| env.fork_rng().forty_digits());
    let load = Load {
        env: Arc::clone(env),
        replica,
        outbox: session.outbox.clone(),
        mark,
    };
    tracing::info!(
        address = load.replica.client.address,
        "a replica gets everything"
    );
    let spawned = thread::Builder::new()
        .name("redstart-sync".into())
        .spawn(move || load.run(origin, form));
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for a replica's load");
        session.outbox.close();
        env.shards.end_snapshot(&snapshot);
    }
}

struct Load {
    env: Arc<Environment>,
    replica: Arc<Replica>,
    outbox: Outbox,
    mark: Option<String>,
}

impl Load {
    fn run(self, origin: Origin, form: Form) {
        let address = &self.replica.client.address;
        match self.send(origin, form) {
            Ok(()) => {
                tracing::info!(address, "a replica was sent everything");
                if self.mark.is_none() {
                    self.replica.go_online(self.env.monotonic_s());
                }
            }
            Err(error) => {
                self.env.shards.end_snapshot(&origin.snapshot);
                self.outbox.close();
                tracing::warn!(address, %error, "a replica did not get everything");
            }
        }
    }

    fn send(&self, origin: Origin, form: Form) -> io::Result<()> {
        match &self.mark {
            Some(mark) => {
                let mut sink = Sink(&self.outbox);
                sink.write_all(format!("$EOF:{mark}\r\n").as_bytes())?;
                let sink = self.write(sink, origin, form)?;
                self.replica.await_word();
                sink.0.push_bytes(mark.as_bytes());
            }
            None => {
                let bytes = self.write(Vec::new(), origin, form)?;
                let mut sink = Sink(&self.outbox);
                sink.write_all(format!("${}\r\n", bytes.len()).as_bytes())?;
                sink.write_all(&bytes)?;
            }
        }
        Ok(())
    }

    fn write<W: Write>(&self, sink: W, origin: Origin, form: Form) -> io::Result<W> {
        let sink = io::BufWriter::with_capacity(64 * 1024, sink);
        let mut snapshot = Snapshot::new(sink, origin, form)?;
        while !snapshot.step(&self.env.shards)? {
            if self.outbox.is_closed() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        self.env.shards.end_snapshot(&origin.snapshot);
        let sink = snapshot.finish()?;
        sink.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// Writes to a peer no faster than it reads.
struct Sink<'a>(&'a Outbox);

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// Between two looks whether the peer has read: nobody who reads from an outbox tells.
        const MOMENT: Duration = Duration::from_millis(1);
        const PIECE: usize = 64 * 1024;
        while self.0.pending_bytes() > PENDING_MAX && !self.0.is_closed() {
            thread::park_timeout(MOMENT);
        }
        if self.0.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let piece = &bytes[..bytes.len().min(PIECE)];
        self.0.push_bytes(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
