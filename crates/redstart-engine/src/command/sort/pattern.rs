//! Where BY and GET lead from an element.

use crate::command::args::c_string;
use crate::command::ctx::Ctx;
use crate::data::Element;
use crate::keyspace::object::{Object, StringView};

/// `#`, a name of a key with a star for the element, or of a field of a hash: `weight_*->field`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern<'a>(Target<'a>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'a> {
    Element,
    Nothing,
    Key {
        prefix: &'a [u8],
        suffix: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    /// Every text is a pattern; one without a star leads nowhere. Signs behind a NUL are none, as
    /// in C, but stand in the key's name all the same.
    pub(super) fn parse(text: &'a [u8]) -> Pattern<'a> {
        let signs = c_string(text);
        if signs == b"#" {
            return Pattern(Target::Element);
        }
        let Some(star) = signs.iter().position(|&byte| byte == b'*') else {
            return Pattern(Target::Nothing);
        };
        let arrow = signs[star + 1..].windows(2).position(|two| two == b"->");
        let arrow = arrow.map(|at| star + 1 + at);
        // Nothing behind the arrow, and it is a part of the name.
        let arrow = arrow.filter(|arrow| signs.len() > arrow + 2);
        Pattern(Target::Key {
            prefix: &text[..star],
            suffix: &text[star + 1..arrow.unwrap_or(text.len())],
            field: arrow.map(|arrow| &text[arrow + 2..]),
        })
    }

    /// Whether it leads from every element to the same, so that there is nothing to compare.
    pub(super) fn is_constant(&self) -> bool {
        !self.is_of_other_keys()
    }

    /// Whether it leads to keys.
    pub(super) fn is_of_other_keys(&self) -> bool {
        matches!(self.0, Target::Key { .. })
    }

    /// Calls `look` with what it leads to, if that is there and a string.
    pub(super) fn follow<R>(
        &self,
        ctx: &mut Ctx<'_>,
        element: &[u8],
        look: impl FnOnce(Option<Element<'_>>) -> R,
    ) -> R {
        let (prefix, suffix, field) = match self.0 {
            Target::Element => return look(Some(Element::Str(element))),
            Target::Nothing => return look(None),
            Target::Key {
                prefix,
                suffix,
                field,
            } => (prefix, suffix, field),
        };
        let (key, seed) = ([prefix, element, suffix].concat(), ctx.space.seed());
        let object = ctx.read(&key).map(|entry| &entry.object);
        look(match (object, field) {
            (Some(Object::Hash(hash)), Some(field)) => hash.get(field, seed),
            (Some(object), None) => object.as_string().map(|string| match string {
                StringView::Int(number) => Element::Int(number),
                StringView::Bytes(bytes) => Element::Str(bytes),
            }),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_cut_at_its_star_and_its_arrow() {
        let key = |prefix, suffix, field| {
            Pattern(Target::Key {
                prefix,
                suffix,
                field,
            })
        };
        for (text, expected) in [
            (&b"#"[..], Pattern(Target::Element)),
            (b"#\0*", Pattern(Target::Element)),
            (b"##", Pattern(Target::Nothing)),
            (b"", Pattern(Target::Nothing)),
            (b"a\0*", Pattern(Target::Nothing)),
            (b"a*b", key(b"a", b"b", None)),
            (b"a*b*c", key(b"a", b"b*c", None)),
            (b"->*", key(b"->", b"", None)),
            (b"*->f", key(b"", b"", Some(b"f"))),
            (b"a*b->f->g", key(b"a", b"b", Some(b"f->g"))),
            (b"a*b->", key(b"a", b"b->", None)),
            (b"a*->\0f", key(b"a", b"->\0f", None)),
            (b"a*\0->f", key(b"a", b"\0->f", None)),
            (b"a*->f\0g", key(b"a", b"", Some(b"f\0g"))),
        ] {
            assert_eq!(Pattern::parse(text), expected, "{}", text.escape_ascii());
        }
    }
}
