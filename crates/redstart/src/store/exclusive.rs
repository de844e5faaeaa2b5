//! A connection that nobody else uses: for WATCH and MULTI by hand, SELECT, and commands that wait.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

#[cfg(feature = "embedded")]
use redstart_engine::Client;
use redstart_protocol::Value;

use super::argument::{Argument, Arguments};
use super::command::Command;
use super::error::{Error, OperationName, Result};
use super::execution::{Boxed, Execution, Job, Started};
use super::remote::Own;
use super::shared::{Bearing, Kind, Wait};
use super::store::{Backend, Store};

const NAME: OperationName = OperationName::named("exclusive");

impl Store {
    /// Takes a connection that nobody else uses until it is dropped: for what changes or holds up
    /// its connection, which [`command`](Store::command) refuses.
    ///
    /// ```no_run
    /// # async fn example(store: redstart::Store) -> Result<(), redstart::store::Error> {
    /// let mut own = store.exclusive().await?;
    /// let job = own.command(["BLPOP", "jobs", "5"]).returning::<Option<(String, String)>>().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Its server is the one server, or the primary that sentinels know. On a cluster it is any
    /// node: take [`exclusive_for`](Store::exclusive_for) a key there.
    ///
    /// At most `max_exclusive` are lent out at a time; more wait for one to come back, within
    /// their deadline, and then fail as [overloaded](Error::Overloaded). One that comes back is lent
    /// out again only if it is as it was: nothing watched, no transaction begun, no answer
    /// outstanding, and never a SELECT, AUTH or the like. Every other one is closed. So taking one
    /// costs the round trips of a new connection, or none.
    ///
    /// Dropping the future before it is ready takes nothing.
    pub fn exclusive(&self) -> OpenExclusive<'_> {
        OpenExclusive {
            store: self,
            slot: None,
            within: self.deadline(),
        }
    }

    /// The same, to the server that has this key: on a cluster the owner of its slot.
    ///
    /// When the slot moves away, commands on it are refused with `MOVED` or `ASK` and nothing is
    /// executed; the store notes the move, and a connection taken then is to the new owner.
    pub fn exclusive_for(&self, key: impl Argument) -> OpenExclusive<'_> {
        let mut arguments = Arguments::new();
        key.append_to(&mut arguments);
        let key = arguments.iter().next();
        OpenExclusive {
            slot: key.map(redstart_protocol::slot),
            ..self.exclusive()
        }
    }
}

/// A connection being taken; awaiting it gives it.
#[must_use = "no connection is taken unless awaited"]
#[derive(Debug)]
pub struct OpenExclusive<'s> {
    store: &'s Store,
    slot: Option<u16>,
    within: Duration,
}

impl OpenExclusive<'_> {
    /// How long it may take, waiting for others to give theirs back included, instead of the
    /// store's own deadline.
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = limit;
        self
    }
}

impl<'s> IntoFuture for OpenExclusive<'s> {
    type Output = Result<Exclusive>;
    type IntoFuture = Execution<OpenExclusive<'s>>;

    fn into_future(self) -> Self::IntoFuture {
        Execution::new(self)
    }
}

impl<'s> Job for OpenExclusive<'s> {
    type Output = Result<Exclusive>;
    type Rest = Boxed<'s, Result<Exclusive>>;

    fn start(self) -> Started<Self::Output, Self::Rest> {
        match self.store.backend() {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => {
                let line = Line::Embedded(embedded.connect());
                Started::Done(Ok(Exclusive::new(self.store, line)))
            }
            Backend::Remote(remote) => Started::Underway(Box::pin(async move {
                let deadline = self.store.deadline_after(self.within);
                let own = remote.exclusive(self.slot, &NAME, deadline).await?;
                Ok(Exclusive::new(self.store, Line::Remote(Some(own))))
            })),
        }
    }
}

/// A connection that nobody else uses. Dropping it gives it back.
///
/// Nothing is ever sent twice over it, and a command without an answer ends it: when its deadline
/// passes, when its future is dropped, or when the connection breaks. Commands after that are
/// [not sent](super::Failure::NotSent); take another.
///
/// **Cancel safety.** A command that waits is not safe to drop: the server may answer at the very
/// moment, and what it took out of a list for you (BLPOP, BZPOPMIN, BLMOVE without a place to find
/// it again …) is then lost. Let such a command end by its own timeout. Reads (XREAD BLOCK) lose
/// nothing.
pub struct Exclusive {
    store: Store,
    line: Line,
    traces: Traces,
}

enum Line {
    /// A client of the engine.
    #[cfg(feature = "embedded")]
    Embedded(Box<Client>),
    /// Present until it is dropped.
    Remote(Option<Own>),
}

/// What commands have left behind on a connection.
#[derive(Debug, Default)]
struct Traces {
    /// Something is watched, or a transaction begun.
    begun: bool,
    /// It is not what it was when it was new.
    changed: bool,
}

impl Exclusive {
    fn new(store: &Store, line: Line) -> Exclusive {
        Exclusive {
            store: store.clone(),
            line,
            traces: Traces::default(),
        }
    }

    /// Begins a command with its name and first arguments, as [`Store::command`] does; awaiting it
    /// runs it.
    ///
    /// SELECT, AUTH, WATCH, MULTI, EXEC, WAIT and all that wait are carried. What changes what
    /// replies are, or whose, is refused here too: SUBSCRIBE and its like, MONITOR, HELLO, RESET,
    /// CLIENT REPLY.
    ///
    /// A command that waits by itself (BLPOP, XREAD BLOCK, WAIT …) has its own timeout and then the
    /// store's deadline to answer. One that waits for ever has to be told
    /// [`within`](Command::within) which time.
    ///
    /// # Errors
    ///
    /// As on shared connections, except that nothing is asked again. The embedded engine has no
    /// commands that wait ([`Error::Missing`]).
    pub fn command<A: Argument>(&mut self, arguments: impl IntoIterator<Item = A>) -> Command<'_> {
        let mut command = Arguments::new();
        for argument in arguments {
            argument.append_to(&mut command);
        }
        Command::exclusive(self, command)
    }

    /// Whether it can carry another command.
    pub fn is_open(&self) -> bool {
        match &self.line {
            #[cfg(feature = "embedded")]
            Line::Embedded(_) => true,
            Line::Remote(own) => own.as_ref().is_some_and(Own::is_open),
        }
    }

    /// Runs a command; its reply may be an error. `within` is what the caller said.
    pub(super) async fn run(
        &mut self,
        operation: &OperationName,
        arguments: &Arguments,
        within: Option<Duration>,
    ) -> Result<Value> {
        let slices = arguments.slices();
        let (kind, bearing) = Kind::of_exclusive(operation, &slices)?;
        let within = match (within, kind.wait(&slices)) {
            (Some(within), _) => within,
            (None, Wait::AtMost(wait)) => self.store.deadline().saturating_add(wait),
            (None, Wait::ForEver) => {
                return Err(Error::Malformed {
                    operation: operation.clone(),
                    reason: "it waits for ever: give it a timeout, or say `within`",
                });
            }
        };
        let deadline = self.store.deadline_after(within);
        self.traces.before(bearing);
        let reply = match (&mut self.line, self.store.backend()) {
            #[cfg(feature = "embedded")]
            (Line::Embedded(_), _) if bearing == Bearing::Waits => {
                return Err(Error::Missing {
                    operation: operation.clone(),
                    needs: "the embedded engine has no commands that wait",
                });
            }
            #[cfg(feature = "embedded")]
            (Line::Embedded(client), _) => client.call(&slices),
            (Line::Remote(Some(own)), Backend::Remote(remote)) => {
                drop(slices);
                remote
                    .send_over(own, operation, arguments, deadline)
                    .await?
            }
            // A connection belongs to its store's backend.
            #[cfg_attr(not(feature = "embedded"), allow(unreachable_patterns))]
            _ => return Err(Error::Config("the connection was given back")),
        };
        self.traces.after(bearing, &reply);
        Ok(reply)
    }
}

impl Traces {
    fn before(&mut self, bearing: Bearing) {
        self.begun |= bearing == Bearing::Begins;
        self.changed |= bearing == Bearing::Changes;
    }

    /// UNWATCH in a transaction is only queued; an error may have ended nothing.
    fn after(&mut self, bearing: Bearing, reply: &Value) {
        let queued = matches!(reply, Value::Simple(text) if text.as_ref() == b"QUEUED");
        if bearing == Bearing::Ends && !queued && !matches!(reply, Value::Error(_)) {
            self.begun = false;
        }
    }

    fn are_none(&self) -> bool {
        !self.begun && !self.changed
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        #[cfg_attr(not(feature = "embedded"), allow(irrefutable_let_patterns))]
        if let Line::Remote(own) = &mut self.line
            && let Some(own) = own.take()
            && let Backend::Remote(remote) = self.store.backend()
            && self.traces.are_none()
        {
            remote.take_back(own);
        }
    }
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive")
            .field("store", &self.store)
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}
