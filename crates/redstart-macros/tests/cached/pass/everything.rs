//! Every option in one place, on a function and on a method, as a user writes them.

use std::time::Duration;

use redstart::cache::{Cache, CacheError};

#[derive(Clone)]
struct Users {
    cache: Cache<u64, String>,
    by_path: Cache<str, String>,
}

impl Users {
    /// The shortest: the key is the argument.
    #[redstart::cached(cache = self.cache)]
    pub async fn name(&self, id: u64) -> Result<String, CacheError> {
        Ok(id.to_string())
    }

    #[redstart::cached(
        cache = self.by_path,
        key = "{org}/{id}",
        ttl = "1h30m",
        tags = ["org:{org}", ("user", id), |name| ("name", name.clone())],
    )]
    async fn in_org(&self, org: &str, id: u64) -> Result<Option<String>, CacheError> {
        Ok(Some(format!("{org} {id}")))
    }
}

#[redstart::cached(
    cache = cache,
    key = |user| user.0,
    namespace = "free",
    ttl = Duration::from_secs(5),
    tags = |name| name.chars().map(u32::from),
)]
async fn free(
    cache: &Cache<(&'static str, u64), String>,
    user: (u64, String),
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(user.1)
}

fn main() {
    fn is_send<T: Send>(_: fn(&'static Users) -> T) {}
    is_send(|users| users.name(1));
    is_send(|users| users.in_org("a", 1));
    let _ = free;
}
