#[redstart::cached]
async fn nothing_said(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(ttl = "5m")]
async fn no_cache(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

fn main() {}
