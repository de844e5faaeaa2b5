//! Keys: `namespace:room:v1:{user part}[:role]`.
//!
//! The user part is the hash tag, so all keys of one subject lie in one slot and one script may
//! take them all. Two different inputs never give one key: in user parts `%`, `{`, `}` and `:` are
//! written as `%25`, `%7B`, `%7D` and `%3A`, several parts are joined by `:`, and an empty user
//! part is written as a lone `%` (an empty `{}` would be no hash tag at all).

use std::fmt;

/// The bytes of a key. Formatting it hides them: keys hold what users are called by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    bytes: Vec<u8>,
}

/// Input that cannot become a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The namespace has other characters than letters, digits, `_`, `-` and `.`, or is empty.
    #[error("a namespace is 1 to {MAX_NAMESPACE_BYTES} letters, digits, `_`, `-` or `.`")]
    Namespace,
    /// A user part is longer than a key may hold.
    #[error("a user part of {bytes} bytes is longer than {MAX_USER_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// The longest user part, all its pieces together. What comes from outside may not fill the
/// store's memory with names.
pub const MAX_USER_BYTES: usize = 1024;

const MAX_NAMESPACE_BYTES: usize = 64;

/// The part of every key of a store that its users choose once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace(Box<str>);

impl Namespace {
    pub(crate) fn new(name: &str) -> Result<Namespace, KeyError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || name.len() > MAX_NAMESPACE_BYTES || !name.bytes().all(allowed) {
            return Err(KeyError::Namespace);
        }
        Ok(Namespace(name.into()))
    }
}

/// What the keys of one room in one namespace start with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeySpace {
    prefix: Vec<u8>,
}

impl KeySpace {
    /// `room` and `version` are the room's own constants; the version changes with the layout, so
    /// that two releases can run side by side.
    pub(crate) fn new(namespace: &Namespace, room: &'static str, version: u32) -> KeySpace {
        KeySpace {
            prefix: format!("{}:{room}:v{version}:{{", namespace.0).into_bytes(),
        }
    }

    /// The keys whose first user part is this one.
    pub(crate) fn within(&self, part: &[u8]) -> KeySpace {
        let mut prefix = self.prefix.clone();
        escape_into(part, &mut prefix);
        prefix.push(b':');
        KeySpace { prefix }
    }

    /// The key of these user parts, in the one slot that they alone decide.
    pub(crate) fn key(&self, user: &[&[u8]]) -> Result<Key, KeyError> {
        let length: usize = user.iter().map(|part| part.len()).sum();
        if length > MAX_USER_BYTES {
            return Err(KeyError::TooLong { bytes: length });
        }
        let mut bytes = Vec::with_capacity(self.prefix.len() + length + user.len() + 16);
        bytes.extend_from_slice(&self.prefix);
        for (index, part) in user.iter().enumerate() {
            if index > 0 {
                bytes.push(b':');
            }
            escape_into(part, &mut bytes);
        }
        if bytes.ends_with(b"{") {
            bytes.push(b'%');
        }
        bytes.push(b'}');
        Ok(Key { bytes })
    }
}

impl KeySpace {
    /// The key of the user part that [`name_of`](KeySpace::name_of) found in another key.
    #[cfg(feature = "cache")]
    pub(crate) fn named(&self, name: &[u8]) -> Key {
        let mut bytes = Vec::with_capacity(self.prefix.len() + name.len() + 16);
        bytes.extend_from_slice(&self.prefix);
        bytes.extend_from_slice(name);
        bytes.push(b'}');
        Key { bytes }
    }

    /// The user part of a key of this space, escaped as it stands there. What is no key of this
    /// space has none.
    #[cfg(feature = "cache")]
    pub(crate) fn name_of<'k>(&self, key: &'k Key) -> &'k [u8] {
        let rest = key.bytes.strip_prefix(self.prefix.as_slice());
        let rest = rest.unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'}');
        &rest[..end.unwrap_or_default()]
    }
}

impl Key {
    /// The key beside this one, in the same slot, for another purpose.
    pub(crate) fn with_role(mut self, role: &str) -> Key {
        self.bytes.push(b':');
        self.bytes.extend_from_slice(role.as_bytes());
        self
    }

    /// The key with something more at its end: two keys of one role.
    #[cfg(feature = "limiter")]
    pub(crate) fn with_suffix(mut self, suffix: &'static str) -> Key {
        self.bytes.extend_from_slice(suffix.as_bytes());
        self
    }

    /// The bytes as the server sees them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.bytes.len())
    }
}

fn escape_into(part: &[u8], bytes: &mut Vec<u8>) {
    let mut rest = part;
    while let Some(at) = rest
        .iter()
        .position(|byte| matches!(byte, b'%' | b':' | b'{' | b'}'))
    {
        bytes.extend_from_slice(&rest[..at]);
        bytes.extend_from_slice(match rest[at] {
            b'%' => b"%25",
            b':' => b"%3A",
            b'{' => b"%7B",
            _ => b"%7D",
        });
        rest = &rest[at + 1..];
    }
    bytes.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn space() -> KeySpace {
        KeySpace::new(&Namespace::new("shop").unwrap(), "limiter", 1)
    }

    fn key(user: &[&[u8]]) -> Vec<u8> {
        space().key(user).unwrap().bytes
    }

    #[test]
    fn layout() {
        assert_eq!(key(&[b"api", b"user 7"]), b"shop:limiter:v1:{api:user 7}");
        assert_eq!(
            space().key(&[b"a"]).unwrap().with_role("log").as_bytes(),
            b"shop:limiter:v1:{a}:log"
        );
        assert_eq!(
            key(&[b"a:b", b"{c}%"]),
            b"shop:limiter:v1:{a%3Ab:%7Bc%7D%25}"
        );
    }

    #[test]
    fn an_empty_user_part_still_is_a_hash_tag() {
        assert_eq!(key(&[b""]), b"shop:limiter:v1:{%}");
        assert_eq!(key(&[b"", b""]), b"shop:limiter:v1:{:}");
    }

    #[test]
    fn what_is_too_long_or_no_namespace_is_refused() {
        assert_eq!(
            space().key(&[&[b'x'; 1000], &[b'y'; 25]]).unwrap_err(),
            KeyError::TooLong { bytes: 1025 }
        );
        for bad in ["", "a:b", "a{b", "ä", &"n".repeat(65)] {
            assert_eq!(Namespace::new(bad).unwrap_err(), KeyError::Namespace);
        }
    }

    #[test]
    fn a_key_does_not_print_its_user() {
        let key = space().key(&[b"ada@example.org"]).unwrap();
        assert_eq!(format!("{key:?}"), "Key(33 bytes)");
    }

    /// Parts rich in the characters that matter.
    fn part() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            Just(b'%'),
            Just(b':'),
            Just(b'{'),
            Just(b'}'),
            Just(b'2'),
            Just(b'5'),
            Just(b'3'),
            Just(b'A'),
            Just(b'7'),
            Just(b'B'),
            Just(b'D'),
            any::<u8>()
        ];
        prop::collection::vec(byte, 0..6)
    }

    proptest! {
        #[test]
        fn different_users_never_share_a_key(
            one in prop::collection::vec(part(), 2),
            other in prop::collection::vec(part(), 2),
        ) {
            let of = |user: &[Vec<u8>]| key(&user.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(one == other, of(&one) == of(&other));
        }

        #[test]
        fn a_space_within_a_space_has_the_same_keys(one in part(), other in part()) {
            let narrow = space().within(&one).key(&[&other]).unwrap();
            prop_assert_eq!(narrow.as_bytes(), key(&[&one, &other]));
        }

        #[cfg(feature = "cache")]
        #[test]
        fn a_name_leads_back_to_its_key(one in part(), other in part()) {
            let space = space().within(b"a:b");
            let key = space.key(&[&one, &other]).unwrap().with_role("tag");
            let again = space.named(space.name_of(&key)).with_role("tag");
            prop_assert_eq!(key, again);
        }

        #[test]
        fn all_roles_of_one_user_share_a_slot(user in part()) {
            let key = space().key(&[&user]).unwrap();
            let slot = redstart_protocol::slot(key.as_bytes());
            let tag = key.as_bytes().strip_prefix(b"shop:limiter:v1:{").unwrap();
            let tag = tag.strip_suffix(b"}").unwrap().to_vec();
            prop_assert_eq!(slot, redstart_protocol::slot(&tag));
            let role = key.with_role("1f9a03bc.log");
            prop_assert_eq!(redstart_protocol::slot(role.as_bytes()), slot);
        }
    }
}
