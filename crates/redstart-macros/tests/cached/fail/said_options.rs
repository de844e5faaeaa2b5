#[redstart::cached(cache = users, tll = "5m")]
async fn misspelt(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache = users, ttl = "5m", ttl = "6m")]
async fn twice(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache)]
async fn no_value(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache = users, negative_ttl = "5s")]
async fn of_the_cache(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache = users, errors = true)]
async fn errors(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache = users, tags = "user:{id}")]
async fn no_list(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

fn main() {}
