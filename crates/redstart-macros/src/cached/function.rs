//! The function that is cached. Its body is passed on unread.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, ReturnType, Signature, Visibility};

pub(super) struct Function {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Function> {
        Ok(Function {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

pub(super) fn parse(function: TokenStream) -> syn::Result<Function> {
    let elsewhere =
        |_| syn::Error::new_spanned(&function, "`#[cached]` goes on an async function or method");
    let parsed: Function = syn::parse2(function.clone()).map_err(elsewhere)?;
    let signature = &parsed.signature;
    if signature.asyncness.is_none() {
        return Err(syn::Error::new_spanned(
            signature.fn_token,
            "`#[cached]` needs an `async fn`: the store is asked before the body runs",
        ));
    }
    if matches!(signature.output, ReturnType::Default) {
        return Err(syn::Error::new_spanned(
            &signature.ident,
            "a cached function returns a `Result`: its value is what is cached",
        ));
    }
    Ok(parsed)
}
