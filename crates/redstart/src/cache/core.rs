//! What all handles of a cache share.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

#[cfg(all(test, feature = "embedded"))]
use super::chaos::Chaos;
use super::envelope::Envelope;
use super::error::CacheError;
use super::flight::Flights;
use super::keys::{Keys, TagKey};
use super::op::{EnsureTag, SettleTag, Stamps, Step, TakeStamp};
use super::outcome::{Counters, Outcome};
use super::policy::Policy;
use super::stamp::Stamp;
use super::token::Token;
use crate::store::codec::Codec;
use crate::store::{self, Backoff, Execution, Operation, Pipeline, Random, Run, Store, Value};

pub(super) struct Core<V> {
    pub(super) store: Store,
    pub(super) policy: Policy,
    pub(super) codec: Box<dyn Codec<V> + Send + Sync>,
    pub(super) keys: Keys,
    pub(super) flights: Flights<V>,
    /// One for each load that may be under way.
    pub(super) loads: Semaphore,
    pub(super) random: Arc<Random>,
    /// Between looks whether another process has loaded, for whoever is not told.
    pub(super) pauses: Backoff,
    counters: Counters,
    #[cfg(feature = "metrics")]
    metrics: super::metrics::Metrics,
    /// What goes wrong between the cache and its store, in tests that explore it.
    #[cfg(all(test, feature = "embedded"))]
    pub(super) chaos: Option<Arc<Chaos>>,
}

/// What is known of the tags of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tagged {
    /// None was invalidated after this number, which all can be compared with.
    Valid,
    /// One was, or may have been.
    Invalidated,
}

impl<V> Core<V> {
    pub(super) fn new(
        store: Store,
        policy: Policy,
        keys: Keys,
        codec: Box<dyn Codec<V> + Send + Sync>,
    ) -> Core<V> {
        let ms = Duration::from_millis;
        let random = Arc::new(Random::new());
        Core {
            store,
            codec,
            keys,
            flights: Flights::default(),
            loads: Semaphore::new(policy.max_concurrent_loads),
            pauses: Backoff::new(ms(25), ms(250), &random),
            random,
            counters: Counters::new(),
            #[cfg(feature = "metrics")]
            metrics: super::metrics::Metrics::of(&policy.name),
            #[cfg(all(test, feature = "embedded"))]
            chaos: None,
            policy,
        }
    }

    /// One atomic step.
    pub(super) async fn run<O: Operation + 'static>(
        &self,
        operation: O,
    ) -> store::Result<O::Output> {
        #[cfg(all(test, feature = "embedded"))]
        if let Some(chaos) = &self.chaos {
            let result = chaos.run(&self.store, operation).await;
            return result.inspect_err(|_| self.count(Outcome::StoreFailed));
        }
        let run = Run::new(&self.store, operation, self.policy.deadline);
        let result = Execution::new(run).await;
        if result.is_err() {
            self.count(Outcome::StoreFailed);
        }
        result
    }

    /// One atomic step of an invalidation, which as many replicas are to have as was asked for.
    pub(super) async fn run_replicated<O: Operation + 'static>(
        &self,
        operation: O,
    ) -> Result<O::Output, CacheError> {
        let wanted = self.policy.replicas;
        if wanted == 0 {
            return Ok(self.run(operation).await?);
        }
        let within = self.policy.deadline;
        let run = self.store.run_replicated(&operation, wanted, within);
        let replicated = run
            .await
            .inspect_err(|_| self.count(Outcome::StoreFailed))?;
        match replicated.by {
            by if by < wanted.into() => Err(CacheError::NotReplicated { wanted, by }),
            _ => Ok(replicated.output),
        }
    }

    /// Several commands that only read.
    pub(super) async fn ask(
        &self,
        questions: Pipeline<'_>,
    ) -> store::Result<Vec<store::Result<Value>>> {
        #[cfg(all(test, feature = "embedded"))]
        if let Some(chaos) = &self.chaos {
            return chaos.ask(questions).await;
        }
        let answers = questions.within(self.policy.deadline).await;
        if answers.is_err() {
            self.count(Outcome::StoreFailed);
        }
        answers
    }

    /// The latest numbers.
    pub(super) async fn stamps(&self) -> store::Result<Stamps> {
        self.run(self.take_stamp(Step::Read)).await
    }

    pub(super) fn take_stamp(&self, step: Step) -> TakeStamp {
        TakeStamp {
            clock: self.keys.clock().clone(),
            step,
            incarnation: self.random.next_u64(),
        }
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.counters.add(outcome);
        #[cfg(feature = "metrics")]
        self.metrics.add(outcome);
    }

    pub(super) fn counted(&self, outcome: Outcome) -> u64 {
        self.counters.get(outcome)
    }

    /// Looks up the numbers of an entry's tags, and makes those that are pending by this token
    /// because they had none.
    pub(super) async fn ensure_tags(
        &self,
        tags: &[TagKey],
        stamp: Stamp,
        token: Token,
        life_ms: u64,
    ) -> store::Result<Vec<Option<Stamp>>> {
        let looks = tags.iter().map(|tag| {
            self.run(EnsureTag {
                tag: tag.clone(),
                stamp,
                token,
                life_ms,
            })
        });
        join_all(looks).await.into_iter().collect()
    }

    /// Gives the pending ones of these tags the latest number of all, and returns it. Nothing, if
    /// one of them was taken away in the meantime.
    pub(super) async fn settle_tags(
        &self,
        tags: impl Iterator<Item = &TagKey>,
        token: Token,
        life_ms: u64,
    ) -> store::Result<Option<Stamp>> {
        let stamp = self.stamps().await?.latest;
        let settlings = tags.map(|tag| {
            self.run(SettleTag {
                tag: tag.clone(),
                token,
                stamp,
                life_ms,
            })
        });
        let settled: store::Result<Vec<bool>> = join_all(settlings).await.into_iter().collect();
        Ok(settled?.into_iter().all(|settled| settled).then_some(stamp))
    }

    /// Whether all these tags allow what was loaded under this number.
    pub(super) async fn validate_tags(
        &self,
        tags: &[TagKey],
        stamp: Stamp,
        token: Token,
        life_ms: u64,
    ) -> store::Result<Tagged> {
        let numbers = self.ensure_tags(tags, stamp, token, life_ms).await?;
        if numbers
            .iter()
            .flatten()
            .any(|number| !stamp.covers(*number))
        {
            return Ok(Tagged::Invalidated);
        }
        if numbers.iter().all(Option::is_some) {
            return Ok(Tagged::Valid);
        }
        let pending = tags.iter().zip(&numbers);
        let pending = pending.filter_map(|(tag, number)| number.is_none().then_some(tag));
        // Whoever's number was lost may have been invalidated since the load began, unless nothing
        // at all was.
        let settled = self.settle_tags(pending, token, life_ms).await?;
        Ok(match settled == Some(stamp) {
            true => Tagged::Valid,
            false => Tagged::Invalidated,
        })
    }

    /// The value as it stands in an entry and whether it is compressed, or why it cannot be stored.
    pub(super) fn encode(&self, value: &V) -> Result<(Vec<u8>, bool), CacheError> {
        let bytes = self.codec.encode(value)?;
        let limit = self.policy.max_value_bytes;
        if bytes.len() > limit {
            let bytes = bytes.len();
            return Err(CacheError::TooLarge { bytes, limit });
        }
        #[cfg(feature = "compression")]
        if self
            .policy
            .compress_above
            .is_some_and(|above| bytes.len() > above)
        {
            let compressed = lz4_flex::compress_prepend_size(&bytes);
            if compressed.len() < bytes.len() {
                return Ok((compressed, true));
            }
        }
        Ok((bytes, false))
    }

    /// The value of an entry. Nothing if it cannot be read.
    pub(super) fn decode(&self, envelope: &Envelope<'_>) -> Option<Option<V>> {
        if envelope.absent {
            return Some(None);
        }
        let payload = match envelope.compressed {
            true => self.decompress(envelope.payload)?.into(),
            false => Cow::Borrowed(envelope.payload),
        };
        self.codec.decode(&payload).ok().map(Some)
    }

    #[cfg(feature = "compression")]
    fn decompress(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let (length, _) = payload.split_first_chunk::<4>()?;
        // Memory for no more than was ever stored.
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if length > self.policy.max_value_bytes {
            return None;
        }
        lz4_flex::decompress_size_prepended(payload).ok()
    }

    #[cfg(not(feature = "compression"))]
    fn decompress(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
