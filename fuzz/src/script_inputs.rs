//! What scripts are given: text for `cjson`, `cmsgpack`, `struct`, formats, patterns and numbers,
//! arguments of commands, and sources. A script may fail, but neither panic nor go on for ever.
//!
//! The first byte chooses the script, from `a` on; 0xFF separates its arguments.

use crate::session::Session;

/// Each is given up to four arguments.
const SCRIPTS: &[&str] = &[
    "return cjson.decode(ARGV[1])",
    "return cjson.encode(cjson.decode(ARGV[1]))",
    "return {cmsgpack.unpack(ARGV[1])}",
    "return cmsgpack.pack(cmsgpack.unpack(ARGV[1]))",
    "return {cmsgpack.unpack_limit(ARGV[1], tonumber(ARGV[2]) or 1, tonumber(ARGV[3]) or 0)}",
    "return {struct.unpack(ARGV[1], ARGV[2], tonumber(ARGV[3]))}",
    "return struct.pack(ARGV[1], ARGV[2], ARGV[3], ARGV[4])",
    "return struct.size(ARGV[1])",
    "return string.format(ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4])",
    "return {string.find(ARGV[1], ARGV[2], tonumber(ARGV[3]))}",
    "return {string.gsub(ARGV[1], ARGV[2], ARGV[3])}",
    "local t = {} for m in string.gmatch(ARGV[1], ARGV[2]) do t[#t + 1] = m end return t",
    "return redis.call(unpack(ARGV))",
    "return redis.pcall(unpack(ARGV))",
    "redis.setresp(3) return redis.call(unpack(ARGV))",
    "return {tonumber(ARGV[1]), tonumber(ARGV[1], tonumber(ARGV[2]))}",
    "return {bit.tobit(ARGV[1]), bit.lshift(ARGV[1], ARGV[2]), bit.tohex(ARGV[1], ARGV[2])}",
    "return loadstring(ARGV[1])()",
    "return {redis.error_reply(ARGV[1]), redis.status_reply(ARGV[2] or ''), redis.sha1hex(ARGV[1])}",
    "return redis.error_reply(ARGV[1])",
    "redis.log(tonumber(ARGV[1]) or 3, ARGV[2]) return redis.acl_check_cmd(unpack(ARGV))",
    "return #string.rep(ARGV[1], tonumber(ARGV[2]) or 3)",
    "return {string.byte(ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])), ARGV[1]:sub(ARGV[2], ARGV[3])}",
    "local t = cjson.decode(ARGV[1]) table.sort(t) return table.concat(t, ARGV[2])",
    "return cjson.decode(ARGV[1]), error(cjson.decode(ARGV[1]))",
];

/// Runs a script on the input, or the input as a script.
pub fn run(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let mut session = Session::new(1);
    for line in [
        &[&b"SET"[..], b"s", b"10"][..],
        &[b"RPUSH", b"l", b"a", b"b"],
        &[b"HSET", b"h", b"f", b"1.5"],
        &[b"ZADD", b"z", b"1.5", b"m"],
    ] {
        session.call(0, line);
    }
    let chosen = usize::from(first.wrapping_sub(b'a'));
    match SCRIPTS.get(chosen) {
        None => session.execute(0, &[b"EVAL", rest, b"1", b"s", b"argument"]),
        Some(script) => {
            let mut args: Vec<&[u8]> = vec![b"EVAL", script.as_bytes(), b"0"];
            args.extend(rest.splitn(4, |byte| *byte == 0xff));
            session.execute(0, &args);
            session.execute(1, &[&[&b"HELLO"[..], b"3"][..]].concat());
            session.execute(1, &args);
        }
    }
    session.finish();
}
