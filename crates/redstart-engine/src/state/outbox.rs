//! Where a client's replies and pushes go, in order.
//!
//! A reply takes its place here before the locks of its command are released, and messages are
//! put into the same queue, so the order on the wire is the order of execution.
//!
//! Bounded: a peer that does not read is cut off when its limit is passed, as Redis does; nothing
//! is dropped silently in the middle.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::BytesMut;
use redstart_protocol::{Resp, Value, encode};

use crate::shim::Mutex;

/// A client's queue of replies and pushes. Clones are handles of the same queue.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Bytes queued: encoded ones, or an estimate for values.
    pending: AtomicUsize,
    closed: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

struct Queue {
    resp: Resp,
    content: Content,
    limit: usize,
}

enum Content {
    Bytes(BytesMut),
    Values(VecDeque<Value>),
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pending = self.0.pending.load(Ordering::Relaxed);
        f.debug_struct("Outbox")
            .field("pending", &pending)
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// A queue of encoded bytes, for a connection. `wake` is called after something was added or
    /// the outbox was closed; it runs under locks, so it must only signal.
    pub fn encoded(wake: impl Fn() + Send + Sync + 'static) -> Outbox {
        Outbox::new(Content::Bytes(BytesMut::new()), wake)
    }

    /// A queue of values, for a subscriber inside the process. `wake` as for
    /// [`Outbox::encoded`].
    pub fn values(wake: impl Fn() + Send + Sync + 'static) -> Outbox {
        Outbox::new(Content::Values(VecDeque::new()), wake)
    }

    fn new(content: Content, wake: impl Fn() + Send + Sync + 'static) -> Outbox {
        Outbox(Arc::new(Shared {
            queue: Mutex::new(Queue {
                resp: Resp::V2,
                content,
                limit: usize::MAX,
            }),
            pending: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            wake: Box::new(wake),
        }))
    }

    /// Takes the encoded bytes queued so far. Empty for a queue of values.
    pub fn take_bytes(&self) -> BytesMut {
        /// From here on the queue gives its memory away with its contents, and begins anew.
        const KEPT_BYTES: usize = 64 * 1024;

        let mut queue = self.0.queue.lock();
        self.0.pending.store(0, Ordering::Relaxed);
        match &mut queue.content {
            Content::Bytes(bytes) if bytes.len() > KEPT_BYTES => std::mem::take(bytes),
            Content::Bytes(bytes) => bytes.split(),
            Content::Values(_) => BytesMut::new(),
        }
    }

    /// Takes the oldest queued value. `None` for a queue of bytes.
    pub fn take_value(&self) -> Option<Value> {
        let mut queue = self.0.queue.lock();
        match &mut queue.content {
            Content::Bytes(_) => None,
            Content::Values(values) => {
                let value = values.pop_front()?;
                self.0.pending.fetch_sub(weight(&value), Ordering::Relaxed);
                Some(value)
            }
        }
    }

    /// Whether it is a queue of bytes.
    #[cfg(feature = "durable")]
    pub(crate) fn is_encoded(&self) -> bool {
        matches!(self.0.queue.lock().content, Content::Bytes(_))
    }

    /// Bytes queued and not yet taken.
    pub fn pending_bytes(&self) -> usize {
        self.0.pending.load(Ordering::Relaxed)
    }

    /// Above this many queued bytes the outbox closes itself.
    pub fn set_limit_bytes(&self, limit: usize) {
        self.0.queue.lock().limit = limit;
    }

    /// Whether the peer is to be disconnected: its limit was passed or it was killed.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// Has the peer disconnected. What is queued may still be taken.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        (self.0.wake)();
    }

    /// Appends a reply or a push.
    pub(crate) fn push(&self, value: Value) {
        self.append(|content, resp, pending| match content {
            Content::Bytes(bytes) => {
                encode(&value, resp, bytes);
                bytes.len()
            }
            Content::Values(values) => {
                let pending = pending + weight(&value);
                values.push_back(value);
                pending
            }
        });
    }

    /// Appends bytes as they are. A queue of values takes none.
    #[cfg(feature = "durable")]
    pub(crate) fn push_bytes(&self, more: &[u8]) {
        self.append(|content, _, pending| match content {
            Content::Bytes(bytes) => {
                bytes.extend_from_slice(more);
                bytes.len()
            }
            Content::Values(_) => pending,
        });
    }

    /// Appends an array that announces so many elements and has these, each in the protocol that
    /// was spoken when it was made. A peer of values gets the array it has become.
    pub(crate) fn push_mixed(
        &self,
        announced: usize,
        elements: &[Value],
        spoken: impl Fn(usize) -> Resp,
    ) {
        self.append(|content, _, pending| match content {
            Content::Bytes(bytes) => {
                bytes.extend_from_slice(format!("*{announced}\r\n").as_bytes());
                for (index, element) in elements.iter().enumerate() {
                    encode(element, spoken(index), bytes);
                }
                bytes.len()
            }
            Content::Values(values) => {
                let value = Value::Array(elements.to_vec());
                let pending = pending + weight(&value);
                values.push_back(value);
                pending
            }
        });
    }

    /// Has `write` append to the content and answer how many bytes are pending then.
    #[inline]
    fn append(&self, write: impl FnOnce(&mut Content, Resp, usize) -> usize) {
        if self.is_closed() {
            return;
        }
        let mut queue = self.0.queue.lock();
        let Queue {
            resp,
            content,
            limit,
        } = &mut *queue;
        let pending = write(content, *resp, self.0.pending.load(Ordering::Relaxed));
        self.0.pending.store(pending, Ordering::Relaxed);
        let over = pending > *limit;
        drop(queue);
        match over {
            true => self.close(),
            false => (self.0.wake)(),
        }
    }

    /// The protocol version that replies from now on are encoded in.
    pub(crate) fn set_resp(&self, resp: Resp) {
        self.0.queue.lock().resp = resp;
    }
}

/// About the bytes a value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::Simple(bytes)
        | Value::Error(bytes)
        | Value::Bulk(bytes)
        | Value::BigNumber(bytes)
        | Value::Decimal(bytes)
        | Value::Verbatim(_, bytes) => 32 + bytes.len(),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            32 + items.iter().map(weight).sum::<usize>()
        }
        Value::Map(pairs) => {
            32 + pairs
                .iter()
                .map(|(k, v)| weight(k) + weight(v))
                .sum::<usize>()
        }
        Value::Null | Value::NullArray | Value::Integer(_) | Value::Double(_) => 32,
        Value::Boolean(_) => 32,
    }
}
