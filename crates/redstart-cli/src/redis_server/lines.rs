//! Arguments and configuration files to directives: a name and its values.

use std::fs;
use std::io::Read;
use std::path::Path;

use bytes::BytesMut;
use redstart_protocol::{RequestDecoder, RequestLimits};

use super::Origin;
use super::options::OptionError;

/// The largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// One setting, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// In lower case, without dashes.
    pub(super) name: String,
    pub(super) values: Vec<String>,
    pub(super) origin: Origin,
}

/// All directives in the order in which they take effect: the file first, then the arguments, as
/// redis-server does it.
pub(super) fn directives(words: &[String]) -> Result<Vec<Directive>, OptionError> {
    let mut words = words;
    let mut directives = Vec::new();
    let mut from_stdin = false;
    if let Some((first, rest)) = words.split_first()
        && !first.starts_with('-')
    {
        directives = from_file(Path::new(first))?;
        words = rest;
    }
    if let Some((last, rest)) = words.split_last()
        && last == "-"
    {
        from_stdin = true;
        words = rest;
    }
    if from_stdin {
        let mut text = Vec::new();
        let read = std::io::stdin()
            .lock()
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut text);
        read.map_err(|error| OptionError::unreadable("standard input", &error))?;
        directives.extend(from_text(&text, Origin::StandardInput)?);
    }
    directives.extend(from_arguments(words)?);
    Ok(directives)
}

/// `--name value …`, or `"--name value"` in one argument. A value may begin with two dashes when
/// it is the first of its option, except after `--save`, where Redis lets the value be left out.
fn from_arguments(words: &[String]) -> Result<Vec<Directive>, OptionError> {
    let mut directives: Vec<Directive> = Vec::new();
    let mut wants_value = false;
    for word in words {
        match word.strip_prefix("--") {
            Some(option) if !wants_value => {
                let mut parts = split(option).ok_or_else(|| OptionError::unbalanced(word))?;
                if parts.is_empty() {
                    return Err(OptionError::unknown(word, &Origin::CommandLine));
                }
                let name = parts.remove(0).to_ascii_lowercase();
                wants_value = parts.is_empty() && name != "save";
                directives.push(Directive {
                    name,
                    values: parts,
                    origin: Origin::CommandLine,
                });
            }
            _ => {
                wants_value = false;
                match directives.last_mut() {
                    Some(directive) => directive.values.push(word.clone()),
                    None => return Err(OptionError::unknown(word, &Origin::CommandLine)),
                }
            }
        }
    }
    for directive in &mut directives {
        if directive.name == "save" && directive.values.is_empty() {
            directive.values.push(String::new());
        }
    }
    Ok(directives)
}

fn from_file(path: &Path) -> Result<Vec<Directive>, OptionError> {
    let unreadable = |error| OptionError::unreadable(&path.display().to_string(), &error);
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    from_text(&text, |line| Origin::File(path.to_owned(), line))
}

fn from_text(text: &[u8], origin: impl Fn(usize) -> Origin) -> Result<Vec<Directive>, OptionError> {
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(OptionError::new(
            "a configuration of more than 1 MiB is refused",
        ));
    }
    let text = str::from_utf8(text)
        .map_err(|_| OptionError::new("the configuration is not valid UTF-8"))?;
    let mut directives = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut parts = split(line).ok_or_else(|| OptionError::unbalanced(line))?;
        if !parts.is_empty() {
            let name = parts.remove(0).to_ascii_lowercase();
            directives.push(Directive {
                name,
                values: parts,
                origin: origin(index + 1),
            });
        }
    }
    Ok(directives)
}

/// Words as redis.conf quotes them, which is how an inline request does. `None` when a quote is not
/// closed.
fn split(line: &str) -> Option<Vec<String>> {
    // The space keeps a line that begins with `*` from being taken for an array.
    let mut buffer = BytesMut::from(format!(" {line}\n").as_bytes());
    let limits = RequestLimits {
        line_len_max: buffer.len(),
        ..RequestLimits::default()
    };
    let mut decoder = RequestDecoder::new(limits);
    match decoder.decode(&mut buffer).ok()? {
        Some(request) => {
            let words = request.args();
            words
                .iter()
                .map(|word| String::from_utf8(word.to_vec()).ok())
                .collect()
        }
        None => Some(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: &[(&str, &[&str])]) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let found = directives(&words).expect("the arguments are well formed");
        let found: Vec<(&str, Vec<&str>)> = found
            .iter()
            .map(|line| {
                (
                    line.name.as_str(),
                    line.values.iter().map(String::as_str).collect(),
                )
            })
            .collect();
        let expected: Vec<(&str, Vec<&str>)> = expected
            .iter()
            .map(|(name, values)| (*name, values.to_vec()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn options_and_their_values() {
        check(&[], &[]);
        check(&["--port", "7"], &[("port", &["7"])]);
        check(
            &["--PORT", "7", "--bind", "a", "b"],
            &[("port", &["7"]), ("bind", &["a", "b"])],
        );
        check(&["--port 7"], &[("port", &["7"])]);
        check(&["--bind a \"b c\""], &[("bind", &["a", "b c"])]);
        check(&["--requirepass", "--x"], &[("requirepass", &["--x"])]);
        check(&["--unixsocket", ""], &[("unixsocket", &[""])]);
    }

    #[test]
    fn save_may_stand_alone() {
        check(&["--save"], &[("save", &[""])]);
        check(&["--save", ""], &[("save", &[""])]);
        check(
            &["--save", "--port", "7"],
            &[("save", &[""]), ("port", &["7"])],
        );
        check(&["--save", "900", "1"], &[("save", &["900", "1"])]);
    }

    #[test]
    fn a_file_has_comments_quotes_and_line_numbers() {
        let text = b"# a comment\n\nport 7\r\n  Save \"\"\nrequirepass 'a b'\n";
        let found = from_text(text, Origin::StandardInput).expect("the text is well formed");
        let line = |name: &str, value: &str, number| Directive {
            name: name.to_owned(),
            values: vec![value.to_owned()],
            origin: Origin::StandardInput(number),
        };
        let expected = [
            line("port", "7", 3),
            line("save", "", 4),
            line("requirepass", "a b", 5),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for words in [&["-x", "1"][..], &["--port", "7", "--"], &["--bind \"a"]] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(directives(&words).is_err(), "{words:?}");
        }
    }
}
