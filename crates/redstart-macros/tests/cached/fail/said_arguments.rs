#[redstart::cached(cache = users)]
async fn taken_apart((org, id): (u64, u64)) -> Result<String, std::io::Error> {
    Ok(format!("{org} {id}"))
}

#[redstart::cached(cache = users)]
async fn borrowed_within(name: Option<&str>) -> Result<String, std::io::Error> {
    Ok(format!("{name:?}"))
}

#[redstart::cached(cache = users)]
async fn changed(names: &mut Vec<String>) -> Result<String, std::io::Error> {
    Ok(names.remove(0))
}

fn main() {}
