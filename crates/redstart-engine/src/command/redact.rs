//! What may not be seen of a command by those who look at others': passwords.

use std::borrow::Cow;

use super::Command;
use super::args::is;

/// What stands for a password.
const REDACTED: &[u8] = b"(redacted)";

/// The arguments without passwords.
pub(super) fn redacted<'a>(command: &Command, args: &'a [&'a [u8]]) -> Cow<'a, [&'a [u8]]> {
    let secret: fn(&[&[u8]], usize) -> bool = match command.name {
        "auth" => |_, index| index > 0,
        "hello" => |args, index| {
            let is_auth = |at: usize| at >= 2 && is(args[at], "AUTH");
            index >= 3 && (is_auth(index - 1) || (index >= 4 && is_auth(index - 2)))
        },
        "config|set" => |args, index| {
            let is_secret = |name: &[u8]| is(name, "requirepass") || is(name, "masterauth");
            index >= 3 && index % 2 == 1 && is_secret(args[index - 1])
        },
        _ => return Cow::Borrowed(args),
    };
    let shown = |(index, &arg): (usize, &&'a [u8])| match secret(args, index) {
        true => REDACTED,
        false => arg,
    };
    Cow::Owned(args.iter().enumerate().map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = super::super::find(&args).expect("a command");
        let shown = redacted(command, &args).join(&b' ');
        String::from_utf8_lossy(&shown).into_owned()
    }

    #[test]
    fn passwords_are_not_seen() {
        for (line, seen) in [
            ("AUTH p", "AUTH (redacted)"),
            ("AUTH u p", "AUTH (redacted) (redacted)"),
            ("HELLO 3", "HELLO 3"),
            (
                "HELLO 3 SETNAME x AUTH u p",
                "HELLO 3 SETNAME x AUTH (redacted) (redacted)",
            ),
            (
                "CONFIG SET maxmemory 0 requirepass p",
                "CONFIG SET maxmemory 0 requirepass (redacted)",
            ),
            ("SET requirepass p", "SET requirepass p"),
        ] {
            assert_eq!(shown(line), seen);
        }
    }
}
