#[redstart::cached(cache = users())]
async fn nothing_to_make_one_of() -> Result<String, std::io::Error> {
    Ok(String::new())
}

#[redstart::cached(cache = users())]
async fn too_many(a: u8, b: u8, c: u8, d: u8, e: u8) -> Result<String, std::io::Error> {
    Ok(format!("{a}{b}{c}{d}{e}"))
}

#[redstart::cached(cache = users(), key = |user| user)]
async fn no_such_argument(id: u64, org: u64) -> Result<String, std::io::Error> {
    Ok(format!("{org} {id}"))
}

#[redstart::cached(cache = users(), tags = [|name, id| id])]
async fn two_values(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

fn main() {}
