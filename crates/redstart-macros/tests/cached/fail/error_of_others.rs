use redstart::cache::Cache;

#[redstart::cached(cache = users)]
async fn user(users: &Cache<u64, String>, id: u64) -> Result<String, std::io::Error> {
    std::fs::read_to_string(id.to_string())
}

fn main() {}
