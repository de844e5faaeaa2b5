//! Arguments, and the configuration file they may name, to lines.

use std::io::Read;
use std::path::Path;

use redstart_engine::conf::{Flaw, Line, Origin, Reader};
use redstart_protocol::words_of_line;

/// More than any configuration may have; the reader refuses it.
const STANDARD_INPUT_MAX: u64 = 2 * 1024 * 1024;

/// Hands over all directives in the order in which they take effect: the file, standard input, the
/// arguments, as redis-server does it. Each takes effect before the next is read.
pub(super) fn read(words: &[String], take: &mut dyn FnMut(Result<Line, Flaw>)) {
    let mut words = words;
    let mut reader = Reader::default();
    if let Some(path) = file(words) {
        reader.file(path, take);
        words = &words[1..];
    }
    if let Some((last, rest)) = words.split_last()
        && last == "-"
    {
        read_standard_input(&mut reader, take);
        words = rest;
    }
    match from_arguments(words) {
        Ok(lines) => lines.into_iter().for_each(|line| take(Ok(line))),
        Err(flaw) => take(Err(flaw)),
    }
}

/// The configuration file that the arguments name.
pub(super) fn file(words: &[String]) -> Option<&Path> {
    words
        .first()
        .filter(|word| !word.starts_with('-'))
        .map(Path::new)
}

fn read_standard_input(reader: &mut Reader, take: &mut dyn FnMut(Result<Line, Flaw>)) {
    let mut text = Vec::new();
    let mut input = std::io::stdin().lock().take(STANDARD_INPUT_MAX);
    match input.read_to_end(&mut text) {
        Ok(_) => reader.text(&text, Origin::StandardInput, take),
        Err(error) => take(Err(Origin::CommandLine.flaw("-", &error.to_string()))),
    }
}

/// `--name value …`, or `"--name value"` in one argument. A value may begin with two dashes when
/// it is the first of its option, except after `--save`, where Redis lets the value be left out.
fn from_arguments(words: &[String]) -> Result<Vec<Line>, Flaw> {
    let stray = |word: &str| {
        let reason = "not an option of redstart-server (see --help)";
        Origin::CommandLine.flaw(&dashed(word), reason)
    };
    let mut lines: Vec<Line> = Vec::new();
    let mut wants_value = false;
    for word in words {
        match word.strip_prefix("--") {
            Some(option) if !wants_value => {
                let Some(mut parts) = words_of_line(option.as_bytes()) else {
                    let name = word.split_whitespace().next().unwrap_or(word);
                    return Err(Origin::CommandLine.flaw(name, "a quote is not closed"));
                };
                if parts.is_empty() {
                    return Err(stray(word));
                }
                let name = String::from_utf8_lossy(&parts.remove(0)).to_ascii_lowercase();
                wants_value = parts.is_empty() && name != "save";
                lines.push(Line {
                    name,
                    values: parts,
                    origin: Origin::CommandLine,
                });
            }
            _ => {
                wants_value = false;
                match lines.last_mut() {
                    Some(line) => line.values.push(word.clone().into_bytes()),
                    None => return Err(stray(word)),
                }
            }
        }
    }
    for line in &mut lines {
        if line.name == "save" && line.values.is_empty() {
            line.values.push(Vec::new());
        }
    }
    Ok(lines)
}

/// A word as [`Origin::spell`] leaves it alone.
fn dashed(word: &str) -> String {
    match word.starts_with('-') {
        true => word.to_owned(),
        false => format!("-- {word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: &[(&str, &[&str])]) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let found = from_arguments(&words).expect("the arguments are well formed");
        let expected: Vec<Line> = expected
            .iter()
            .map(|(name, values)| Line {
                name: (*name).to_owned(),
                values: values
                    .iter()
                    .map(|value| value.as_bytes().to_vec())
                    .collect(),
                origin: Origin::CommandLine,
            })
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
    fn what_is_no_option_is_refused() {
        for words in [
            &["-x", "1"][..],
            &["--port", "7", "--"],
            &["--bind \"a"],
            &["x"],
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(from_arguments(&words).is_err(), "{words:?}");
        }
    }
}
