use super::End;
use crate::data::listpack::{self, Listpack};
use crate::data::{Blob, Element, Needle};

/// The largest pack in a list. Larger ones save little and make insertions in the middle dear.
const PACK_BYTES_MAX: usize = 8 * 1024;

/// A stretch of a list.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Packed(Listpack),
    /// One element that does not fit into a pack.
    Plain(Box<[u8]>),
}

/// A stretch of a list, as it lies in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NodeView<'a> {
    Packed(&'a Listpack),
    /// One element that does not fit into a pack.
    Plain(&'a [u8]),
}

/// Whether a pack from outside may become a node as it is.
pub(super) fn may_hold(pack: &Listpack) -> bool {
    !pack.is_empty() && pack.size() <= PACK_BYTES_MAX
}

/// Whether a pack may take an element of this length.
#[inline]
pub(super) fn has_room_for(pack: &Listpack, len: usize) -> bool {
    pack.has_room_for(len, PACK_BYTES_MAX)
}

impl Node {
    /// A node with one element.
    pub(super) fn new(element: &[u8]) -> Self {
        let mut pack = Listpack::with_room(0);
        if has_room_for(&pack, element.len()) {
            pack.push_back(element);
            Self::Packed(pack)
        } else {
            Self::Plain(element.into())
        }
    }

    pub(super) fn view(&self) -> NodeView<'_> {
        match self {
            Self::Packed(pack) => NodeView::Packed(pack),
            Self::Plain(element) => NodeView::Plain(element),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.len(),
            Self::Plain(_) => 1,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Packed(pack) => pack.memory(),
            Self::Plain(element) => element.len(),
        }
    }

    pub(super) fn get(&self, offset: usize) -> Option<Element<'_>> {
        match self {
            Self::Packed(pack) => pack.get(pack.seek(offset as isize)?),
            Self::Plain(element) => Some(Element::Str(element)),
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        match self {
            Self::Packed(pack) => Iter::Packed(pack.iter()),
            Self::Plain(element) => Iter::Plain(Some(element)),
        }
    }

    /// The elements from one on that exists.
    pub(super) fn iter_from(&self, offset: usize) -> Iter<'_> {
        match self {
            Self::Packed(pack) => match pack.seek(offset as isize) {
                Some(cursor) => Iter::Packed(pack.iter_from(cursor)),
                None => Iter::Plain(None),
            },
            Self::Plain(_) => self.iter(),
        }
    }

    /// The element of a node that has no other.
    pub(super) fn into_only_element(self) -> Option<Blob> {
        match self {
            Self::Packed(pack) => pack.iter().next().map(Element::to_blob),
            Self::Plain(element) => Some(element.into()),
        }
    }

    /// Inserts an element before the one with an index, or behind all. `false` if it must have a
    /// node of its own or this one is full.
    pub(super) fn insert(&mut self, offset: usize, element: &[u8]) -> bool {
        let Self::Packed(pack) = self else {
            return false;
        };
        if !has_room_for(pack, element.len()) {
            return false;
        }
        match pack.seek(offset as isize) {
            Some(cursor) => pack.insert_before(cursor, element),
            None => pack.push_back(element),
        }
        true
    }

    /// Puts another element in the place of one. `false` if that would be too much for the node.
    pub(super) fn replace(&mut self, offset: usize, element: &[u8]) -> bool {
        if self.len() == 1 {
            *self = Self::new(element);
            return true;
        }
        let Self::Packed(pack) = self else {
            return false;
        };
        match pack.seek(offset as isize) {
            Some(cursor) if pack.size_with(cursor, element) <= PACK_BYTES_MAX => {
                pack.replace(cursor, element);
                true
            }
            _ => false,
        }
    }

    /// Takes the element with an index out.
    pub(super) fn remove_at(&mut self, offset: usize) {
        match self {
            Self::Packed(pack) => pack.remove_range(offset as isize, 1),
            Self::Plain(_) => *self = Self::empty(),
        }
    }

    /// Removes up to `count_max` elements that match, those nearest to an end. Returns how many.
    pub(super) fn remove(&mut self, needle: &Needle<'_>, from: End, count_max: usize) -> usize {
        let pack = match self {
            Self::Packed(pack) => pack,
            Self::Plain(element) if Element::Str(element).matches(needle) => {
                *self = Self::empty();
                return 1;
            }
            Self::Plain(_) => return 0,
        };
        let mut removed = 0;
        let mut at = match from {
            End::Head => pack.first(),
            End::Tail => pack.last(),
        };
        while let Some(cursor) = at
            && removed < count_max
        {
            let matches = pack
                .get(cursor)
                .is_some_and(|element| element.matches(needle));
            at = match (from, matches) {
                (End::Head, true) => pack.remove(cursor),
                (End::Head, false) => pack.next(cursor),
                (End::Tail, true) => {
                    pack.remove(cursor);
                    pack.prev(cursor)
                }
                (End::Tail, false) => pack.prev(cursor),
            };
            removed += usize::from(matches);
        }
        removed
    }

    /// Removes so many elements at an end; some others stay.
    pub(super) fn drop_many(&mut self, end: End, count: usize) {
        if let Self::Packed(pack) = self {
            let from = match end {
                End::Head => 0,
                End::Tail => pack.len().saturating_sub(count),
            };
            pack.remove_range(from as isize, count);
        }
    }

    /// Cuts the node in two before an element; there is nothing to cut before the first.
    pub(super) fn split_off(&mut self, offset: usize) -> Option<Self> {
        match self {
            Self::Packed(pack) if offset > 0 => {
                let cursor = pack.seek(offset as isize)?;
                Some(Self::Packed(pack.split_off(cursor)))
            }
            _ => None,
        }
    }

    /// Adds the elements of the node behind this one, if one pack can hold all.
    pub(super) fn absorb(&mut self, behind: &Self) -> bool {
        match (self, behind) {
            (Self::Packed(pack), Self::Packed(behind))
                if pack.size() + behind.size() <= PACK_BYTES_MAX =>
            {
                pack.append(behind);
                true
            }
            _ => false,
        }
    }

    pub(super) fn shrink_to_fit(&mut self) {
        if let Self::Packed(pack) = self {
            pack.shrink_to_fit();
        }
    }

    fn empty() -> Self {
        Self::Packed(Listpack::new())
    }
}

/// The elements of a node.
#[derive(Clone, Debug)]
pub(super) enum Iter<'a> {
    Packed(listpack::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Self::Packed(elements) => elements.next(),
            Self::Plain(element) => element.take().map(Element::Str),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Self::Packed(elements) => elements.next_back(),
            Self::Plain(element) => element.take().map(Element::Str),
        }
    }
}
