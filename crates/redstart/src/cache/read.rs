//! Reading: one round trip, and another where an entry has tags.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::core::Core;
use super::entry::{Entry, Source};
use super::envelope::{Envelope, fill_of};
use super::keys::{Place, TagKey};
use super::op::Discard;
use super::outcome::Outcome;
use super::stamp::Stamp;
use crate::store::{self, FromValue, Mismatch, OperationName, Value};

/// What there is to say about a place.
#[derive(Clone, Debug)]
pub(super) enum Reading<V> {
    /// No value; the fill that was found wanting, if there was one.
    Miss {
        seen: Vec<u8>,
    },
    Found(Found<V>),
}

/// A valid value.
#[derive(Clone, Debug)]
pub(super) struct Found<V> {
    pub(super) value: Option<V>,
    pub(super) fill: Vec<u8>,
    /// How long it is still fresh. Zero: it is stale.
    pub(super) fresh_for: Duration,
    pub(super) age: Duration,
    cost: Duration,
}

/// What stands at a place.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    /// Below zero: nothing was there.
    pub(super) left_ms: i64,
    pub(super) bytes: Option<Bytes>,
}

const NAME: OperationName = OperationName::named("cache.read");

impl<V> Found<V> {
    pub(super) fn is_fresh(&self) -> bool {
        !self.fresh_for.is_zero()
    }

    pub(super) fn into_entry(self) -> Entry<Option<V>> {
        Entry {
            source: match self.is_fresh() {
                true => Source::Stored,
                false => Source::Stale,
            },
            value: self.value,
            age: self.age,
            remaining: self.fresh_for,
        }
    }

    /// Whether somebody should load again already: the sooner, the longer a load takes, and each
    /// reader by its own chance, so that it begins before the value expires and seldom twice.
    /// (Vattani, Chierichetti, Lowenstein: Optimal probabilistic cache stampede prevention, 2015.)
    pub(super) fn is_due(&self, eagerness: f64, chance: f64) -> bool {
        self.fresh_for.as_secs_f64() <= self.cost.as_secs_f64() * eagerness * -chance.ln()
    }
}

impl<V> Core<V> {
    pub(super) async fn read(&self, place: &Place) -> store::Result<Reading<V>> {
        let mut readings = self.read_all(&[place]).await?;
        readings.pop().unwrap_or_else(|| Err(miscounted()))
    }

    /// One reading for each place, in their order.
    pub(super) async fn read_all(
        &self,
        places: &[&Place],
    ) -> store::Result<Vec<store::Result<Reading<V>>>> {
        let mut pipeline = self.store.pipeline();
        pipeline = pipeline.command(["GET"]).arg(self.keys.clock().cleared());
        for place in places {
            // The time to live first: if the value changes in between, it is taken for older.
            for command in ["PTTL", "GET"] {
                pipeline = pipeline.command([command]).arg(&place.entry()[0]);
            }
        }
        let replies = self.ask(pipeline).await?;
        let mut replies = replies.into_iter();
        let cleared = number(replies.next().unwrap_or_else(|| Err(miscounted())))?;
        let mut raws = Vec::with_capacity(places.len());
        for place in places {
            let (left, bytes) = (replies.next(), replies.next());
            let raw = raw(left.zip(bytes).ok_or_else(miscounted)?);
            raws.push((*place, raw));
        }
        Ok(self.judge(raws, cleared).await)
    }

    /// The number of the latest clearing.
    pub(super) async fn cleared(&self) -> store::Result<Option<Stamp>> {
        let question = self.store.pipeline().command(["GET"]);
        let answers = self.ask(question.arg(self.keys.clock().cleared()));
        number(answers.await?.pop().unwrap_or_else(|| Err(miscounted())))
    }

    /// Says what what stands at some places is worth.
    pub(super) async fn judge(
        &self,
        raws: Vec<(&Place, store::Result<Raw>)>,
        cleared: Option<Stamp>,
    ) -> Vec<store::Result<Reading<V>>> {
        let envelopes: Vec<Option<Envelope<'_>>> = raws
            .iter()
            .map(|(_, raw)| Envelope::parse(raw.as_ref().ok()?.bytes.as_ref()?))
            .collect();
        let numbers = self.tag_numbers(&envelopes).await;
        let mut readings = Vec::with_capacity(raws.len());
        for ((place, raw), envelope) in raws.iter().zip(&envelopes) {
            readings.push(match raw {
                Ok(raw) => {
                    self.judge_one(place, raw, envelope.as_ref(), cleared, &numbers)
                        .await
                }
                Err(error) => Err(error.clone()),
            });
        }
        readings
    }

    async fn judge_one(
        &self,
        place: &Place,
        raw: &Raw,
        envelope: Option<&Envelope<'_>>,
        cleared: Option<Stamp>,
        numbers: &BTreeMap<TagKey, store::Result<Option<Stamp>>>,
    ) -> store::Result<Reading<V>> {
        let Some(bytes) = &raw.bytes else {
            return Ok(Reading::Miss { seen: Vec::new() });
        };
        if raw.left_ms < 0 {
            // It came between the two commands. Whoever wants to load it will be told.
            return Ok(Reading::Miss { seen: Vec::new() });
        }
        let miss = || Reading::Miss {
            seen: fill_of(bytes).to_vec(),
        };
        let Some(envelope) = envelope else {
            self.discard(place, bytes).await;
            return Ok(miss());
        };
        if envelope.schema != self.policy.schema {
            self.count(Outcome::OtherSchema);
            return Ok(miss());
        }
        let mut valid = cleared.is_some_and(|cleared| envelope.stamp.covers(cleared));
        for name in &envelope.tags {
            let number = numbers.get(&self.keys.named_tag(name));
            let number = number.cloned().unwrap_or_else(|| Err(miscounted()))?;
            valid &= number.is_some_and(|number| envelope.stamp.covers(number));
        }
        if !valid {
            self.count(Outcome::Invalidated);
            return Ok(miss());
        }
        let Some(value) = self.decode(envelope) else {
            self.discard(place, bytes).await;
            return Ok(miss());
        };
        let left_ms = raw.left_ms.unsigned_abs();
        let fresh_ms = match envelope.soft_invalid {
            true => 0,
            false => left_ms.saturating_sub(envelope.grace_ms),
        };
        Ok(Reading::Found(Found {
            value,
            fill: envelope.fill.to_vec(),
            fresh_for: Duration::from_millis(fresh_ms),
            age: Duration::from_millis(envelope.life_ms().saturating_sub(left_ms)),
            cost: Duration::from_millis(envelope.cost_ms.into()),
        }))
    }

    /// The numbers of all tags that these entries have.
    async fn tag_numbers(
        &self,
        envelopes: &[Option<Envelope<'_>>],
    ) -> BTreeMap<TagKey, store::Result<Option<Stamp>>> {
        let names = envelopes.iter().flatten().flat_map(|entry| &entry.tags);
        let mut numbers: BTreeMap<TagKey, store::Result<Option<Stamp>>> = names
            .map(|name| (self.keys.named_tag(name), Ok(None)))
            .collect();
        if numbers.is_empty() {
            return numbers;
        }
        let mut pipeline = self.store.pipeline();
        for tag in numbers.keys() {
            pipeline = pipeline.command(["GET"]).arg(tag.as_key());
        }
        match self.ask(pipeline).await {
            Ok(replies) => {
                for (number_of, reply) in numbers.values_mut().zip(replies) {
                    *number_of = number(reply);
                }
            }
            Err(error) => {
                for number_of in numbers.values_mut() {
                    *number_of = Err(error.clone());
                }
            }
        }
        numbers
    }

    /// Removes what nobody can read, if it still is that. If that fails, it stays a miss.
    async fn discard(&self, place: &Place, bytes: &[u8]) {
        self.count(Outcome::Unreadable);
        let discarded = self.run(Discard::new(place.clone(), bytes)).await;
        tracing::warn!(
            cache = &*self.policy.name,
            bytes = bytes.len(),
            removed = discarded.unwrap_or(false),
            "an entry cannot be read"
        );
    }
}

fn raw((left, bytes): (store::Result<Value>, store::Result<Value>)) -> store::Result<Raw> {
    Ok(Raw {
        left_ms: i64::from_value(left?).map_err(unexpected)?,
        bytes: Option::<Bytes>::from_value(bytes?).map_err(unexpected)?,
    })
}

fn number(reply: store::Result<Value>) -> store::Result<Option<Stamp>> {
    let text = Option::<Bytes>::from_value(reply?).map_err(unexpected)?;
    Ok(text.and_then(|text| Stamp::parse(&text)))
}

fn miscounted() -> store::Error {
    unexpected(Mismatch {
        expected: "one reply for each command",
        got: "another number of replies",
    })
}

fn unexpected(Mismatch { expected, got }: Mismatch) -> store::Error {
    store::Error::UnexpectedReply {
        operation: NAME,
        expected,
        got,
    }
}
