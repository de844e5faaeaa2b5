use redstart::Store;
use redstart::cache::CacheError;

#[redstart::cached(cache = store)]
async fn user(store: &Store, id: u64) -> Result<String, CacheError> {
    Ok(id.to_string())
}

fn main() {}
