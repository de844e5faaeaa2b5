//! Values as RESTORE is given them, with the right checksum: what is taken for a value can be used
//! like any other, and be dumped again.

use redstart_engine::Value;

use crate::session::Session;

/// What is done to a value, whatever it is: the type is wrong for most of it.
const USES: &[&str] = &[
    "APPEND k x",
    "LRANGE k 0 -1",
    "LPOP k",
    "LINSERT k BEFORE a x",
    "LREM k 0 a",
    "RPUSH k x 12",
    "SMEMBERS k",
    "SREM k 1 a",
    "SADD k x 99999",
    "ZRANGE k 0 -1 WITHSCORES",
    "ZRANGEBYSCORE k -1 2",
    "ZRANK k b",
    "ZINCRBY k 1 a",
    "ZADD k 3 x",
    "ZREMRANGEBYRANK k 0 0",
    "HGETALL k",
    "HINCRBY k f 1",
    "HSET k g 77 x y",
    "HDEL k f",
    "OBJECT ENCODING k",
];

/// The input is a kind and a value; version and checksum are put behind.
pub fn run(data: &[u8]) {
    let mut payload = data.to_vec();
    payload.extend(10u16.to_le_bytes());
    payload.extend(checksum(&payload).to_le_bytes());
    let mut session = Session::new(1);
    if session.call(0, &[b"RESTORE", b"k", b"0", &payload]) == Value::OK {
        for command in USES {
            let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            session.execute(0, &args);
        }
        if let Value::Bulk(again) = session.call(0, &[b"DUMP", b"k"]) {
            let args: &[&[u8]] = &[b"RESTORE", b"copy", b"0", &again];
            assert_eq!(session.call(0, args), Value::OK);
        }
    }
    session.finish();
}

/// CRC-64 as Redis computes it, a bit at a time.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| {
        (0..8).fold(sum ^ u64::from(byte), |sum, _| {
            (sum >> 1) ^ ((sum & 1) * 0x95ac_9329_ac4b_c9b5)
        })
    })
}
