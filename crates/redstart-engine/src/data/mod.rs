//! Pure data structures: no keys, no clock, no replies, no randomness of their own.
//!
//! Nothing here knows about Redis commands; each structure answers `memory()` in constant time.

mod blob;

pub(crate) use blob::Blob;
