#[redstart::cached(cache = users)]
fn not_async(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[redstart::cached(cache = users)]
async fn no_value(id: u64) {
    let _ = id;
}

#[redstart::cached(cache = users)]
struct NoFunction;

struct Users;

impl Users {
    #[redstart::cached(cache = self.cache)]
    async fn changes(&mut self, id: u64) -> Result<String, std::io::Error> {
        Ok(id.to_string())
    }
}

fn main() {}
