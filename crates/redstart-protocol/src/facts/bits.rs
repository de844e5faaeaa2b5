//! Sets of named bits, in the order in which Redis prints their names.

/// Defines a set type: one constant per member, and the names to print them.
macro_rules! bits {
    (
        $(#[$documentation:meta])*
        pub struct $set:ident($number:ty) {
            $( $(#[$member_documentation:meta])* $member:ident = $bit:literal, $name:literal; )*
        }
    ) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $set($number);

        impl $set {
            $( $(#[$member_documentation])* pub const $member: $set = $set(1 << $bit); )*

            /// Every member with its name, in the order in which Redis prints them.
            pub const NAMED: &'static [($set, &'static str)] = &[$( ($set::$member, $name), )*];

            /// The set without members.
            pub const EMPTY: $set = $set(0);

            /// The members of either.
            pub const fn union(self, other: $set) -> $set {
                $set(self.0 | other.0)
            }

            /// The members of this that the other has not.
            pub const fn difference(self, other: $set) -> $set {
                $set(self.0 & !other.0)
            }

            /// Whether every member of the other is in this.
            pub const fn contains(self, other: $set) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether the two have a member in common.
            pub const fn intersects(self, other: $set) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether there are no members.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The member with this name, whatever its case.
            pub fn by_name(name: &[u8]) -> Option<$set> {
                let mut named = Self::NAMED.iter();
                let same = |(_, own): &&($set, &str)| own.as_bytes().eq_ignore_ascii_case(name);
                named.find(same).map(|(member, _)| *member)
            }

            /// The names of the members.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                let named = Self::NAMED.iter();
                named.filter(move |(member, _)| self.contains(*member)).map(|(_, name)| *name)
            }
        }

        impl std::ops::BitOr for $set {
            type Output = $set;

            fn bitor(self, other: $set) -> $set {
                self.union(other)
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_set().entries(self.names()).finish()
            }
        }
    };
}

pub(super) use bits;
