//! `#[cached]`: read the options, look at the function, write what takes its place.

mod arguments;
mod expansion;
mod function;
mod options;

use proc_macro2::TokenStream;

/// What takes the function's place, or what is wrong and where.
pub(crate) fn expand(options: TokenStream, function: TokenStream) -> syn::Result<TokenStream> {
    let options = options::parse(options)?;
    let function = function::parse(function)?;
    let arguments = arguments::of(&function.signature)?;
    expansion::expand(&options, &function, &arguments)
}
