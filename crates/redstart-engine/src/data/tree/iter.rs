use std::ops::Range;

use super::Tree;
use super::elements::Pair;
use super::nodes::Place;

/// Pairs in order, from either end.
#[derive(Clone, Debug)]
pub(crate) struct Iter<'a> {
    tree: &'a Tree,
    /// The ranks still to come.
    ranks: Range<usize>,
    /// Where the first of them is, once it has been looked up.
    front: Option<Place>,
    /// One behind the place of the last of them, once that has been looked up.
    back: Option<Place>,
}

impl<'a> Iter<'a> {
    /// The ranks must be those of pairs.
    pub(super) fn new(tree: &'a Tree, ranks: Range<usize>) -> Self {
        Self {
            tree,
            ranks,
            front: None,
            back: None,
        }
    }

    fn pair(&self, place: Place) -> &'a Pair {
        self.tree.get(self.tree.nodes.id_at(place))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Pair;

    fn next(&mut self) -> Option<&'a Pair> {
        let rank = self.ranks.next()?;
        let nodes = &self.tree.nodes;
        let place = self.front.unwrap_or_else(|| nodes.select(rank));
        let leaf = nodes.leaf(place.leaf);
        self.front = Some(if place.at + 1 < leaf.len {
            Place {
                at: place.at + 1,
                ..place
            }
        } else {
            Place {
                leaf: leaf.next,
                at: 0,
            }
        });
        Some(self.pair(place))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    fn next_back(&mut self) -> Option<&'a Pair> {
        let rank = self.ranks.next_back()?;
        let nodes = &self.tree.nodes;
        // One behind the pair, so that the step to another leaf is taken only when needed.
        let mut place = self.back.unwrap_or_else(|| {
            let place = nodes.select(rank);
            Place {
                at: place.at + 1,
                ..place
            }
        });
        if place.at == 0 {
            let leaf = nodes.leaf(place.leaf).prev;
            place = Place {
                leaf,
                at: nodes.leaf(leaf).len,
            };
        }
        place.at -= 1;
        self.back = Some(place);
        Some(self.pair(place))
    }
}

impl ExactSizeIterator for Iter<'_> {}
