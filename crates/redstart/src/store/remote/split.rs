//! A pipeline on a cluster: each node gets its own part, all at the same time, and the replies come
//! together in the order of the commands.
//!
//! Commands on one slot keep their order, across repetitions too: what was refused is sent again
//! only if nothing behind it on the same slot was executed, or both only read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use redstart_protocol::Value;

use super::cluster::{Cluster, Redirection, redirection};
use super::link::{Frame, Link, Replies};
use super::past::Past;
use super::route::Route;
use super::{Batch, REDIRECTIONS, Remote, Step, asking_command};
use crate::store::error::{Error, Failure, Result};
use crate::store::replay::{Replay, may_repeat};
use crate::store::url::Endpoint;

/// A command that has no answer yet.
struct Pending {
    /// Its place among all commands.
    index: usize,
    /// Where it is to go with ASKING, instead of where its slot is.
    asking: Option<Endpoint>,
    past: Past,
}

/// What is sent in one piece.
struct Part {
    /// Absent while the node of the part's slot is waited for.
    route: Option<Route>,
    pending: Vec<Pending>,
}

/// What became of a part.
enum Answer {
    /// Replies of this connection.
    Replies(Arc<Link>, Replies),
    /// There was no connection to be had in time.
    NoLink(Error),
    Failed(Error),
}

impl Remote {
    pub(super) async fn split(
        &self,
        cluster: &Cluster,
        batch: Batch<'_>,
    ) -> Result<Vec<Result<Value>>> {
        let count = batch.commands.len();
        let mut results: Vec<Option<Result<Value>>> = (0..count).map(|_| None).collect();
        let unasked = |index| Pending {
            index,
            asking: None,
            past: Past::default(),
        };
        let mut pending: Vec<Pending> = (0..count).map(unasked).collect();
        let mut attempt = 0;
        while !pending.is_empty() {
            let parts = self.parts(&batch, pending);
            let answers = join_all(parts.into_iter().map(|part| async {
                let Part { route, pending } = part;
                let answer = self.send_part(&batch, route, &pending).await;
                (pending, answer)
            }));
            let mut again = Again::default();
            for (pending, answer) in answers.await {
                match answer {
                    Answer::Replies(link, replies) => {
                        again.sort(cluster, &link, pending, replies, batch, &mut results);
                    }
                    Answer::NoLink(error) => {
                        for mut lost in pending {
                            results[lost.index] = Some(Err(lost.past.sum_up(error.clone())));
                        }
                    }
                    Answer::Failed(error) => {
                        cluster.cast_doubt();
                        again.pauses = true;
                        for mut lost in pending {
                            match may_repeat(batch.steps[lost.index].replay, error.failure()) {
                                true => again.pending.push((lost, error.clone())),
                                false => {
                                    let error = lost.past.sum_up(error.clone());
                                    results[lost.index] = Some(Err(error));
                                }
                            }
                        }
                    }
                }
            }
            let pause = match again.pauses || attempt > REDIRECTIONS {
                true => self.retries.pause(attempt),
                false => Duration::ZERO,
            };
            let in_time = self.config.time.monotonic().saturating_add(pause) < batch.deadline.at;
            again.pending.sort_by_key(|(pending, _)| pending.index);
            pending = Vec::with_capacity(again.pending.len());
            for (mut left, error) in again.pending {
                match in_time {
                    true => {
                        left.past.note(batch.steps[left.index].replay, error);
                        pending.push(left);
                    }
                    false => results[left.index] = Some(Err(left.past.sum_up(error))),
                }
            }
            if !pending.is_empty() {
                self.config.time.sleep(pause).await;
                attempt += 1;
            }
        }
        let answered = |result: Option<_>| result.expect("every command is answered or has failed");
        Ok(results.into_iter().map(answered).collect())
    }

    /// Sorts commands by the connection they go over. Those that have to wait for one wait by
    /// slot, so that a node that is away delays nobody else.
    fn parts(&self, batch: &Batch<'_>, pending: Vec<Pending>) -> Vec<Part> {
        type Way = (Option<u16>, Option<Endpoint>);
        let bytes = Frame::Pipeline(batch.commands).byte_len();
        let mut ways: HashMap<Way, usize> = HashMap::new();
        let mut parts: Vec<Part> = Vec::new();
        for next in pending {
            let way = (batch.steps[next.index].slot, next.asking.clone());
            let part = *ways.entry(way).or_insert_with_key(|(slot, asking)| {
                let (operation, deadline) = (batch.operation, batch.deadline);
                let route = self.route(*slot, bytes, asking.as_ref(), operation, deadline);
                let route = route.now_or_never().and_then(Result::ok);
                // One connection a node: a pipeline keeps its order there.
                let endpoint = |route: &Option<Route>| {
                    let link = route.as_ref().map(|route| &route.link);
                    link.map(|link| link.endpoint().clone())
                };
                let there = endpoint(&route);
                let same = |part: &Part| there.is_some() && endpoint(&part.route) == there;
                parts.iter().position(same).unwrap_or_else(|| {
                    let pending = Vec::new();
                    parts.push(Part { route, pending });
                    parts.len() - 1
                })
            });
            parts[part].pending.push(next);
        }
        parts
    }

    /// Sends a part and takes the replies to ASKING out.
    async fn send_part(
        &self,
        batch: &Batch<'_>,
        route: Option<Route>,
        pending: &[Pending],
    ) -> Answer {
        let (operation, deadline) = (batch.operation, batch.deadline);
        let mut frame = Vec::with_capacity(pending.len());
        for pending in pending {
            if pending.asking.is_some() {
                frame.push(asking_command());
            }
            frame.push(batch.commands[pending.index].clone());
        }
        let frame = Frame::Pipeline(&frame);
        let bytes = frame.byte_len();
        let mut permit = match self.budget.take(operation, bytes) {
            Ok(permit) => permit,
            Err(overloaded) => return Answer::NoLink(overloaded),
        };
        let route = match route {
            Some(route) => route,
            None => {
                let first = &pending[0];
                let (slot, asking) = (batch.steps[first.index].slot, first.asking.as_ref());
                match self.route(slot, bytes, asking, operation, deadline).await {
                    Ok(route) => route,
                    Err(error) => return Answer::NoLink(error),
                }
            }
        };
        let Route { link, hold } = route;
        permit.keep(hold);
        let sent = link.send(operation, &frame, permit, deadline).await;
        match sent {
            Err(error) => Answer::Failed(error),
            Ok(replies) => {
                let mut replies = replies.into_iter();
                let mut own = Replies::with_capacity(pending.len());
                for pending in pending {
                    if pending.asking.is_some() {
                        replies.next();
                    }
                    own.extend(replies.next());
                }
                Answer::Replies(link, own)
            }
        }
    }
}

/// What is to be sent again, and why.
#[derive(Default)]
struct Again {
    pending: Vec<(Pending, Error)>,
    /// Whether some of it needs time first.
    pauses: bool,
}

impl Again {
    /// Sorts the answers of one node into results and what is to be sent again.
    fn sort(
        &mut self,
        cluster: &Cluster,
        link: &Link,
        pending: Vec<Pending>,
        replies: Replies,
        batch: Batch<'_>,
        results: &mut [Option<Result<Value>>],
    ) {
        // From the back: what was executed keeps what stands before it on its slot from coming
        // after it. Reads may come in any order.
        let mut executed: Vec<(Option<u16>, bool)> = Vec::new();
        let mut replies: Vec<Option<Value>> = replies.into_iter().map(Some).collect();
        replies.resize_with(pending.len(), || None);
        for (mut next, reply) in pending.into_iter().zip(replies).rev() {
            let Step { slot, replay } = batch.steps[next.index];
            let reads = replay == Replay::Read;
            let reply = reply.unwrap_or_else(|| Value::error("ERR the server left a reply out"));
            let refusal = match &reply {
                Value::Error(text) => Some(Error::server(batch.operation, text))
                    .filter(|error| error.failure() == Failure::NotExecuted),
                _ => None,
            };
            let Some(error) = refusal else {
                executed.push((slot, reads));
                results[next.index] = Some(next.past.answer(batch.operation, reply));
                continue;
            };
            next.asking = None;
            if batch.divides && error.code() == Some("TRYAGAIN") {
                results[next.index] = Some(Ok(reply));
                continue;
            }
            match redirection(&error, link.endpoint()) {
                Some(Redirection::Moved { slot, to }) => cluster.moved(slot, &to),
                Some(Redirection::Ask { to }) => next.asking = Some(to),
                None => {
                    cluster.cast_doubt();
                    self.pauses = true;
                }
            }
            let is_overtaken =
                |(on, by_read): &(Option<u16>, bool)| *on == slot && !(reads && *by_read);
            match executed.iter().any(is_overtaken) {
                true => results[next.index] = Some(next.past.answer(batch.operation, reply)),
                false => self.pending.push((next, error)),
            }
        }
    }
}
