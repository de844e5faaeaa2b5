//! Words as redis.conf quotes them.

/// A word in double quotes, in the form in which it is read as the same bytes again.
///
/// ```
/// assert_eq!(redstart_engine::conf::quoted(b"a \"b\"\n\x01"), r#""a \"b\"\n\x01""#);
/// ```
pub fn quoted(word: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in word {
        match byte {
            b'\\' | b'"' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            7 => text.push_str("\\a"),
            8 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use redstart_protocol::words_of_line;

    #[test]
    fn every_byte_is_read_as_it_was() {
        let all: Vec<u8> = (0..=255).collect();
        let line = format!("name {} ''", quoted(&all));
        let words = [b"name".to_vec(), all, Vec::new()];
        assert_eq!(words_of_line(line.as_bytes()), Some(words.to_vec()));
    }
}
