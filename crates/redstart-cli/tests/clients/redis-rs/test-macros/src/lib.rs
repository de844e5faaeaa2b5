//! `#[async_test]` for redis-rs' asynchronous tests.

use proc_macro::{Delimiter, TokenStream, TokenTree};

/// Makes a test of an asynchronous function.
///
/// A function without arguments is awaited as it is. One that takes a connection runs twice, each
/// time on a server of its own: with a multiplexed connection and with a connection manager.
#[proc_macro_attribute]
pub fn async_test(_attribute: TokenStream, function: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = function.clone().into_iter().collect();
    let at = tokens
        .iter()
        .position(|token| token.to_string() == "fn")
        .expect("`async_test` stands before a function");
    let name = tokens[at + 1].to_string();
    let takes_connection = tokens[at..].iter().any(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
            !group.stream().is_empty()
        }
        _ => false,
    });
    let calls = match takes_connection {
        true => format!(
            "{{
                let context = crate::support::TestContext::new();
                {name}(context.async_connection().await.unwrap()).await;
            }}
            {{
                let context = crate::support::TestContext::new();
                {name}(context.client.get_connection_manager().await.unwrap()).await;
            }}"
        ),
        false => format!("{name}().await;"),
    };
    // Attributes such as `cfg` go to the outer function too, or its call would be left alone.
    let attributes: String = tokens[..at]
        .windows(2)
        .filter(|pair| pair[0].to_string() == "#")
        .map(|pair| format!("#{} ", pair[1]))
        .collect();
    format!(
        "#[test] {attributes} fn {name}() {{
            {function}
            crate::support::block_on_all(
                async {{ {calls} }},
                crate::support::RuntimeType::Tokio,
            );
        }}"
    )
    .parse()
    .expect("the test is Rust")
}
