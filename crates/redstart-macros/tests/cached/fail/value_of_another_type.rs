use redstart::cache::{Cache, CacheError};

#[redstart::cached(cache = users)]
async fn user(users: &Cache<u64, String>, id: u64) -> Result<u64, CacheError> {
    Ok(id)
}

fn main() {}
