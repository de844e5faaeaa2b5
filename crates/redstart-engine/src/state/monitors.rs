//! Who is shown every command: MONITOR.

use std::collections::BTreeMap;

use redstart_protocol::{Octets, Value};

use super::Outbox;
use super::attention::Attention;
use crate::shim::Mutex;

/// The clients that watch.
#[derive(Debug, Default)]
pub(crate) struct Monitors(Mutex<BTreeMap<u64, Outbox>>);

/// Who called a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CalledBy<'a> {
    Client(&'a str),
    Script,
}

impl Monitors {
    /// Shows `client` every command from now on.
    pub(crate) fn enter(&self, client: u64, outbox: &Outbox, attention: &Attention) {
        let mut monitors = self.0.lock();
        monitors.insert(client, outbox.clone());
        attention.set(Attention::SHOWING, true);
    }

    /// Shows `client` no more.
    pub(crate) fn leave(&self, client: u64, attention: &Attention) {
        let mut monitors = self.0.lock();
        monitors.remove(&client);
        attention.set(Attention::SHOWING, !monitors.is_empty());
    }

    /// Shows a command to all.
    pub(crate) fn show(&self, now_us: u64, db: u8, by: CalledBy<'_>, args: &[&[u8]]) {
        let line = Octets::from(line(now_us, db, by, args));
        for outbox in self.0.lock().values() {
            outbox.push(Value::Simple(line.clone()));
        }
    }
}

fn line(now_us: u64, db: u8, by: CalledBy<'_>, args: &[&[u8]]) -> Vec<u8> {
    let by = match by {
        // Redis names a socket so, whose address is its path and a port of 0.
        CalledBy::Client(address) if address.starts_with('/') => {
            format!("unix:{}", address.trim_end_matches(":0"))
        }
        CalledBy::Client(address) => address.to_owned(),
        CalledBy::Script => "lua".to_owned(),
    };
    let (seconds, rest) = (now_us / 1_000_000, now_us % 1_000_000);
    let mut line = format!("{seconds}.{rest:06} [{db} {by}]").into_bytes();
    for arg in args {
        line.extend_from_slice(b" \"");
        for &byte in *arg {
            quote(byte, &mut line);
        }
        line.push(b'"');
    }
    line
}

fn quote(byte: u8, line: &mut Vec<u8>) {
    let letter = match byte {
        b'\\' | b'"' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x07 => b'a',
        0x08 => b'b',
        b' '..=b'~' => return line.push(byte),
        _ => return line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
    };
    line.extend_from_slice(&[b'\\', letter]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_redis() {
        let args: &[&[u8]] = &[b"ECHO", b"\x07\x08\t\n\r\x1b\\\" a\xff", b""];
        let by = CalledBy::Client("127.0.0.1:5");
        let shown = line(1_700_000_000_000_042, 3, by, args);
        assert_eq!(
            String::from_utf8_lossy(&shown),
            "1700000000.000042 [3 127.0.0.1:5] \"ECHO\" \"\\a\\b\\t\\n\\r\\x1b\\\\\\\" a\\xff\" \"\""
        );
        let shown = line(1_000_000, 0, CalledBy::Script, &[b"get", b"k"]);
        assert_eq!(
            String::from_utf8_lossy(&shown),
            "1.000000 [0 lua] \"get\" \"k\""
        );
    }
}
