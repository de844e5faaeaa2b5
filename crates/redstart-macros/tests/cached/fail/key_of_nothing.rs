use redstart::cache::{Cache, CacheError};

#[redstart::cached(cache = users, key = "user:{user}")]
async fn misspelt(users: &Cache<String, String>, id: u64) -> Result<String, CacheError> {
    Ok(id.to_string())
}

fn main() {}
