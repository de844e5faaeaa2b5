#[redstart::cached(cache = users, ttl = "5 minutes")]
async fn words(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache = users, ttl = 300)]
async fn no_unit(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache = users, ttl = "0s")]
async fn no_time(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache = users, ttl = "5000000h")]
async fn for_ever(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

fn main() {}
