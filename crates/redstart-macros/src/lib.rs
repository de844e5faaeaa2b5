//! The attribute of [Redstart]'s cache. Use it by way of that crate: `redstart::cached`, with its
//! feature `macros`.
//!
//! [Redstart]: https://docs.rs/redstart

mod cached;
mod duration;

use proc_macro::TokenStream;

/// Puts an async function or method behind a cache: its body runs only if there is no value.
///
/// ```
/// # use redstart::cache::{Cache, CacheError};
/// # #[derive(Clone)]
/// # struct User { team: u32 }
/// # #[derive(Clone)]
/// # struct Database;
/// # impl Database {
/// #     async fn user(&self, org: u32, id: u64) -> Result<Option<User>, CacheError> { Ok(None) }
/// # }
/// #[derive(Clone)]
/// struct Users {
///     cache: Cache<u64, User>,
///     database: Database,
/// }
///
/// impl Users {
///     #[redstart::cached(cache = self.cache, key = id, ttl = "10m", tags = ["org:{org}"])]
///     async fn user(&self, org: u32, id: u64) -> Result<Option<User>, CacheError> {
///         self.database.user(org, id).await
///     }
/// }
/// ```
///
/// A call is a call of `get_or_load`: one load per key in the whole fleet, in a task of its own, and
/// no load that undoes an invalidation.
///
/// | option | |
/// | --- | --- |
/// | `cache = EXPRESSION` | The `Cache` to use: a field of `self`, an argument, a static. Its name, time to live, grace, and so on hold. Required. |
/// | `key = "user:{id}"` | The key, as a format string over the arguments, for a cache by `String` or `str`. |
/// | `key = id`, `key = (org, id)`, `key = user.id` | The key, as an expression over the arguments, for a cache by that type. |
/// | `key = \|user\| user.id` | The same as a closure; its parameters are references to the arguments of those names. |
/// | no `key` | All arguments but the cache: one as it is, up to four as a tuple. |
/// | `namespace = "user"` | A first part of the key, for functions that share a cache: `(&'static str, key)`. |
/// | `ttl = "90s"` | How long the value is fresh, instead of what the cache says: `ms`, `s`, `m`, `h`, `d`, also `"1h30m"`; or an expression of type `Duration`. |
/// | `tags = ["org:{org}", ("user", id)]` | The value's tags: format strings, and expressions that are keys, over the arguments. |
/// | `tags = [\|user\| ("team", user.team)]` | Among them, closures over the value that was loaded. |
/// | `tags = \|user\| user.teams.clone()` | All tags from the value that was loaded. |
///
/// **What it returns** is a `Result`. `Ok` is cached; an `Option` in it is cached too, `None` for as
/// long as the cache's `negative_ttl` says. Errors are not cached, unless the cache has an
/// `error_back_off`. The error type is made `From<CacheError>`, because a load can also time out or
/// find no place; the error that the body returned is within: `CacheError::loader`.
///
/// **What it asks.** The load outlives its caller, so it owns what it uses. Arguments that are
/// references are cloned for it (`&str` becomes a `String`, `&[T]` a `Vec<T>`), and so is `self`,
/// which for a handle of shared things is cheap; that happens on hits, too. Arguments are plain
/// names, have no references inside other types, and are `Send + 'static`.
///
/// The body of a method becomes a second, hidden method beside it, so the attribute does not work
/// inside `impl Trait for Type`.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, function: TokenStream) -> TokenStream {
    cached::expand(options.into(), function.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
