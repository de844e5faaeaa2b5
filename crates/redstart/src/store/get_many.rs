//! Many keys at once: split by slot and node, read in parallel, in order again.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use redstart_protocol::Value;

use super::argument::{Argument, Arguments};
use super::command::{convert, success};
use super::error::{Error, OperationName, Result};
use super::execution::{Boxed, Execution, Job, Started};
use super::remote::{Batch, Remote, Step};
use super::replay::{Deadline, Replay};
use super::store::{Backend, Store};

const NAME: OperationName = OperationName::named("get_many");

/// Whoever reads more than this reads it in several pieces.
const MAX_KEYS: usize = 65_536;

/// A server does nothing else while it answers one MGET.
const MAX_KEYS_PER_COMMAND: usize = 1_000;

impl Store {
    /// Reads the strings of many keys, wherever they are: a result for each key, in the order of
    /// the keys.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), redstart::store::Error> {
    /// # let store = redstart::Store::open("memory:").await?;
    /// store.command(["SET", "b", "2"]).await?;
    /// let values = store.get_many(["a", "b"]).await?;
    /// assert_eq!(values[0].as_ref().unwrap(), &None);
    /// assert_eq!(values[1].as_ref().unwrap().as_deref(), Some(&b"2"[..]));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "embedded"))]
    /// # fn main() {}
    /// ```
    ///
    /// One round trip, with one MGET. On a cluster one round trip to each node, all at the same
    /// time, with one MGET a slot, and more while slots move; it is no snapshot there. A key that
    /// is absent, or holds something else than a string, is `None`.
    ///
    /// # Errors
    ///
    /// Each key fails or succeeds by itself: those of a node that is away fail alone. The outer
    /// result fails for more than 65,536 keys, and on one server if there is no answer at all.
    /// Dropping the future loses nothing.
    pub fn get_many<K: Argument>(&self, keys: impl IntoIterator<Item = K>) -> GetMany<'_> {
        let mut all = Arguments::new();
        for key in keys {
            key.append_to(&mut all);
        }
        GetMany {
            store: self,
            keys: all,
            within: self.deadline(),
        }
    }
}

/// Many keys being read; awaiting it reads them.
#[must_use = "nothing is read unless awaited"]
#[derive(Debug)]
pub struct GetMany<'s> {
    store: &'s Store,
    keys: Arguments,
    within: Duration,
}

impl GetMany<'_> {
    /// How long it may take as a whole, instead of the store's own deadline.
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = limit;
        self
    }
}

impl<'s> IntoFuture for GetMany<'s> {
    type Output = Result<Vec<Result<Option<Bytes>>>>;
    type IntoFuture = Execution<GetMany<'s>>;

    fn into_future(self) -> Self::IntoFuture {
        Execution::new(self)
    }
}

impl<'s> Job for GetMany<'s> {
    type Output = Result<Vec<Result<Option<Bytes>>>>;
    type Rest = Boxed<'s, Self::Output>;

    fn start(self) -> Started<Self::Output, Self::Rest> {
        if self.keys.len() > MAX_KEYS {
            return Started::Done(Err(Error::Malformed {
                operation: NAME,
                reason: "more than 65,536 keys",
            }));
        }
        let parts = Parts::new(&self.keys, self.store.url().is_cluster());
        match self.store.backend() {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => {
                let replies = embedded.commands(&parts.commands).into_iter().map(Ok);
                let (values, _) = parts.values(&self.keys, replies);
                Started::Done(Ok(values))
            }
            Backend::Remote(remote) => Started::Underway(Box::pin(async move {
                let deadline = self.store.deadline_after(self.within);
                read(remote, &self.keys, parts, deadline).await
            })),
        }
    }
}

async fn read(
    remote: &Remote,
    keys: &Arguments,
    parts: Parts,
    deadline: Deadline,
) -> Result<Vec<Result<Option<Bytes>>>> {
    let replies = parts.send(remote, deadline, true).await?;
    let (mut values, moving) = parts.values(keys, replies);
    if !moving.is_empty() {
        // While a slot moves its keys are here and there: only one by one do they find their node.
        let parts = Parts::single(keys, moving);
        let replies = parts.send(remote, deadline, false).await?;
        let (mut found, _) = parts.values(keys, replies);
        for place in parts.places.into_iter().flatten() {
            std::mem::swap(&mut values[place], &mut found[place]);
        }
    }
    Ok(values)
}

/// One MGET each, and the places of its keys among all keys.
struct Parts {
    commands: Vec<Arguments>,
    places: Vec<Vec<usize>>,
    steps: Vec<Step>,
}

impl Parts {
    fn new(keys: &Arguments, by_slot: bool) -> Parts {
        let mut parts = Parts::none();
        let mut open: HashMap<Option<u16>, usize> = HashMap::new();
        let mut last = None;
        for (place, key) in keys.iter().enumerate() {
            let slot = by_slot.then(|| redstart_protocol::slot(key));
            // On one server each key goes where the one before it went: nothing is looked up.
            let part = match last {
                Some((same, part)) if same == slot => Some(part),
                _ => open.get(&slot).copied(),
            };
            let part = part.filter(|part| parts.places[*part].len() < MAX_KEYS_PER_COMMAND);
            let part = part.unwrap_or_else(|| {
                parts.begin(redstart_protocol::slot(key));
                parts.commands.len() - 1
            });
            if last.replace((slot, part)) != Some((slot, part)) {
                open.insert(slot, part);
            }
            parts.commands[part].push(key);
            parts.places[part].push(place);
        }
        parts
    }

    fn single(keys: &Arguments, places: Vec<usize>) -> Parts {
        let mut parts = Parts::none();
        let mut wanted = places.into_iter().peekable();
        for (place, key) in keys.iter().enumerate() {
            if wanted.next_if_eq(&place).is_some() {
                parts.begin(redstart_protocol::slot(key));
                let part = parts.commands.len() - 1;
                parts.commands[part].push(key);
                parts.places[part].push(place);
            }
        }
        parts
    }

    fn none() -> Parts {
        Parts {
            commands: Vec::new(),
            places: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn begin(&mut self, slot: u16) {
        let mut command = Arguments::new();
        command.push(b"MGET");
        self.commands.push(command);
        self.places.push(Vec::new());
        self.steps.push(Step {
            slot: Some(slot),
            replay: Replay::Read,
        });
    }

    async fn send(
        &self,
        remote: &Remote,
        deadline: Deadline,
        divides: bool,
    ) -> Result<Vec<Result<Value>>> {
        if self.commands.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch {
            operation: &NAME,
            commands: &self.commands,
            steps: &self.steps,
            atomic: false,
            divides,
            deadline,
        };
        remote.batch(batch).await
    }

    /// A result for each of all keys, and the places of those whose slot moves.
    fn values(
        &self,
        keys: &Arguments,
        replies: impl IntoIterator<Item = Result<Value>>,
    ) -> (Vec<Result<Option<Bytes>>>, Vec<usize>) {
        let mut values: Vec<Result<Option<Bytes>>> = vec![Ok(None); keys.len()];
        let mut moving = Vec::new();
        let mut replies = replies.into_iter();
        for places in &self.places {
            let reply = replies.next().unwrap_or_else(|| Err(miscounted()));
            let items = reply
                .and_then(|reply| success(&NAME, reply))
                .and_then(|reply| convert::<Vec<Value>>(&NAME, reply))
                .and_then(|items| match items.len() == places.len() {
                    true => Ok(items),
                    false => Err(miscounted()),
                });
            match items {
                Ok(items) => {
                    for (place, item) in places.iter().zip(items) {
                        values[*place] = convert(&NAME, item);
                    }
                }
                Err(error) => {
                    if error.code() == Some("TRYAGAIN") {
                        moving.extend(places);
                    }
                    for place in places {
                        values[*place] = Err(error.clone());
                    }
                }
            }
        }
        moving.sort_unstable();
        (values, moving)
    }
}

fn miscounted() -> Error {
    Error::UnexpectedReply {
        operation: NAME,
        expected: "a value for each key",
        got: "another number of values",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_parted_by_slot_and_by_number() {
        let mut keys = Arguments::new();
        for n in 0..1_500 {
            format!("{{{}}}{n}", n % 2).append_to(&mut keys);
        }
        let by_slot = Parts::new(&keys, true);
        let sizes: Vec<usize> = by_slot.places.iter().map(Vec::len).collect();
        assert_eq!(sizes, [750, 750]);
        assert_eq!(by_slot.places[1][..3], [1, 3, 5]);
        let together = Parts::new(&keys, false);
        let sizes: Vec<usize> = together.places.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1_000, 500]);
        assert_eq!(together.commands[1].len(), 501);
    }

    #[test]
    fn each_part_fails_for_its_own_keys() {
        let mut keys = Arguments::new();
        for key in ["a", "b", "{a}"] {
            key.append_to(&mut keys);
        }
        let parts = Parts::new(&keys, true);
        assert_eq!(parts.places, [vec![0, 2], vec![1]]);
        let replies = [
            Ok(Value::error(
                "TRYAGAIN Multiple keys request during rehashing of slot",
            )),
            Ok(Value::Array(vec![Value::bulk("2")])),
        ];
        let (values, moving) = parts.values(&keys, replies);
        assert_eq!(moving, [0, 2]);
        assert_eq!(values[1].as_ref().unwrap().as_deref(), Some(&b"2"[..]));
        assert_eq!(values[2].as_ref().unwrap_err().code(), Some("TRYAGAIN"));
        let singles = Parts::single(&keys, moving);
        assert_eq!(singles.places, [[0], [2]]);
        let (values, _) = parts.values(&keys, [Ok(Value::Array(Vec::new()))]);
        assert!(values.iter().all(Result::is_err));
    }
}
