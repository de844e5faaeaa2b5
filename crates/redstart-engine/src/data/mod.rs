//! Pure data structures: no keys, no clock, no replies, no randomness of their own.
//!
//! Nothing here knows about Redis commands; each structure answers `memory()` in constant time.

pub(crate) mod bits;
mod blob;
mod element;
pub(crate) mod geo;
pub(crate) mod glob;
mod growth;
mod hash;
pub(crate) mod hyperloglog;
mod intset;
mod list;
mod listpack;
mod same;
mod sample;
mod set;
mod sorted_set;
pub(crate) mod sorting;
pub(crate) mod table;
mod tree;

pub(crate) use blob::Blob;
pub(crate) use element::{Element, Needle};
pub(crate) use hash::{Hash, Limits};
pub(crate) use intset::Intset;
pub(crate) use list::{End, List, NodeView, Side};
pub(crate) use listpack::Listpack;
pub(crate) use same::same;
pub(crate) use set::Set;
pub(crate) use sorted_set::{Bound, SortedSet};
pub(crate) use table::{Seed, Table};
