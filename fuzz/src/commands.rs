//! Any commands at all, by two clients of one engine: no panic, replies that can be read, and no
//! byte on the account once everything is deleted.
//!
//! The input is what a person would type: a command a line, with quotes where needed. A line that
//! begins with `2>` is the second client's.

use bytes::BytesMut;
use redstart_protocol::RequestDecoder;

use crate::session::Session;

/// More than this is another input.
const COMMANDS_MAX: usize = 200;

/// Runs the commands. The length decides about the number of shards.
pub fn run(data: &[u8]) {
    let mut session = Session::new(if data.len().is_multiple_of(2) { 1 } else { 16 });
    let mut buffer = BytesMut::from(data);
    buffer.extend_from_slice(b"\r\n");
    let mut decoder = RequestDecoder::default();
    for _ in 0..COMMANDS_MAX {
        let Ok(Some(request)) = decoder.decode(&mut buffer) else {
            break;
        };
        let args = request.args();
        let (client, args) = match &*args {
            [b"2>", args @ ..] => (1, args),
            args => (0, args),
        };
        if !is_gigantic(args) {
            session.execute(client, args);
        }
    }
    session.finish();
}

/// Whether a command asks for gigabytes and would get them, as it would from Redis.
fn is_gigantic(args: &[&[u8]]) -> bool {
    const LARGE: u64 = 100_000;
    let number = |arg: &&[u8]| std::str::from_utf8(arg).ok()?.trim().parse::<i64>().ok();
    let has_large = || {
        args.iter()
            .filter_map(number)
            .any(|number| number.unsigned_abs() > LARGE)
    };
    let names: [&[u8]; 4] = [b"setrange", b"srandmember", b"hrandfield", b"zrandmember"];
    let is_named = |arg: &&[u8]| names.iter().any(|name| arg.eq_ignore_ascii_case(name));
    let raises_the_limit = |arg: &&[u8]| {
        let arg = arg.to_ascii_lowercase();
        arg.windows(14).any(|part| part == b"proto-max-bulk")
    };
    args.iter().any(raises_the_limit) || (args.iter().any(is_named) && has_large())
}
