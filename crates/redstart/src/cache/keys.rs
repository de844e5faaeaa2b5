//! The keys of a cache, and what its users call things.
//!
//! ```text
//! namespace:cache:v1:{name:key}          the entry
//! namespace:cache:v1:{name:key}:lease    who loads it, or why nobody may
//! namespace:cache:v1:{name:tag}:tag      the number of the tag's latest invalidation
//! namespace:cache:v1:{name}:latest       the number of the latest invalidation of all
//! namespace:cache:v1:{name}:cleared      the number of the latest clearing
//! ```
//!
//! An entry and its lease change together and lie in one slot, as do the last two. Tags lie in
//! slots of their own: an entry remembers the number it was loaded under, and who reads it compares.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::store::{Argument, Arguments, Key, KeyError, KeySpace, Namespace};

/// The version of the layout of keys and entries.
const LAYOUT: u32 = 1;

/// How long numbers of invalidations live at least beyond their last use. They are few.
const CLOCK_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What entries and tags are called by: anything that can be one argument of a command, or a tuple
/// of such. Different values never share a key, because parts are kept apart and escaped.
///
/// A type of your own implements it by its parts:
///
/// ```
/// use redstart::cache::CacheKey;
/// use redstart::store::{Argument, Arguments};
///
/// struct Page {
///     shop: u32,
///     path: String,
/// }
///
/// impl CacheKey for Page {
///     fn append_parts(&self, parts: &mut Arguments) {
///         self.shop.append_to(parts);
///         self.path.append_to(parts);
///     }
/// }
/// ```
pub trait CacheKey {
    /// Adds its parts at the end, always as many.
    fn append_parts(&self, parts: &mut Arguments);
}

impl<T: Argument + ?Sized> CacheKey for T {
    fn append_parts(&self, parts: &mut Arguments) {
        self.append_to(parts);
    }
}

macro_rules! tuples_are_keys {
    ($(($($part:ident),+)),+) => {$(
        impl<$($part: CacheKey),+> CacheKey for ($($part,)+) {
            fn append_parts(&self, parts: &mut Arguments) {
                #[expect(non_snake_case, reason = "the parts are called as their types")]
                let ($($part,)+) = self;
                $($part.append_parts(parts);)+
            }
        }
    )+};
}

tuples_are_keys!((A), (A, B), (A, B, C), (A, B, C, D));

/// Where the keys of a cache lie.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    space: KeySpace,
    clock: Clock,
}

/// An entry and its lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    keys: Arc<[Key; 2]>,
}

/// The latest invalidation of all and the latest clearing.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    keys: Arc<[Key; 2]>,
    life_ms: u64,
}

/// Where the number of a tag is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TagKey {
    key: Arc<[Key; 1]>,
}

impl Keys {
    /// `longest` is how long an entry may live.
    pub(super) fn new(
        namespace: &Namespace,
        name: &str,
        longest: Duration,
    ) -> Result<Keys, KeyError> {
        let space = KeySpace::new(namespace, "cache", LAYOUT);
        let name = name.as_bytes();
        let of_all = space.key(&[name])?;
        let life = CLOCK_LIFE.max(longest.saturating_mul(2));
        Ok(Keys {
            clock: Clock {
                keys: Arc::new([
                    of_all.clone().with_role("latest"),
                    of_all.with_role("cleared"),
                ]),
                life_ms: whole_ms(life),
            },
            space: space.within(name),
        })
    }

    pub(super) fn place(&self, key: &(impl CacheKey + ?Sized)) -> Result<Place, KeyError> {
        let entry = self.key(key)?;
        let lease = entry.clone().with_role("lease");
        Ok(Place {
            keys: Arc::new([entry, lease]),
        })
    }

    pub(super) fn tag(&self, tag: &(impl CacheKey + ?Sized)) -> Result<TagKey, KeyError> {
        Ok(TagKey {
            key: Arc::new([self.key(tag)?.with_role("tag")]),
        })
    }

    /// A tag as an entry names it.
    pub(super) fn named_tag(&self, name: &[u8]) -> TagKey {
        TagKey {
            key: Arc::new([self.space.named(name).with_role("tag")]),
        }
    }

    /// How an entry names a tag of this cache.
    pub(super) fn name_of<'t>(&self, tag: &'t TagKey) -> &'t [u8] {
        self.space.name_of(tag.as_key())
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn key(&self, key: &(impl CacheKey + ?Sized)) -> Result<Key, KeyError> {
        let mut parts = Arguments::new();
        key.append_parts(&mut parts);
        let parts: SmallVec<[&[u8]; 4]> = parts.iter().collect();
        self.space.key(&parts)
    }
}

impl Place {
    pub(super) fn keys(&self) -> &[Key] {
        &*self.keys
    }

    pub(super) fn entry(&self) -> &[Key] {
        &self.keys[..1]
    }

    pub(super) fn lease(&self) -> &[Key] {
        &self.keys[1..]
    }
}

impl Clock {
    pub(super) fn keys(&self) -> &[Key] {
        &*self.keys
    }

    /// The latest clearing, which every reader looks at.
    pub(super) fn cleared(&self) -> &Key {
        &self.keys[1]
    }

    pub(super) fn life_ms(&self) -> u64 {
        self.life_ms
    }
}

impl TagKey {
    pub(super) fn keys(&self) -> &[Key] {
        &*self.key
    }

    pub(super) fn as_key(&self) -> &Key {
        &self.key[0]
    }
}

/// Rounded up, so that what is not nothing stays more than nothing.
pub(super) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}
