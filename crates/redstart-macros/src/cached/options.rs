//! What stands in the parentheses.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprClosure, ExprLit, Ident, Lit, LitStr, Token};

use crate::duration;

/// The options of `#[cached(…)]`.
pub(super) struct Options {
    pub(super) cache: Expr,
    pub(super) namespace: Option<LitStr>,
    pub(super) key: Option<Text>,
    pub(super) ttl: Option<Ttl>,
    pub(super) tags: Tags,
}

/// Something made from the arguments.
pub(super) enum Text {
    /// A format string.
    Format(LitStr),
    Closure(ExprClosure),
    Other(Expr),
}

pub(super) enum Ttl {
    Ms(u64),
    Other(Expr),
}

pub(super) enum Tags {
    Each(Vec<Text>),
    /// All of them from the value.
    OfValue(ExprClosure),
}

const KNOWN: &str = "`cache`, `key`, `namespace`, `ttl` and `tags`";

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Options> {
        let start = input.span();
        let mut cache = None;
        let mut namespace = None;
        let mut key = None;
        let mut ttl = None;
        let mut tags = None;
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            match name.to_string().as_str() {
                known @ ("cache" | "key" | "namespace" | "ttl" | "tags") => {
                    if !input.peek(Token![=]) {
                        let message = format!("`{known}` wants a value: `{known} = …`");
                        return Err(syn::Error::new(name.span(), message));
                    }
                    input.parse::<Token![=]>()?;
                    let twice = match known {
                        "cache" => cache.replace(input.parse()?).is_some(),
                        "key" => key.replace(input.parse::<Text>()?).is_some(),
                        "namespace" => namespace.replace(input.parse()?).is_some(),
                        "ttl" => ttl.replace(input.parse::<Ttl>()?).is_some(),
                        _ => tags.replace(input.parse::<Tags>()?).is_some(),
                    };
                    if twice {
                        let message = format!("`{known}` is said twice");
                        return Err(syn::Error::new(name.span(), message));
                    }
                }
                unknown => {
                    let message = hint(unknown).map_or_else(
                        || format!("`#[cached]` has no option `{unknown}`; it has {KNOWN}"),
                        str::to_owned,
                    );
                    return Err(syn::Error::new(name.span(), message));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(Options {
            cache: cache.ok_or_else(|| no_cache(start))?,
            namespace,
            key,
            ttl,
            tags: tags.unwrap_or_else(|| Tags::Each(Vec::new())),
        })
    }
}

fn no_cache(at: Span) -> syn::Error {
    syn::Error::new(
        at,
        "say which cache to use: `#[cached(cache = self.users)]`, for a field `users: Cache<…>`",
    )
}

/// For options that exist elsewhere.
fn hint(unknown: &str) -> Option<&'static str> {
    Some(match unknown {
        "negative_ttl" | "grace" | "jitter" | "codec" | "schema" | "name" => {
            "this is the cache's to say: see `Cache::builder`"
        }
        "errors" | "error_ttl" | "error_back_off" => {
            "errors are not cached; how long to wait after one is the cache's to say: \
             `.error_back_off(…)` of `Cache::builder`"
        }
        "tag" => "tags are a list: `tags = [\"…\"]`",
        "store" => "say which cache to use, `cache = …`: it knows its store",
        _ => return None,
    })
}

impl Parse for Text {
    fn parse(input: ParseStream<'_>) -> syn::Result<Text> {
        Ok(match input.parse()? {
            Expr::Lit(ExprLit {
                lit: Lit::Str(format),
                ..
            }) => Text::Format(format),
            Expr::Closure(closure) => {
                plain(&closure)?;
                Text::Closure(closure)
            }
            other => Text::Other(other),
        })
    }
}

impl Parse for Ttl {
    fn parse(input: ParseStream<'_>) -> syn::Result<Ttl> {
        match input.parse()? {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => duration::parse_ms(&text.value())
                .map(Ttl::Ms)
                .map_err(|message| syn::Error::new(text.span(), message)),
            Expr::Lit(ExprLit { lit, .. }) => Err(syn::Error::new(
                lit.span(),
                "say the unit, too: `ttl = \"90s\"`, or give a `Duration`",
            )),
            other => Ok(Ttl::Other(other)),
        }
    }
}

impl Parse for Tags {
    fn parse(input: ParseStream<'_>) -> syn::Result<Tags> {
        if input.peek(syn::token::Bracket) {
            let list;
            syn::bracketed!(list in input);
            let each = Punctuated::<Text, Token![,]>::parse_terminated(&list)?;
            return Ok(Tags::Each(each.into_iter().collect()));
        }
        match input.parse()? {
            Expr::Closure(closure) => {
                plain(&closure)?;
                Ok(Tags::OfValue(closure))
            }
            other => Err(syn::Error::new_spanned(
                other,
                "tags are a list, `tags = [\"org:{org}\"]`, or a closure that makes a list \
                 of the value, `tags = |user| user.teams.clone()`",
            )),
        }
    }
}

/// A closure whose body can stand where it is called.
fn plain(closure: &ExprClosure) -> syn::Result<()> {
    let odd = [
        closure.asyncness.as_ref().map(|token| token.span),
        closure.capture.as_ref().map(|token| token.span),
    ];
    match odd.into_iter().flatten().next() {
        Some(span) => Err(syn::Error::new(
            span,
            "a plain closure is wanted: `|argument| …`",
        )),
        None => Ok(()),
    }
}

/// Parses the options.
pub(super) fn parse(options: TokenStream) -> syn::Result<Options> {
    if options.is_empty() {
        return Err(no_cache(Span::call_site()));
    }
    syn::parse2(options)
}
