use super::elements::{Elements, Id, Pair};

/// A place between pairs.
///
/// The forms that name only a member are for trees in which all scores are equal. In another the
/// place is one that depends on the shape of the tree.
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
    /// Before this pair, whether it is there or not.
    BeforePair(f64, &'a [u8]),
    /// After this pair.
    AfterPair(f64, &'a [u8]),
}

impl<'a> Bound<'a> {
    pub(super) fn before_pair(pair: &'a Pair) -> Self {
        Self::BeforePair(pair.score, &pair.member)
    }

    pub(super) fn after_pair(pair: &'a Pair) -> Self {
        Self::AfterPair(pair.score, &pair.member)
    }

    /// How many of the pairs, which are in order, are before this place.
    #[inline]
    pub(super) fn position(&self, scores: &[f64], ids: &[Id], elements: &Elements) -> usize {
        let member = |id: Id| -> &[u8] { &elements.get(id).member };
        match *self {
            Bound::First => 0,
            Bound::Last => scores.len(),
            Bound::BeforeScore(score) => scores.partition_point(|it| *it < score),
            Bound::AfterScore(score) => scores.partition_point(|it| *it <= score),
            Bound::BeforeMember(bytes) => ids.partition_point(|it| member(*it) < bytes),
            Bound::AfterMember(bytes) => ids.partition_point(|it| member(*it) <= bytes),
            Bound::BeforePair(score, bytes) => {
                let (start, ties) = ties(scores, ids, score);
                start + ties.partition_point(|it| member(*it) < bytes)
            }
            Bound::AfterPair(score, bytes) => {
                let (start, ties) = ties(scores, ids, score);
                start + ties.partition_point(|it| member(*it) <= bytes)
            }
        }
    }
}

/// The pairs with exactly this score, and where they start.
#[inline]
fn ties<'i>(scores: &[f64], ids: &'i [Id], score: f64) -> (usize, &'i [Id]) {
    let start = scores.partition_point(|it| *it < score);
    let mut end = start;
    if scores.get(start) == Some(&score) {
        end += scores[start..].partition_point(|it| *it == score);
    }
    (start, &ids[start..end])
}
