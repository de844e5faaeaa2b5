//! A smaller history with the same difference.

use std::time::{Duration, Instant};

use super::pair::{Difference, Pair, Setting};
use super::script::Step;

/// How many histories are tried, and for how long, before what is left has to do.
const TRIES_MAX: usize = 1_500;
const TIME_MAX: Duration = Duration::from_secs(15);

/// Shrinks `history` for as long as the twins still differ in the same command.
pub(super) fn shrink(
    pair: &mut Pair,
    history: &[Step],
    setting: Setting,
    difference: Difference,
) -> (Vec<Step>, Difference) {
    let mut best = history[..=difference.at].to_vec();
    let mut found = difference;
    let mut tries = 0;
    #[allow(
        clippy::disallowed_methods,
        reason = "whoever waits for a report waits in real time"
    )]
    let start = Instant::now();
    let mut attempt = |candidate: Vec<Step>, best: &mut Vec<Step>, found: &mut Difference| {
        tries += 1;
        if tries > TRIES_MAX || start.elapsed() > TIME_MAX {
            return false;
        }
        match pair.live_through(&candidate, setting) {
            Some(difference) if difference.what == found.what => {
                *best = candidate[..=difference.at].to_vec();
                *found = difference;
                true
            }
            _ => false,
        }
    };

    // Whole steps: large runs first, then smaller ones.
    let mut size = best.len().div_ceil(2);
    while size >= 1 {
        let mut first = 0;
        while first < best.len() {
            let mut candidate = best.clone();
            candidate.drain(first..(first + size).min(candidate.len()));
            if candidate.is_empty() || !attempt(candidate, &mut best, &mut found) {
                first += size;
            }
        }
        size /= 2;
    }

    // Then arguments: without them, or shorter.
    let mut step = 0;
    while step < best.len() {
        let mut arg = 1;
        while step < best.len() && arg < best[step].args.len() {
            let mut without = best.clone();
            without[step].args.remove(arg);
            if attempt(without, &mut best, &mut found) {
                continue;
            }
            let length = best[step].args[arg].len();
            if length > 8 {
                let mut shorter = best.clone();
                shorter[step].args[arg].truncate(length / 2);
                if attempt(shorter, &mut best, &mut found) {
                    continue;
                }
            }
            arg += 1;
        }
        step += 1;
    }
    (best, found)
}
