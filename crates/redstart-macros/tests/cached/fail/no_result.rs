use redstart::cache::Cache;

#[redstart::cached(cache = users)]
async fn user(users: &Cache<u64, String>, id: u64) -> String {
    id.to_string()
}

fn main() {}
