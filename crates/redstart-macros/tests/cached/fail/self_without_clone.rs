use redstart::cache::{Cache, CacheError};

struct Users {
    cache: Cache<u64, String>,
}

impl Users {
    #[redstart::cached(cache = self.cache)]
    async fn user(&self, id: u64) -> Result<String, CacheError> {
        Ok(id.to_string())
    }
}

fn main() {}
