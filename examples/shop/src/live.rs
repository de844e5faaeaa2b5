//! What happens in the shop, as it happens: for the live page.
//!
//! How often everything happens, the caches count themselves. Here is noted what takes its time,
//! one by one. A page that watches is told ten times a second at most, whatever goes on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::Stream;
use parking_lot::Mutex;
use redstart::store::Time;
use serde::Serialize;

/// How many happenings are kept one by one.
const RECENT: usize = 40;
/// How long a watching page rests between two frames.
const BETWEEN_FRAMES: Duration = Duration::from_millis(100);

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A value came from the cache.
    Hit,
    /// Somebody asked the database.
    Load,
    /// A value came from a load that somebody else had begun.
    Wait,
    /// A value past its time was served.
    Stale,
    /// Something was invalidated.
    Invalidation,
    /// A request failed.
    Failure,
}

impl Kind {
    /// Its name, as the live page has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Hit => "hit",
            Kind::Load => "load",
            Kind::Wait => "wait",
            Kind::Stale => "stale",
            Kind::Invalidation => "invalidation",
            Kind::Failure => "failure",
        }
    }
}

/// How often everything has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Values from the cache.
    pub hits: u64,
    /// Questions to the database.
    pub loads: u64,
    /// Values from loads of others.
    pub waits: u64,
    /// Values past their time.
    pub stale: u64,
    /// Invalidations.
    pub invalidations: u64,
    /// What did not work, in the database or in the store.
    pub failures: u64,
}

/// One thing that happened, perhaps several times in a row.
#[derive(Clone, Debug, Serialize)]
pub struct Happening {
    /// The number of its first time.
    pub first: u64,
    /// The number of its last time; what happens is numbered from 1.
    pub last: u64,
    /// When it happened last, in milliseconds since the shop opened.
    pub at_ms: u64,
    /// What.
    pub kind: Kind,
    /// To what, such as `product 7`.
    pub subject: String,
    /// How long it took, in milliseconds; of several, the longest.
    pub took_ms: f64,
}

/// What a watching page is told.
#[derive(Clone, Debug, Serialize)]
pub struct Frame {
    /// When, in milliseconds since the shop opened.
    pub at_ms: u64,
    /// Everything so far.
    pub totals: Totals,
    /// What happened since the last frame, oldest first; of much, the end. What goes on happening
    /// comes again, under the number of its first time.
    pub recent: Vec<Happening>,
}

/// The record of what happens.
#[derive(Debug)]
pub struct Live {
    time: Time,
    opened: Duration,
    record: Mutex<Record>,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Record {
    happened: u64,
    recent: VecDeque<Happening>,
}

/// What a watching page knows.
#[derive(Default)]
struct Told {
    happened: u64,
    totals: Totals,
}

impl Live {
    /// An empty record that begins now.
    pub fn new(time: Time) -> Live {
        Live {
            opened: time.monotonic(),
            time,
            record: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Starts a stopwatch for [`happened`](Live::happened).
    pub fn now(&self) -> Duration {
        self.time.monotonic()
    }

    /// Records what happened to a subject, and that it began at `since`.
    pub fn happened(&self, kind: Kind, subject: impl Into<String>, since: Duration) {
        let now = self.time.monotonic();
        let at_ms = whole_ms(now.saturating_sub(self.opened));
        let took_ms = now.saturating_sub(since).as_secs_f64() * 1e3;
        let subject = subject.into();

        let mut record = self.record.lock();
        record.happened += 1;
        let number = record.happened;
        // A crowd is one line, and does not push everything else out.
        if let Some(last) = record.recent.back_mut()
            && last.kind == kind
            && last.subject == subject
        {
            last.last = number;
            last.at_ms = at_ms;
            last.took_ms = last.took_ms.max(took_ms);
            return;
        }
        if record.recent.len() == RECENT {
            record.recent.pop_front();
        }
        record.recent.push_back(Happening {
            first: number,
            last: number,
            at_ms,
            kind,
            subject,
            took_ms,
        });
    }

    /// Frames from now on, the first at once, until [`close`](Live::close).
    pub fn frames<T>(self: Arc<Live>, totals: T) -> impl Stream<Item = Frame>
    where
        T: Fn() -> Totals,
    {
        futures_util::stream::unfold(
            (self, totals, None),
            |(live, totals, mut told)| async move {
                loop {
                    if told.is_some() {
                        // The page's own pace, whatever clock the shop runs on.
                        Time::system().sleep(BETWEEN_FRAMES).await;
                    }
                    if live.closed.load(Ordering::Acquire) {
                        return None;
                    }
                    if let Some(frame) = live.frame(&mut told, totals()) {
                        return Some((frame, (live, totals, told)));
                    }
                }
            },
        )
    }

    /// Ends every stream of frames, so that the server can stop.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// What is new to somebody who was told so much. Nothing, if nothing is.
    fn frame(&self, told: &mut Option<Told>, totals: Totals) -> Option<Frame> {
        let at_ms = whole_ms(self.time.monotonic().saturating_sub(self.opened));
        let record = self.record.lock();
        let before = match told {
            Some(told) if told.happened == record.happened && told.totals == totals => return None,
            Some(told) => told.happened,
            None => 0,
        };
        *told = Some(Told {
            happened: record.happened,
            totals,
        });
        let unknown = |happening: &&Happening| happening.last > before;
        Some(Frame {
            at_ms,
            totals,
            recent: record.recent.iter().filter(unknown).cloned().collect(),
        })
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;
    use redstart::store::SimulatedTime;

    use super::*;

    #[tokio::test]
    async fn a_page_is_told_everything_once_and_then_only_what_is_new() {
        let simulated = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
        let live = Arc::new(Live::new(simulated.time()));
        let began = live.now();
        simulated.advance(Duration::from_millis(30));
        live.happened(Kind::Load, "product 7", began);

        let totals = Mutex::new(Totals::default());
        let mut frames = pin!(Arc::clone(&live).frames(|| *totals.lock()));
        let first = frames.next().await.unwrap();
        assert_eq!(first.totals, Totals::default());
        assert_eq!(first.recent.len(), 1);
        assert_eq!(first.recent[0].at_ms, 30);
        assert_eq!(first.recent[0].took_ms, 30.0);

        for _ in 0..100 {
            live.happened(Kind::Wait, "product 7", live.now());
        }
        let second = frames.next().await.unwrap();
        assert_eq!(second.recent.len(), 1);
        assert_eq!((second.recent[0].first, second.recent[0].last), (2, 101));

        for id in 0..100 {
            live.happened(Kind::Hit, format!("product {id}"), live.now());
        }
        let much = frames.next().await.unwrap();
        assert_eq!(much.recent.len(), RECENT);
        assert_eq!(much.recent[RECENT - 1].last, 201);

        // What is only counted is news as well.
        totals.lock().hits = 3;
        let third = frames.next().await.unwrap();
        assert_eq!(third.totals.hits, 3);
        assert!(third.recent.is_empty());

        live.close();
        assert!(frames.next().await.is_none());
    }
}
