use redstart::cache::{Cache, CacheError};

#[redstart::cached(cache = users, key = "user:{id}")]
async fn formatted(users: &Cache<u64, String>, id: u64) -> Result<String, CacheError> {
    Ok(id.to_string())
}

fn main() {}
