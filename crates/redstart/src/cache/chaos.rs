//! What can go wrong between a cache and its store: steps are delayed, lost, or carried out without
//! anybody hearing of it, subscriptions fail, and processes stop for good in the middle.
//!
//! And the cache with its own rules broken, to see that the tests notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::stamp::Stamp;
use crate::store::{
    self, Arguments, Error, Execution, Failure, Operation, OperationName, Pipeline, Random, Run,
    Store, Value,
};

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// Whoever has loaded stores, whether its lease is gone or not.
    NoFence,
    /// An entry gets the number of the latest invalidation when it is stored.
    StampAfterLoad,
    /// Tags are not looked at.
    NoTagCheck,
    /// A tag whose number was lost gets that of the load.
    LostTagsAreTrusted,
}

/// Chances are in 1,000.
#[derive(Debug)]
pub(super) struct Chaos {
    pub(super) random: Arc<Random>,
    pub(super) mutant: Option<Mutant>,
    pub(super) lost: u64,
    pub(super) unheard: u64,
    pub(super) late: u64,
    pub(super) stopped: u64,
    pub(super) slow: u64,
    ended: AtomicBool,
    end: Notify,
    pub(super) steps: AtomicU64,
}

const DEADLINE: Duration = Duration::from_millis(250);

impl Chaos {
    pub(super) fn calm(random: &Arc<Random>) -> Chaos {
        Chaos {
            random: Arc::clone(random),
            mutant: None,
            lost: 0,
            unheard: 0,
            late: 0,
            stopped: 0,
            slow: 0,
            ended: AtomicBool::new(false),
            end: Notify::new(),
            steps: AtomicU64::new(0),
        }
    }

    /// Nothing more is carried out, and what has stopped goes on to hear so.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.end.notify_waiters();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    pub(super) async fn run<O: Operation + 'static>(
        self: &Arc<Self>,
        store: &Store,
        operation: O,
    ) -> store::Result<O::Output> {
        self.before::<O>(store).await?;
        if self.happens(self.late) {
            let (chaos, store) = (Arc::clone(self), store.clone());
            tokio::spawn(async move {
                chaos.pause(&store).await;
                if !chaos.has_ended() {
                    chaos.carry_out(&store, operation).await.ok();
                }
            });
            return Err(failed(O::NAME, Failure::Unknown));
        }
        let output = self.carry_out(store, operation).await;
        if self.happens(self.unheard) {
            return Err(failed(O::NAME, Failure::Unknown));
        }
        self.turns().await;
        output
    }

    pub(super) async fn ask(
        &self,
        questions: Pipeline<'_>,
    ) -> store::Result<Vec<store::Result<Value>>> {
        self.turns().await;
        if self.has_ended() || self.happens(self.lost) {
            return Err(failed(OperationName::named("pipeline"), Failure::NotSent));
        }
        let answers = questions.await;
        self.turns().await;
        answers
    }

    /// Whether a subscription fails.
    pub(super) async fn deafens(&self) -> bool {
        self.turns().await;
        self.has_ended() || self.happens(self.lost)
    }

    async fn before<O: Operation>(&self, store: &Store) -> store::Result<()> {
        self.turns().await;
        if self.happens(self.slow) {
            self.pause(store).await;
        }
        if !self.has_ended() && self.happens(self.stopped) {
            self.end.notified().await;
        }
        if self.has_ended() || self.happens(self.lost) {
            return Err(failed(O::NAME, Failure::NotSent));
        }
        self.steps.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Others go on, some of them or none.
    pub(super) async fn turns(&self) {
        for _ in 0..self.random.below(4) {
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn pause(&self, store: &Store) {
        let bound_ms = [4, 40, 400, 5_000][self.random.below(4) as usize];
        let pause = Duration::from_millis(self.random.below(bound_ms));
        store.time().sleep(pause).await;
    }

    fn happens(&self, in_1000: u64) -> bool {
        in_1000 > 0 && self.random.below(1000) < in_1000
    }

    async fn carry_out<O: Operation>(
        &self,
        store: &Store,
        operation: O,
    ) -> store::Result<O::Output> {
        let Some(mutant) = self.mutant else {
            return Execution::new(Run::new(store, operation, DEADLINE)).await;
        };
        let keys = operation.keys().to_vec();
        let mut arguments = Arguments::new();
        operation.encode(&mut arguments);
        let arguments: Vec<Vec<u8>> = arguments.iter().map(<[u8]>::to_vec).collect();
        let name = O::NAME;
        if mutant == Mutant::NoFence && name.as_str() == "cache.fill" {
            let lease = [b"L".as_slice(), &arguments[0]].concat();
            let set = store.command(["SET"]).arg(&keys[1]).arg(lease);
            set.await?;
        }
        if mutant == Mutant::NoTagCheck && name.as_str() == "cache.mark_tag" {
            return Ok(operation
                .decode(Value::Integer(1))
                .expect("a mark has no reply"));
        }
        let lost_tag = mutant == Mutant::LostTagsAreTrusted && name.as_str() == "cache.ensure_tag";
        if lost_tag {
            // The tag's load has the number that all loads of this incarnation began with, at most.
            let key = keys[0].as_bytes();
            let exists = store.command([b"EXISTS", key]).returning::<bool>().await?;
            if !exists {
                let incarnation = String::from_utf8_lossy(&arguments[0]).into_owned();
                let set = store.command([b"SET", key]).arg(format!("{incarnation}:0"));
                set.await?;
            }
        }
        let output = Execution::new(Run::new(store, operation, DEADLINE)).await;
        if mutant == Mutant::StampAfterLoad && name.as_str() == "cache.fill" {
            restamp(store, keys[0].as_bytes()).await?;
        }
        output
    }
}

/// Gives an entry the latest number of all.
async fn restamp(store: &Store, entry: &[u8]) -> store::Result<()> {
    let text = String::from_utf8_lossy(entry).into_owned();
    let cache = text.split_once(':').and_then(|_| text.rsplit_once(':'));
    let Some((cache, _)) = cache else {
        return Ok(());
    };
    let latest = store.command(["GET", &format!("{cache}}}:latest")]);
    let latest = latest.returning::<Option<Vec<u8>>>().await?;
    let exists = store
        .command([b"EXISTS", entry])
        .returning::<bool>()
        .await?;
    if let (Some(latest), true) = (latest.as_deref().and_then(Stamp::parse), exists) {
        let mut bytes = latest.incarnation.to_be_bytes().to_vec();
        bytes.extend(latest.counter.to_be_bytes());
        let set = store.command([b"SETRANGE", entry, b"24"]).arg(bytes);
        set.await?;
    }
    Ok(())
}

fn failed(operation: OperationName, failure: Failure) -> Error {
    Error::Deadline {
        operation,
        failure,
        within: DEADLINE,
    }
}
