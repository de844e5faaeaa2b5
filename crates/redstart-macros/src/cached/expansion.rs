//! What takes the function's place: one of the same signature that asks the cache, and the body
//! under another name.
//!
//! Names made here are hygienic, but for that of the body: it stands beside a method as a method,
//! where `self` and `Self` mean what they meant.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprClosure, FnArg, GenericParam, Pat, ReceiverKind, Signature, Type,
    parse_quote,
};

use super::arguments::{Argument, Arguments};
use super::function::Function;
use super::options::{Options, Tags, Text, Ttl};

/// A key has so many parts at most.
const PARTS_MAX: usize = 4;

pub(super) fn expand(
    options: &Options,
    function: &Function,
    arguments: &Arguments<'_>,
) -> syn::Result<TokenStream> {
    let names = Names::new(&function.signature.ident);
    let Function {
        visibility,
        signature,
        ..
    } = function;

    let attributes = function.attributes.iter().filter(|own| !is_of_body(own));
    let outer = outer_signature(signature);
    let body = body(function, &names);
    let (beside, within) = match arguments.receiver {
        Some(_) => (Some(body), None),
        None => (None, Some(body)),
    };
    let call = call(options, signature, arguments, &names)?;
    Ok(quote! {
        #(#attributes)*
        #visibility #outer {
            #within
            #call
        }
        #beside
    })
}

/// Names that the function's own code cannot meet.
struct Names {
    body: Ident,
    cache: Ident,
    key: Ident,
    load: Ident,
    value: Ident,
    this: Ident,
}

impl Names {
    fn new(function: &Ident) -> Names {
        let local = |name: &str| Ident::new(name, Span::mixed_site());
        Names {
            body: format_ident!("__{}_uncached", function.unraw()),
            cache: local("cache"),
            key: local("key"),
            load: local("load"),
            value: local("value"),
            this: local("this"),
        }
    }

    /// The load's own copy of an argument.
    fn owned(argument: &Ident) -> Ident {
        format_ident!("owned_{}", argument.unraw(), span = Span::mixed_site())
    }
}

/// The same signature, with arguments that are only passed on.
fn outer_signature(signature: &Signature) -> Signature {
    let mut outer = signature.clone();
    for argument in &mut outer.inputs {
        match argument {
            FnArg::Receiver(receiver) => {
                if matches!(receiver.kind, ReceiverKind::Value | ReceiverKind::Typed(..)) {
                    receiver.mutability = None;
                }
            }
            FnArg::Typed(typed) => {
                if let Pat::Ident(name) = &mut *typed.pat {
                    name.mutability = None;
                }
            }
        }
    }
    outer
}

/// The function as it was, under its other name.
fn body(function: &Function, names: &Names) -> TokenStream {
    let lints = function.attributes.iter().filter(|own| is_lint(own));
    let mut signature = function.signature.clone();
    signature.ident = names.body.clone();
    for argument in &mut signature.inputs {
        if let FnArg::Typed(typed) = argument {
            // It may be there for the key, or be the cache.
            typed
                .attrs
                .push(parse_quote! { #[allow(unused_variables)] });
        }
    }
    let body = &function.body;
    quote! {
        #(#lints)*
        #[doc(hidden)]
        #signature #body
    }
}

fn call(
    options: &Options,
    signature: &Signature,
    arguments: &Arguments<'_>,
    names: &Names,
) -> syn::Result<TokenStream> {
    let Names {
        cache,
        key,
        load,
        value,
        this,
        ..
    } = names;
    let (make_key, pass_key) = key_of(options, signature, arguments)?;
    let use_cache = {
        let from = &options.cache;
        quote_spanned! {from.span()=> ::redstart::cache::Cache::clone(&#from) }
    };

    let mut own = Vec::new();
    let mut borrow = Vec::new();
    let mut pass = Vec::new();
    if let Some(receiver) = &arguments.receiver {
        let token = receiver.receiver.self_token;
        own.push(match receiver.borrowed {
            true => quote_spanned! {token.span=> let #this = ::redstart::__private::clone_of_self(#token); },
            false => quote! { let #this = #token; },
        });
        pass.push(match receiver.borrowed {
            true => quote! { &#this },
            false => quote! { #this },
        });
    }
    for Argument { name, borrowed } in &arguments.named {
        if let Some(of) = borrowed {
            let owned = Names::owned(name);
            own.push(quote! { let #owned = ::std::borrow::ToOwned::to_owned(#name); });
            borrow.push(quote! { let #name: &#of = ::core::borrow::Borrow::borrow(&#owned); });
        }
        pass.push(quote! { #name });
    }

    let ttl = options.ttl.as_ref().map(|ttl| {
        let ttl = match ttl {
            Ttl::Ms(ms) => quote! { ::core::time::Duration::from_millis(#ms) },
            Ttl::Other(expression) => quote! { #expression },
        };
        quote! { #load.ttl(#ttl); }
    });
    let (tags, value_tags) = tags_of(&options.tags, arguments, names)?;
    let note = match value_tags.is_empty() {
        true => quote! { |_, _| () },
        false => quote! { move |#value, #load: &::redstart::cache::Load| { #(#value_tags)* } },
    };
    let body = body_path(signature, arguments, names);
    let run = quote_spanned! {signature.ident.span()=> #body(#(#pass),*).await };

    Ok(quote! {
        let #cache = #use_cache;
        let #key = #make_key;
        #(#own)*
        ::redstart::__private::cached(
            &#cache,
            #pass_key,
            move |#load: ::redstart::cache::Load| async move {
                #(#borrow)*
                #ttl
                #(#tags)*
                #run
            },
            #note,
        )
        .await
    })
}

/// The body's path, with the generic parameters of the function that calls it.
fn body_path(signature: &Signature, arguments: &Arguments<'_>, names: &Names) -> TokenStream {
    let body = &names.body;
    let parameters = signature.generics.params.iter();
    let parameters: Vec<&Ident> = parameters
        .filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
            _ => None,
        })
        .collect();
    let within = arguments.receiver.as_ref().map(|_| quote! { Self:: });
    let generics = (!parameters.is_empty()).then(|| quote! { ::<#(#parameters),*> });
    quote! { #within #body #generics }
}

/// The key, and how it is passed on.
fn key_of(
    options: &Options,
    signature: &Signature,
    arguments: &Arguments<'_>,
) -> syn::Result<(TokenStream, TokenStream)> {
    let key = Ident::new("key", Span::mixed_site());
    let at = match &options.key {
        Some(Text::Format(format)) => format.span(),
        Some(Text::Closure(closure)) => closure.span(),
        Some(Text::Other(expression)) => expression.span(),
        None => signature.ident.span(),
    };
    let by_reference = shown_at(quote! { &#key }, at);
    let made = match &options.key {
        Some(text) => {
            if let (Text::Other(Expr::Path(path)), None) = (text, &options.namespace)
                && let Some(argument) = path.path.get_ident().and_then(|name| arguments.find(name))
                && argument.borrowed.is_some()
            {
                let name = argument.name;
                return Ok((quote! { #name }, key_at(name.span())));
            }
            made_of(text, arguments)?
        }
        None => {
            let parts = default_key(options, signature, arguments)?;
            if let (
                [
                    Argument {
                        name,
                        borrowed: Some(_),
                    },
                ],
                None,
            ) = (&*parts, &options.namespace)
            {
                return Ok((quote! { #name }, key_at(name.span())));
            }
            match &*parts {
                [one] => owned(one),
                many => {
                    let many = many.iter().map(|part| owned(part));
                    quote! { (#(#many,)*) }
                }
            }
        }
    };
    Ok(match (&options.namespace, &options.key) {
        (Some(namespace), _) => (quote! { (#namespace, #made) }, by_reference),
        // As a `str`, which is a key of caches by `String` and by `str`.
        (None, Some(Text::Format(_))) => (made, shown_at(quote! { &*#key }, at)),
        (None, _) => (made, by_reference),
    })
}

/// A key that is a reference already.
fn key_at(span: Span) -> TokenStream {
    let key = Ident::new("key", Span::mixed_site().located_at(span));
    quote! { #key }
}

/// The tokens as if they stood there, which is where errors about them are shown.
fn shown_at(tokens: TokenStream, span: Span) -> TokenStream {
    let tokens = tokens.into_iter().map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    tokens.collect()
}

/// All arguments but the one that is the cache.
fn default_key<'a, 'f>(
    options: &Options,
    signature: &Signature,
    arguments: &'a Arguments<'f>,
) -> syn::Result<Vec<&'a Argument<'f>>> {
    let cache = match &options.cache {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    };
    let parts = arguments.named.iter();
    let parts: Vec<_> = parts
        .filter(|argument| Some(argument.name) != cache)
        .collect();
    let message = match parts.len() {
        0 => "there is no argument to make a key of: say one, `key = \"…\"`",
        1..=PARTS_MAX => return Ok(parts),
        _ => "a key is made of four arguments at most: say which, `key = (one, other)`",
    };
    Err(syn::Error::new(signature.ident.span(), message))
}

/// What an option says, as a value of its own.
fn made_of(text: &Text, arguments: &Arguments<'_>) -> syn::Result<TokenStream> {
    Ok(match text {
        Text::Format(format) => quote_spanned! {format.span()=> ::std::format!(#format) },
        Text::Closure(closure) => over_arguments(closure, arguments)?,
        Text::Other(expression) => value_of(expression, arguments),
    })
}

/// An expression over the arguments that leaves them where they are, as far as can be seen.
fn value_of(expression: &Expr, arguments: &Arguments<'_>) -> TokenStream {
    match expression {
        Expr::Path(path) => match path.path.get_ident().and_then(|name| arguments.find(name)) {
            Some(argument) => owned(argument),
            None => quote! { #path },
        },
        Expr::Tuple(tuple) => {
            let parts = tuple.elems.iter().map(|part| value_of(part, arguments));
            quote! { (#(#parts,)*) }
        }
        other => quote! { #other },
    }
}

fn owned(argument: &Argument<'_>) -> TokenStream {
    let name = argument.name;
    match argument.borrowed {
        Some(_) => quote_spanned! {name.span()=> ::std::borrow::ToOwned::to_owned(#name) },
        None => quote_spanned! {name.span()=> ::core::clone::Clone::clone(&#name) },
    }
}

/// The body of a closure, with its parameters bound to the arguments of those names.
fn over_arguments(closure: &ExprClosure, arguments: &Arguments<'_>) -> syn::Result<TokenStream> {
    let mut bindings = Vec::new();
    for parameter in &closure.inputs {
        let (name, of) = parameter_of(parameter)?;
        let argument = arguments.find(name).ok_or_else(|| {
            let known: Vec<String> = arguments
                .named
                .iter()
                .map(|argument| format!("`{}`", argument.name))
                .collect();
            let message = format!(
                "the closure's parameters are the function's arguments, by name: there is no \
                 `{name}`, only {}",
                match known.is_empty() {
                    true => "none".to_owned(),
                    false => known.join(", "),
                }
            );
            syn::Error::new(name.span(), message)
        })?;
        let of = of.map(|of| quote! { : #of });
        let reference = match argument.borrowed {
            Some(_) => quote! { #name },
            None => quote! { &#name },
        };
        bindings.push(quote! { let #name #of = #reference; });
    }
    let body = &closure.body;
    Ok(quote! { { #(#bindings)* #body } })
}

fn parameter_of(parameter: &Pat) -> syn::Result<(&Ident, Option<&Type>)> {
    match parameter {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Ok((&name.ident, None))
        }
        Pat::Type(typed) => Ok((parameter_of(&typed.pat)?.0, Some(&typed.ty))),
        other => Err(syn::Error::new_spanned(
            other,
            "the closure's parameters are names of the function's arguments",
        )),
    }
}

/// Statements that tag a load: before it, and once there is a value.
fn tags_of(
    tags: &Tags,
    arguments: &Arguments<'_>,
    names: &Names,
) -> syn::Result<(Vec<TokenStream>, Vec<TokenStream>)> {
    let load = &names.load;
    let mut before = Vec::new();
    let mut after = Vec::new();
    match tags {
        Tags::Each(each) => {
            for tag in each {
                match tag {
                    Text::Closure(closure) => {
                        let tag = over_value(closure, names)?;
                        after.push(quote! { #load.tag(#tag); });
                    }
                    other => {
                        let tag = made_of(other, arguments)?;
                        before.push(quote! { #load.tag(#tag); });
                    }
                }
            }
        }
        Tags::OfValue(closure) => {
            let all = over_value(closure, names)?;
            after.push(quote! {
                for tag in #all {
                    #load.tag(tag);
                }
            });
        }
    }
    Ok((before, after))
}

/// The body of a closure, with its parameter bound to the value.
fn over_value(closure: &ExprClosure, names: &Names) -> syn::Result<TokenStream> {
    let mut parameters = closure.inputs.iter();
    let (Some(parameter), None) = (parameters.next(), parameters.next()) else {
        return Err(syn::Error::new_spanned(
            closure,
            "a tag's closure takes the value that was loaded, and nothing else",
        ));
    };
    let (value, body) = (&names.value, &closure.body);
    Ok(quote! { { let #parameter = #value; #body } })
}

/// `#[expect]` would go unfulfilled where the code is not.
fn is_of_body(attribute: &Attribute) -> bool {
    attribute.path().is_ident("expect")
}

fn is_lint(attribute: &Attribute) -> bool {
    let lints = ["allow", "deny", "expect", "forbid", "warn"];
    lints.iter().any(|lint| attribute.path().is_ident(lint))
}
