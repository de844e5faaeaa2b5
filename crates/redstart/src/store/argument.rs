//! The arguments of a command: one buffer, and where each argument ends.

use std::borrow::Cow;
use std::io::Write;

use bytes::Bytes;
use smallvec::SmallVec;

use super::key::Key;

/// Something that can be one argument of a command.
///
/// Binary-safe as it stands: nothing is quoted or trimmed. Numbers are written in decimal.
pub trait Argument {
    /// Adds it at the end.
    fn append_to(&self, arguments: &mut Arguments);
}

/// A command and its arguments, in order. The first one is the command's name.
#[derive(Clone, Default)]
pub struct Arguments {
    bytes: Vec<u8>,
    ends: SmallVec<[usize; 8]>,
}

/// What a name, a key and a short value take.
const USUAL_BYTES: usize = 64;

/// What the embedded engine takes.
pub(crate) type Slices<'a> = SmallVec<[&'a [u8]; 16]>;

impl Arguments {
    /// None yet.
    pub fn new() -> Arguments {
        Arguments {
            bytes: Vec::with_capacity(USUAL_BYTES),
            ends: SmallVec::new(),
        }
    }

    /// Adds one argument, as it stands.
    pub fn push(&mut self, argument: &[u8]) {
        self.bytes.extend_from_slice(argument);
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The arguments in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.bytes[start..*end])
    }

    pub(crate) fn slices(&self) -> Slices<'_> {
        self.iter().collect()
    }

    pub(crate) fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    fn push_display(&mut self, argument: impl std::fmt::Display) {
        write!(self.bytes, "{argument}").expect("writing to memory does not fail");
        self.ends.push(self.bytes.len());
    }
}

impl<A: Argument> FromIterator<A> for Arguments {
    fn from_iter<I: IntoIterator<Item = A>>(iter: I) -> Arguments {
        let mut arguments = Arguments::new();
        for argument in iter {
            argument.append_to(&mut arguments);
        }
        arguments
    }
}

/// Shows the command's name and how many arguments follow; the arguments are users' data.
impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = super::error::OperationName::command(self.iter().next().unwrap_or_default());
        write!(
            f,
            "Arguments({name} and {} more)",
            self.len().saturating_sub(1)
        )
    }
}

impl<T: Argument + ?Sized> Argument for &T {
    fn append_to(&self, arguments: &mut Arguments) {
        (**self).append_to(arguments);
    }
}

impl<T> Argument for Cow<'_, T>
where
    T: Argument + ToOwned + ?Sized,
{
    fn append_to(&self, arguments: &mut Arguments) {
        self.as_ref().append_to(arguments);
    }
}

macro_rules! bytes_are_arguments {
    ($($kind:ty),*) => {$(
        impl Argument for $kind {
            fn append_to(&self, arguments: &mut Arguments) {
                arguments.push(self.as_ref());
            }
        }
    )*};
}

bytes_are_arguments!(str, String, [u8], Vec<u8>, Bytes, Key);

impl<const N: usize> Argument for [u8; N] {
    fn append_to(&self, arguments: &mut Arguments) {
        arguments.push(self);
    }
}

macro_rules! numbers_are_arguments {
    ($($kind:ty),*) => {$(
        impl Argument for $kind {
            fn append_to(&self, arguments: &mut Arguments) {
                arguments.push_display(self);
            }
        }
    )*};
}

numbers_are_arguments!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_their_bytes_and_their_bounds() {
        let mut arguments = Arguments::new();
        "SET".append_to(&mut arguments);
        b"\x00 \xff".append_to(&mut arguments);
        "".append_to(&mut arguments);
        (-7_i64).append_to(&mut arguments);
        f64::INFINITY.append_to(&mut arguments);
        let expected: [&[u8]; 5] = [b"SET", b"\x00 \xff", b"", b"-7", b"inf"];
        assert_eq!(arguments.slices().as_slice(), expected);
    }

    #[test]
    fn data_is_not_printed() {
        let mut arguments = Arguments::new();
        "auth".append_to(&mut arguments);
        "hunter2".append_to(&mut arguments);
        assert_eq!(format!("{arguments:?}"), "Arguments(AUTH and 1 more)");
    }
}
