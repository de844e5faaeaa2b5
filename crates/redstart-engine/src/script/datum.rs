//! Lua values as host code sees them: plain data, without identity and without metatables.
//!
//! This is the only form in which values cross the border to Lua. The libraries (`cjson`, `struct`,
//! …) are therefore functions from data to data, and none of them knows Lua's interface.

use std::borrow::Cow;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Datum<'a> {
    Nil,
    Boolean(bool),
    Number(f64),
    Text(Cow<'a, [u8]>),
    /// The null pointer that `cjson.null` is.
    Null,
    /// A table with the keys 1, 2, … and no other; not empty when it was read from Lua.
    List(Vec<Datum<'a>>),
    /// Any other table, in the order of `next`.
    Table(Vec<(Datum<'a>, Datum<'a>)>),
    /// A function, a thread or a userdata; its type is all that host code can say of it.
    Opaque(&'static str),
    /// A table that lies deeper than the reader was asked to look.
    TooDeep,
}

impl<'a> Datum<'a> {
    pub(crate) fn text(text: &'a [u8]) -> Datum<'a> {
        Datum::Text(Cow::Borrowed(text))
    }

    pub(crate) fn owned(text: impl Into<Vec<u8>>) -> Datum<'a> {
        Datum::Text(Cow::Owned(text.into()))
    }

    /// A table with one named field.
    pub(crate) fn field(name: &'static str, value: Datum<'a>) -> Datum<'a> {
        Datum::Table(vec![(Datum::text(name.as_bytes()), value)])
    }

    /// What Lua calls this type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Datum::Nil => "nil",
            Datum::Boolean(_) => "boolean",
            Datum::Number(_) => "number",
            Datum::Text(_) => "string",
            Datum::Null => "userdata",
            Datum::List(_) | Datum::Table(_) | Datum::TooDeep => "table",
            Datum::Opaque(name) => name,
        }
    }
}
