//! Two ways to sort whose treatment of equal elements can be seen from outside.
//!
//! Replies of sorted places show in which order those of one distance came, so they have to be
//! sorted as Redis sorts them: all by merging, some of them by a quicksort that leaves out what is
//! not asked for. Neither minds a comparison that contradicts itself, as one of doubles may.

use std::cmp::Ordering;

/// Sorts by merging halves. Equal elements keep their order.
pub(crate) fn merge_sort<T: Copy>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    if items.len() < 2 {
        return;
    }
    let (left, right) = items.split_at_mut(items.len() / 2);
    merge_sort(left, compare);
    merge_sort(right, compare);
    let (left, right) = (left.to_vec(), right.to_vec());
    let (mut left, mut right) = (
        left.iter().copied().peekable(),
        right.iter().copied().peekable(),
    );
    for place in items {
        let takes_left = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => compare(a, b).is_le(),
            (a, _) => a.is_some(),
        };
        let next = if takes_left {
            left.next()
        } else {
            right.next()
        };
        *place = next.expect("there are as many places as elements");
    }
}

/// Sorts as far as the first `wanted` elements need it.
///
/// The quicksort of Bentley and McIlroy, "Engineering a Sort Function" (1993). Where it would take
/// quadratic time, merging takes over.
pub(crate) fn sort_first<T: Copy>(
    items: &mut [T],
    wanted: usize,
    compare: &impl Fn(&T, &T) -> Ordering,
) {
    let rounds = 8 * (items.len().max(1).ilog2() + 1);
    quicksort(items, wanted, rounds, compare);
}

fn quicksort<T: Copy>(
    mut items: &mut [T],
    mut wanted: usize,
    mut rounds: u32,
    compare: &impl Fn(&T, &T) -> Ordering,
) {
    const INSERTED: usize = 7;
    while items.len() >= INSERTED {
        if rounds == 0 {
            return merge_sort(items, compare);
        }
        rounds -= 1;
        let (less, more) = partition(items, compare);
        let start = items.len() - more;
        let (left, right) = items.split_at_mut(start);
        let left = &mut left[..less];
        // They do not depend on each other: the shorter one first keeps the stack short.
        let right_wanted = wanted.saturating_sub(start);
        let right = if right_wanted > 0 { right } else { &mut [] };
        if left.len() < right.len() {
            quicksort(left, wanted, rounds, compare);
            (items, wanted) = (right, right_wanted);
        } else {
            quicksort(right, right_wanted, rounds, compare);
            items = left;
        }
    }
    insertion_sort(items, compare);
}

fn insertion_sort<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    for end in 1..items.len() {
        let mut at = end;
        while at > 0 && compare(&items[at - 1], &items[at]).is_gt() {
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Puts what is less than some element to the front and what is more to the back; how many those
/// are. What equals it gathers at both ends first and moves to the middle then.
fn partition<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let end = items.len();
    items.swap(0, pivot(items, compare));
    let (mut equal_left, mut low) = (1, 1);
    let (mut high, mut equal_right) = (end, end);
    loop {
        while low < high {
            match compare(&items[low], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(equal_left, low);
                    equal_left += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low < high {
            match compare(&items[high - 1], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    equal_right -= 1;
                    items.swap(high - 1, equal_right);
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low >= high {
            break;
        }
        items.swap(low, high - 1);
        low += 1;
        high -= 1;
    }
    let (less, more) = (low - equal_left, equal_right - low);
    exchange(items, 0, low, equal_left.min(less));
    exchange(items, low, end, more.min(end - equal_right));
    (less, more)
}

/// Exchanges the `count` elements from `front` on with those before `back`.
fn exchange<T>(items: &mut [T], front: usize, back: usize, count: usize) {
    for at in 0..count {
        items.swap(front + at, back - count + at);
    }
}

/// The place of an element that is about in the middle.
fn pivot<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let (middle, last) = (items.len() / 2, items.len() - 1);
    let median = |a, b, c| median(items, [a, b, c], compare);
    match items.len() {
        ..8 => middle,
        8..=40 => median(0, middle, last),
        len => {
            let step = len / 8;
            median(
                median(0, step, 2 * step),
                median(middle - step, middle, middle + step),
                median(last - 2 * step, last - step, last),
            )
        }
    }
}

fn median<T>(items: &[T], [a, b, c]: [usize; 3], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let order = |a: usize, b: usize| compare(&items[a], &items[b]);
    if order(a, b).is_lt() {
        match () {
            _ if order(b, c).is_lt() => b,
            _ if order(a, c).is_lt() => c,
            _ => a,
        }
    } else {
        match () {
            _ if order(b, c).is_gt() => b,
            _ if order(a, c).is_lt() => a,
            _ => c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    fn random(len: usize, values: u64, rng: &mut Rng) -> Vec<(u64, usize)> {
        (0..len).map(|at| (rng.below(values), at)).collect()
    }

    #[test]
    fn merging_is_stable() {
        let mut rng = Rng::new(1);
        for len in 0..120 {
            let mut items = random(len, 1 + len as u64 / 2, &mut rng);
            let mut sorted = items.clone();
            sorted.sort_by_key(|item| item.0);
            merge_sort(&mut items, &|a, b| a.0.cmp(&b.0));
            assert_eq!(items, sorted);
        }
    }

    #[test]
    fn the_first_are_sorted_and_none_is_lost() {
        let mut rng = Rng::new(2);
        for round in 0..2_000 {
            let len = rng.below(150) as usize;
            let items = random(len, 1 + rng.below(200), &mut rng);
            let wanted = 1 + rng.below(len as u64 + 1) as usize;
            let mut partly = items.clone();
            sort_first(&mut partly, wanted, &|a, b| a.0.cmp(&b.0));
            let values =
                |items: &[(u64, usize)]| -> Vec<u64> { items.iter().map(|item| item.0).collect() };
            let mut sorted = values(&items);
            sorted.sort_unstable();
            let first = wanted.min(len);
            assert_eq!(values(&partly)[..first], sorted[..first], "round {round}");
            partly.sort_unstable_by_key(|item| item.1);
            assert_eq!(partly, items);
        }
    }

    #[test]
    fn contradictions_do_no_harm() {
        let mut rng = Rng::new(3);
        for len in [10, 100, 1_000] {
            let mut items = random(len, 50, &mut rng);
            let contrary = |_: &_, _: &_| Ordering::Less;
            merge_sort(&mut items, &contrary);
            sort_first(&mut items, len / 2, &contrary);
            items.sort_unstable_by_key(|item| item.1);
            assert!(items.iter().map(|item| item.1).eq(0..len));
        }
    }

    #[test]
    fn a_long_run_takes_no_deep_stack() {
        for items in [
            (0..200_000)
                .map(|at| (at, 0))
                .collect::<Vec<(u64, usize)>>(),
            (0..200_000).rev().map(|at| (at, 0)).collect(),
            vec![(7, 0); 200_000],
        ] {
            let mut items = items;
            sort_first(&mut items, 199_999, &|a, b| a.0.cmp(&b.0));
            assert!(items.is_sorted());
        }
    }
}
