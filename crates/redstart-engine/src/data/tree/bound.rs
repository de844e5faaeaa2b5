//! Places in the order of pairs, and how they are found in a node.

use super::elements::{Elements, Id, Pair};
use super::node::{Scores, WIDTH};

/// A place between pairs.
///
/// The forms that name a member are for trees in which all scores are equal. In another the place
/// is one that depends on the shape of the tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound<'a> {
    /// Before everything.
    First,
    /// After everything.
    Last,
    /// Before all pairs with this score.
    BeforeScore(f64),
    /// After all pairs with this score.
    AfterScore(f64),
    /// Before this member.
    BeforeMember(&'a [u8]),
    /// After this member.
    AfterMember(&'a [u8]),
}

/// The place of a pair: in a tree that has it, right before or right after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) pair: &'a Pair,
    pub(super) id: Id,
    pub(super) after: bool,
}

/// What can be looked for in a node.
pub(super) trait Probe {
    /// How many of a node's entries, which are in order, are before the place.
    fn position(&self, scores: &Scores, ids: &[Id], elements: &Elements) -> usize;
}

impl Probe for Bound<'_> {
    #[inline]
    fn position(&self, scores: &Scores, ids: &[Id], elements: &Elements) -> usize {
        match *self {
            Bound::First => 0,
            Bound::Last => ids.len(),
            Bound::BeforeScore(score) => count(scores, |it| it < score),
            Bound::AfterScore(score) => count(scores, |it| it <= score),
            Bound::BeforeMember(bytes) => {
                ids.partition_point(|id| *elements.get(*id).member < *bytes)
            }
            Bound::AfterMember(bytes) => {
                ids.partition_point(|id| *elements.get(*id).member <= *bytes)
            }
        }
    }
}

impl Probe for Key<'_> {
    #[inline]
    fn position(&self, scores: &Scores, ids: &[Id], elements: &Elements) -> usize {
        let score = self.pair.score;
        let start = count(scores, |it| it < score);
        if scores.get(start) != Some(&score) {
            return start;
        }
        // Mostly there is no other pair with the same score, and no need to look at members.
        if ids[start] == self.id && scores.get(start + 1) != Some(&score) {
            return start + usize::from(self.after);
        }
        let ties = &ids[start..count(scores, |it| it <= score)];
        let member = &*self.pair.member;
        start
            + ties.partition_point(|id| {
                let other = &*elements.get(*id).member;
                if self.after {
                    other <= member
                } else {
                    other < member
                }
            })
    }
}

/// How many scores, from the first on, are below something.
///
/// Written for a processor rather than a reader: in a node that fits into the cache, a few
/// comparisons that do not wait for each other beat a binary search, whose every step waits for
/// the one before. Scores past the end of a node are NaN, which is below nothing.
#[inline]
fn count(scores: &Scores, is_below: impl Fn(f64) -> bool) -> usize {
    const BLOCK: usize = WIDTH / 4;
    let (blocks, _) = scores.as_chunks::<BLOCK>();
    let others = blocks.len() - 1;
    let full: usize = blocks[..others]
        .iter()
        .map(|block| usize::from(is_below(block[BLOCK - 1])))
        .sum();
    let rest: u64 = blocks[full]
        .iter()
        .map(|score| u64::from(is_below(*score)))
        .sum();
    full * BLOCK + rest as usize
}
