//! One connection: bytes to requests, requests to the engine, replies to the peer.
//!
//! Everything a turn received is executed before anything is sent, so that a pipeline costs one
//! read and one write. Reading goes on while a peer does not take its replies, because a client
//! may well send a long pipeline before it reads the first answer; what waits for it is bounded by
//! the output limits, not by holding up its requests.
//!
//! Nothing here waits but [`Connection::turn`], and what it waits for can be cancelled.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use redstart_protocol::{RequestDecoder, RequestError, RequestLimits};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::aside::step_aside;
use super::roster::Place;
use super::wakeup::Wakeup;
#[cfg(feature = "durable")]
use crate::durable::Settled;
use crate::stall;
use crate::state::Environment;
use crate::{Client, Flow};

/// Read at first, and by a connection that has been quiet.
const READ_MIN: usize = 1024;
/// The most that is read at once.
const READ_MAX: usize = 64 * 1024;
/// Commands executed before others on the same thread get their turn.
const COMMANDS_PER_TURN: usize = 1024;
/// Replies gathered before they are sent.
const REPLIES_PER_TURN_BYTES: usize = 1024 * 1024;
/// How long a peer may take to accept its last replies.
const FAREWELL: Duration = Duration::from_secs(10);
/// How often a paused command is tried again, should the pause be lifted early.
const PAUSE_CHECK: Duration = Duration::from_millis(10);

/// A peer and its client.
#[derive(Debug)]
pub(super) struct Connection<Io> {
    io: Io,
    client: Client,
    environment: Arc<Environment>,
    place: Arc<Place>,
    wakeup: Arc<Wakeup>,
    decoder: RequestDecoder,
    input: BytesMut,
    /// The most that `input` has held since its memory was last given back.
    input_peak: usize,
    read_size: usize,
    /// A request that has to wait until a pause ends.
    held: Option<Vec<Bytes>>,
    /// Replies taken from the outbox and not yet accepted by the operating system.
    unsent: BytesMut,
    output_limit: usize,
    /// What was executed last is not as safe yet as was promised: until it is, nothing is sent and
    /// nothing more is read.
    #[cfg(feature = "durable")]
    is_held_back: bool,
}

/// How far the received requests were executed.
enum Progress {
    /// More input is needed.
    Starved,
    /// There may be more: it is only others' turn.
    More,
    /// Clients are paused.
    Paused,
    /// The peer is to be disconnected when it has its replies.
    Close,
}

/// Why a turn ended.
enum Event {
    Input,
    /// The peer sends no more.
    EndOfInput,
    /// The server shuts down.
    Drain,
    /// The peer was killed, or passed a limit: nothing more is sent.
    Cut,
    /// The connection is broken.
    Gone,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Connection<Io> {
    pub(super) fn new(
        io: Io,
        client: Client,
        environment: Arc<Environment>,
        place: Arc<Place>,
        wakeup: Arc<Wakeup>,
    ) -> Connection<Io> {
        let decoder = RequestDecoder::new(limits_of(&environment));
        Connection {
            io,
            client,
            environment,
            place,
            wakeup,
            decoder,
            input: BytesMut::new(),
            input_peak: 0,
            read_size: READ_MIN,
            held: None,
            unsent: BytesMut::new(),
            output_limit: usize::MAX,
            #[cfg(feature = "durable")]
            is_held_back: false,
        }
    }

    /// Serves the peer until it leaves or is disconnected.
    pub(super) async fn run(mut self) {
        self.limit_output();
        loop {
            let progress = self.execute_received();
            self.limit_output();
            let event = match progress {
                Progress::Starved => self.turn(true).await,
                Progress::More => match self.send_now().await {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                Progress::Paused => {
                    match tokio::time::timeout(PAUSE_CHECK, self.turn(false)).await {
                        Ok(event) => event,
                        Err(_) => continue,
                    }
                }
                // Whoever has passed a limit is not waited for.
                Progress::Close if self.client.outbox().is_closed() => return,
                Progress::Close => return self.say_farewell().await,
            };
            match event {
                Event::Input => self.place.note_active(),
                Event::EndOfInput => return self.say_farewell().await,
                Event::Drain => {
                    // What has arrived is still answered, what is to come is not.
                    while let Progress::More = self.execute_received() {}
                    return self.say_farewell().await;
                }
                Event::Cut | Event::Gone => return,
            }
        }
    }

    /// Executes what has been received, request by request.
    fn execute_received(&mut self) -> Progress {
        stall::with_duty(step_aside, || {
            if let Some(held) = self.held.take() {
                let args: Vec<&[u8]> = held.iter().map(|arg| &arg[..]).collect();
                match self.client.execute(&args) {
                    Flow::Done => {}
                    Flow::Close => return Progress::Close,
                    Flow::Paused(_) => {
                        self.held = Some(held);
                        return Progress::Paused;
                    }
                }
            }
            for _ in 0..COMMANDS_PER_TURN {
                self.decoder
                    .set_before_auth(!self.client.is_authenticated());
                let request = match self.decoder.decode(&mut self.input) {
                    Ok(Some(request)) => request,
                    Ok(None) => {
                        self.give_memory_back();
                        self.note_input();
                        return Progress::Starved;
                    }
                    Err(error) => {
                        self.complain(error);
                        return Progress::Close;
                    }
                };
                let args = request.args();
                if is_from_a_browser(args[0]) {
                    tracing::warn!(client = self.client.id(), "disconnecting: it speaks HTTP");
                    return Progress::Close;
                }
                match self.client.execute(&args) {
                    Flow::Done => {}
                    Flow::Close => return Progress::Close,
                    Flow::Paused(_) => {
                        self.held =
                            Some(args.iter().map(|arg| Bytes::copy_from_slice(arg)).collect());
                        return Progress::Paused;
                    }
                }
                if self.client.outbox().pending_bytes() > REPLIES_PER_TURN_BYTES {
                    return Progress::More;
                }
            }
            Progress::More
        })
    }

    /// Tells the peer what is wrong with its request.
    fn complain(&self, error: RequestError) {
        tracing::debug!(client = self.client.id(), %error, "disconnecting");
        if let Some(reply) = error.reply() {
            self.client.outbox().push(reply);
        }
    }

    fn note_input(&self) {
        let bytes = self.input.len();
        self.client.note_input(bytes, self.input.capacity() - bytes);
    }

    /// One huge request must not take its memory for ever.
    fn give_memory_back(&mut self) {
        if self.input.is_empty() && self.input_peak > READ_MAX {
            self.input = BytesMut::new();
            self.input_peak = 0;
        }
    }

    /// Sends, and waits for the next thing that happens.
    async fn turn(&mut self, reading: bool) -> Event {
        poll_fn(|cx| self.poll_turn(cx, reading)).await
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>, reading: bool) -> Poll<Event> {
        loop {
            if self.client.outbox().is_closed() {
                return Poll::Ready(Event::Cut);
            }
            if self.place.is_draining() {
                return Poll::Ready(Event::Drain);
            }
            let sending = self.poll_send(cx);
            if let Poll::Ready(Err(_)) = sending {
                return Poll::Ready(Event::Gone);
            }
            #[cfg(feature = "durable")]
            let reading = reading && !self.is_held_back;
            if reading {
                self.input.reserve(self.read_size);
                match pin!(self.io.read_buf(&mut self.input)).poll(cx) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Event::EndOfInput),
                    Poll::Ready(Ok(read)) => {
                        self.environment.stats.note_received(read);
                        self.input_peak = self.input_peak.max(self.input.len());
                        self.adapt_read_size(read);
                        self.note_input();
                        return Poll::Ready(Event::Input);
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Event::Gone),
                    Poll::Pending => {}
                }
            }
            self.wakeup.arm(cx.waker());
            // What came between the first look and the arming is found here.
            let outbox = self.client.outbox();
            let unseen = sending.is_ready() && outbox.pending_bytes() > 0;
            if !(unseen || outbox.is_closed() || self.place.is_draining()) {
                return Poll::Pending;
            }
        }
    }

    /// Sends what the operating system accepts at once.
    async fn send_now(&mut self) -> io::Result<()> {
        poll_fn(|cx| match self.poll_send(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Ready(Ok(())),
        })
        .await
    }

    /// Sends until nothing is left.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = loop {
            if self.unsent.is_empty() {
                // Let go of what has been sent, so that the outbox may use the memory again.
                self.unsent = BytesMut::new();
                if self.client.outbox().pending_bytes() == 0 {
                    break pin!(self.io.flush()).poll(cx);
                }
                #[cfg(feature = "durable")]
                match self.client.poll_promise(cx.waker()) {
                    Settled::Kept => self.is_held_back = false,
                    Settled::NotYet => {
                        self.is_held_back = true;
                        break Poll::Pending;
                    }
                    // The peer is not told what happened, because nobody knows.
                    Settled::Broken => break Poll::Ready(Err(io::ErrorKind::Other.into())),
                }
                self.unsent = self.client.outbox().take_bytes();
            }
            match pin!(self.io.write(&self.unsent)).poll(cx) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(sent)) => {
                    self.environment.stats.note_sent(sent);
                    self.unsent.advance(sent);
                }
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.place.note_unsent(self.unsent.len());
        self.limit_output();
        result
    }

    /// Lets the peer have its last replies, within bounded time.
    async fn say_farewell(mut self) {
        let sent = tokio::time::timeout(FAREWELL, poll_fn(|cx| self.poll_send(cx))).await;
        if let Ok(Ok(())) = sent {
            let _ = self.io.shutdown().await;
        }
    }

    /// Reads more at once from a peer that fills what it is given, and less from a quiet one.
    fn adapt_read_size(&mut self, read: usize) {
        if read >= self.read_size {
            self.read_size = (self.read_size * 4).min(READ_MAX);
        } else if read < self.read_size / 16 {
            self.read_size = (self.read_size / 2).max(READ_MIN);
        }
    }

    /// Sets what the outbox may hold: the limit of the peer's kind, less what is on its way.
    fn limit_output(&mut self) {
        // One that monitors is sent what it did not ask for, as a subscriber is.
        let subscriber = self.client.subscriptions() > 0 || self.client.is_monitoring();
        self.place.note_subscriber(subscriber);
        let limit = match self.environment.connections.output(subscriber).hard_bytes() {
            #[cfg(feature = "durable")]
            _ if self.client.is_replica() => crate::state::replicas::OUTPUT_MAX,
            0 => usize::MAX,
            hard => {
                let hard = usize::try_from(hard).unwrap_or(usize::MAX);
                hard.saturating_sub(self.unsent.len())
            }
        };
        if limit != self.output_limit {
            self.output_limit = limit;
            self.client.outbox().set_limit_bytes(limit);
        }
    }
}

fn limits_of(environment: &Environment) -> RequestLimits {
    let bytes = |setting: &AtomicU64| {
        usize::try_from(setting.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    };
    RequestLimits {
        bulk_len_max: bytes(&environment.config.proto_max_bulk_len),
        request_len_max: bytes(&environment.connections.query_buffer_bytes),
        ..RequestLimits::default()
    }
}

/// Whether a request is HTTP: a page in somebody's browser may have been made to send it. Redis
/// ends such a conversation at once, before the body can be taken for commands.
fn is_from_a_browser(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}
