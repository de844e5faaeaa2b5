//! What happens in the shop, as it happens: for the live page.
//!
//! Everything is counted; the last happenings are kept one by one. A page that watches is told at
//! most ten times a second, whatever goes on, and gets the sums then.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::Stream;
use parking_lot::Mutex;
use redstart::store::Time;
use serde::Serialize;
use tokio::sync::watch;

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
    /// Failed requests.
    pub failures: u64,
}

impl Totals {
    fn of(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Hit => &mut self.hits,
            Kind::Load => &mut self.loads,
            Kind::Wait => &mut self.waits,
            Kind::Stale => &mut self.stale,
            Kind::Invalidation => &mut self.invalidations,
            Kind::Failure => &mut self.failures,
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Happening {
    /// Its number, from 1.
    pub number: u64,
    /// When, in milliseconds since the shop opened.
    pub at_ms: u64,
    /// What.
    pub kind: Kind,
    /// To what, such as `product 7`.
    pub subject: String,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
}

/// What a watching page is told.
#[derive(Clone, Debug, Serialize)]
pub struct Frame {
    /// When, in milliseconds since the shop opened.
    pub at_ms: u64,
    /// Everything so far.
    pub totals: Totals,
    /// What happened since the last frame, oldest first; of much, the end.
    pub recent: Vec<Happening>,
}

/// The record of what happens.
#[derive(Debug)]
pub struct Live {
    time: Time,
    opened: Duration,
    record: Mutex<Record>,
    /// How much has happened; `None` once the shop closes.
    news: watch::Sender<Option<u64>>,
}

#[derive(Debug, Default)]
struct Record {
    happened: u64,
    totals: Totals,
    recent: VecDeque<Happening>,
}

impl Live {
    /// An empty record that begins now.
    pub fn new(time: Time) -> Live {
        Live {
            opened: time.monotonic(),
            time,
            record: Mutex::default(),
            news: watch::Sender::new(Some(0)),
        }
    }

    /// Starts a stopwatch for [`happened`](Live::happened).
    pub fn now(&self) -> Duration {
        self.time.monotonic()
    }

    /// Records what happened to a subject, and that it began at `since`.
    pub fn happened(&self, kind: Kind, subject: impl Into<String>, since: Duration) {
        let now = self.time.monotonic();
        let happened = {
            let mut record = self.record.lock();
            record.happened += 1;
            *record.totals.of(kind) += 1;
            if record.recent.len() == RECENT {
                record.recent.pop_front();
            }
            let happening = Happening {
                number: record.happened,
                at_ms: whole_ms(now.saturating_sub(self.opened)),
                kind,
                subject: subject.into(),
                took_ms: now.saturating_sub(since).as_secs_f64() * 1e3,
            };
            record.recent.push_back(happening);
            record.happened
        };
        // Two happenings may come here in either order; what counts is that something is new.
        self.news.send_if_modified(|news| {
            news.as_mut().is_some_and(|seen| {
                *seen = happened.max(*seen);
                true
            })
        });
    }

    /// How often everything has happened so far.
    pub fn totals(&self) -> Totals {
        self.record.lock().totals
    }

    /// Frames from now on, the first at once, until [`close`](Live::close).
    pub fn frames(self: std::sync::Arc<Live>) -> impl Stream<Item = Frame> {
        let news = self.news.subscribe();
        futures_util::stream::unfold((self, news, None), |(live, mut news, told)| async move {
            if told.is_some() {
                // The page's own pace, whatever clock the shop runs on.
                Time::system().sleep(BETWEEN_FRAMES).await;
                news.changed().await.ok()?;
            }
            (*news.borrow_and_update())?;
            let (frame, happened) = live.frame(told.unwrap_or(0));
            Some((frame, (live, news, Some(happened))))
        })
    }

    /// Ends every stream of frames, so that the server can stop.
    pub fn close(&self) {
        self.news.send_replace(None);
    }

    fn frame(&self, told: u64) -> (Frame, u64) {
        let at_ms = whole_ms(self.time.monotonic().saturating_sub(self.opened));
        let record = self.record.lock();
        let unknown = |happening: &&Happening| happening.number > told;
        let frame = Frame {
            at_ms,
            totals: record.totals,
            recent: record.recent.iter().filter(unknown).cloned().collect(),
        };
        (frame, record.happened)
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

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

        let mut frames = pin!(Arc::clone(&live).frames());
        let first = frames.next().await.unwrap();
        assert_eq!(first.totals.loads, 1);
        assert_eq!(first.recent.len(), 1);
        assert_eq!(first.recent[0].at_ms, 30);
        assert_eq!(first.recent[0].took_ms, 30.0);

        for _ in 0..100 {
            live.happened(Kind::Hit, "product 7", live.now());
        }
        let second = frames.next().await.unwrap();
        assert_eq!(second.totals.hits, 100);
        assert_eq!(second.recent.len(), RECENT);
        assert_eq!(second.recent[RECENT - 1].number, 101);

        live.close();
        assert!(frames.next().await.is_none());
    }
}
