//! The arguments: which there are, and how a load that outlives its caller gets to own them.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, Pat, PatType, Receiver, ReceiverKind, Signature, Type, TypeReference};

pub(super) struct Arguments<'f> {
    pub(super) receiver: Option<This<'f>>,
    pub(super) named: Vec<Argument<'f>>,
}

/// `self`.
pub(super) struct This<'f> {
    pub(super) receiver: &'f Receiver,
    /// Whether it is a reference.
    pub(super) borrowed: bool,
}

pub(super) struct Argument<'f> {
    pub(super) name: &'f Ident,
    /// What is behind it, if it is a reference.
    pub(super) borrowed: Option<&'f Type>,
}

impl<'f> Arguments<'f> {
    pub(super) fn find(&self, name: &Ident) -> Option<&Argument<'f>> {
        self.named.iter().find(|argument| argument.name == name)
    }
}

pub(super) fn of(signature: &Signature) -> syn::Result<Arguments<'_>> {
    let mut arguments = Arguments {
        receiver: None,
        named: Vec::new(),
    };
    for argument in &signature.inputs {
        match argument {
            FnArg::Receiver(receiver) => arguments.receiver = Some(this(receiver)?),
            FnArg::Typed(typed) => arguments.named.push(named(typed)?),
        }
    }
    Ok(arguments)
}

fn this(receiver: &Receiver) -> syn::Result<This<'_>> {
    let borrowed = match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => true,
        ReceiverKind::Reference(_, _, Some(_)) => return Err(mutable(receiver)),
        ReceiverKind::Typed(_, of) => match &**of {
            Type::Reference(reference) if reference.mutability.is_some() => {
                return Err(mutable(receiver));
            }
            of => matches!(of, Type::Reference(_)),
        },
        _ => false,
    };
    Ok(This { receiver, borrowed })
}

fn named(typed: &PatType) -> syn::Result<Argument<'_>> {
    let name = match &*typed.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => &name.ident,
        other => {
            return Err(syn::Error::new_spanned(
                other,
                "give this argument a name, and take it apart inside: it may be part of the key",
            ));
        }
    };
    let borrowed = match &*typed.ty {
        Type::Reference(TypeReference {
            mutability: Some(_),
            ..
        }) => return Err(mutable(typed)),
        Type::Reference(reference) => Some(&*reference.elem),
        _ => None,
    };
    let owned = borrowed.unwrap_or(&typed.ty);
    if borrows(owned.to_token_stream()) {
        return Err(syn::Error::new_spanned(
            &typed.ty,
            "a load outlives its caller, so it cannot use what this borrows: take an owned value, \
             or a reference to one",
        ));
    }
    Ok(Argument { name, borrowed })
}

fn mutable(what: impl ToTokens) -> syn::Error {
    syn::Error::new_spanned(
        what,
        "a cached function changes nothing: on a hit it does not run, and a load may be shared",
    )
}

/// Whether a type holds a reference or a lifetime other than `'static`.
fn borrows(of: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = of.into_iter().collect();
    let is_mark = |token: Option<&TokenTree>, wanted: char| matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == wanted);
    let mut rest = tokens.as_slice();
    while let [token, after @ ..] = rest {
        let found = match token {
            TokenTree::Punct(mark) if mark.as_char() == '\'' => {
                !matches!(after.first(), Some(TokenTree::Ident(name)) if name == "static")
            }
            // `&'static` is judged by its lifetime.
            TokenTree::Punct(mark) if mark.as_char() == '&' => !is_mark(after.first(), '\''),
            TokenTree::Group(group) => borrows(group.stream()),
            _ => false,
        };
        if found {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_borrows_is_seen_however_deep() {
        for (of, borrowed) in [
            ("u64", false),
            ("Vec<(String, [u8; 4])>", false),
            ("&'static str", false),
            ("Cow<'static, str>", false),
            ("Option<&str>", true),
            ("(u64, &str)", true),
            ("Cow<'_, str>", true),
            ("Vec<&'a str>", true),
            ("[(u8, &'static Cow<'a, str>); 2]", true),
        ] {
            assert_eq!(borrows(of.parse().unwrap()), borrowed, "{of}");
        }
    }
}
