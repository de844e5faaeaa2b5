//! The order SORT brings elements into.

use std::cmp::Ordering;
use std::ops::Range;

use redstart_protocol::number::parse_sort_f64;

use super::pattern::Pattern;
use crate::command::args::c_string;
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;
use crate::data::{Blob, Element};

/// How what is compared is compared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    /// As text, not as numbers.
    pub(super) by_text: bool,
    pub(super) descending: bool,
}

/// The elements that have the places of `range` in the order that is wanted.
///
/// Those that compare equal stay in the order in which they came. `exactly`: text is compared to
/// its end; otherwise as C does, to the first NUL, which is what Redis does with a reply.
pub(super) fn ranked(
    ctx: &mut Ctx<'_>,
    elements: Vec<Blob>,
    by: Option<&Pattern<'_>>,
    order: Order,
    range: Range<usize>,
    exactly: bool,
) -> Result<Vec<Blob>, CommandError> {
    let compare = |one: &[u8], other: &[u8]| match exactly {
        true => one.cmp(other),
        false => c_string(one).cmp(c_string(other)),
    };
    let ranked = match (by, order.by_text) {
        (None, true) => {
            let weigh = |_: &mut Ctx<'_>, _: &Blob| Ok(());
            let compare =
                |one: &Weighed<()>, other: &Weighed<()>| compare(&one.element, &other.element);
            rank(weighed(ctx, elements, weigh)?, order, range, compare)
        }
        (Some(by), true) => {
            let weigh = |ctx: &mut Ctx<'_>, element: &Blob| {
                Ok(by.follow(ctx, element, |weight| weight.map(Element::to_blob)))
            };
            let compare = |one: &Weighed<Option<Blob>>, other: &Weighed<Option<Blob>>| {
                match (&one.weight, &other.weight) {
                    (Some(one), Some(other)) => compare(one, other),
                    // What has no weight comes first.
                    (one, other) => one.is_some().cmp(&other.is_some()),
                }
            };
            rank(weighed(ctx, elements, weigh)?, order, range, compare)
        }
        (by, false) => {
            let weigh = |ctx: &mut Ctx<'_>, element: &Blob| match by {
                None => number(Element::Str(element)),
                Some(by) => by.follow(ctx, element, |weight| weight.map_or(Ok(0.0), number)),
            };
            // Equal numbers may be of elements that are written differently.
            let compare = |one: &Weighed<f64>, other: &Weighed<f64>| {
                let by_number = one.weight.partial_cmp(&other.weight);
                let by_number = by_number.expect("no weight is NaN");
                by_number.then_with(|| one.element.cmp(&other.element))
            };
            rank(weighed(ctx, elements, weigh)?, order, range, compare)
        }
    };
    Ok(ranked)
}

fn number(weight: Element<'_>) -> Result<f64, CommandError> {
    let number = match weight {
        Element::Int(number) => Some(number as f64),
        Element::Str(text) => parse_sort_f64(text),
    };
    number.ok_or_else(|| CommandError::new("ERR One or more scores can't be converted into double"))
}

/// An element and what it is compared by.
struct Weighed<W> {
    weight: W,
    /// How many came before it.
    place: usize,
    element: Blob,
}

/// Every element with its weight; the first error, if one has none that can be compared.
fn weighed<W>(
    ctx: &mut Ctx<'_>,
    elements: Vec<Blob>,
    mut weigh: impl FnMut(&mut Ctx<'_>, &Blob) -> Result<W, CommandError>,
) -> Result<Vec<Weighed<W>>, CommandError> {
    let weighed = elements.into_iter().enumerate().map(|(place, element)| {
        let weight = weigh(ctx, &element)?;
        Ok(Weighed {
            weight,
            place,
            element,
        })
    });
    weighed.collect()
}

fn rank<W>(
    mut elements: Vec<Weighed<W>>,
    order: Order,
    range: Range<usize>,
    compare: impl Fn(&Weighed<W>, &Weighed<W>) -> Ordering,
) -> Vec<Blob> {
    let compare = |one: &Weighed<W>, other: &Weighed<W>| {
        let compared = compare(one, other);
        let compared = if order.descending {
            compared.reverse()
        } else {
            compared
        };
        compared.then(one.place.cmp(&other.place))
    };
    if range.is_empty() {
        return Vec::new();
    }
    // Only what is wanted is sorted; what comes before it and behind it is set apart first.
    if range.end < elements.len() {
        elements.select_nth_unstable_by(range.end, compare);
        elements.truncate(range.end);
    }
    if range.start > 0 {
        elements.select_nth_unstable_by(range.start, compare);
    }
    let mut wanted = elements.split_off(range.start);
    wanted.sort_unstable_by(compare);
    wanted.into_iter().map(|weighed| weighed.element).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    #[test]
    fn a_part_is_the_part_of_the_whole() {
        let mut rng = Rng::new(1);
        for _ in 0..300 {
            let len = 1 + rng.below(60) as usize;
            let weights: Vec<u64> = (0..len).map(|_| rng.below(10)).collect();
            let elements = || -> Vec<Weighed<u64>> {
                let weighed = weights.iter().enumerate().map(|(place, &weight)| Weighed {
                    weight,
                    place,
                    element: Blob::from(place.to_string().as_str()),
                });
                weighed.collect()
            };
            let order = Order {
                by_text: false,
                descending: rng.below(2) == 1,
            };
            let compare = |one: &Weighed<u64>, other: &Weighed<u64>| one.weight.cmp(&other.weight);
            let mut places: Vec<usize> = (0..len).collect();
            match order.descending {
                true => places.sort_by_key(|&place| std::cmp::Reverse(weights[place])),
                false => places.sort_by_key(|&place| weights[place]),
            }
            let whole: Vec<Blob> = places
                .iter()
                .map(|place| Blob::from(place.to_string().as_str()))
                .collect();
            let start = rng.below(len as u64) as usize;
            let end = start + rng.below((len - start) as u64 + 1) as usize;
            let part = rank(elements(), order, start..end, compare);
            assert_eq!(part, whole[start..end]);
        }
    }
}
