//! Sorted sets.
//!
//! What a range by member is on members of different scores, Redis does not say, so such ranges
//! are taken of keys whose members all have the score 0.

use super::keys::{cursor, scan_options};
use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(30, "ZADD", zadd),
    entry(1, "ZADD", many),
    entry(10, "ZADD", |w| {
        let mut args = args![lex_key(w)];
        args.extend((0..w.between(1, 4)).flat_map(|_| args![*b"0", w.lex_member()]));
        args
    }),
    entry(6, "ZINCRBY", |w| args![w.key(), w.score(), w.name()]),
    entry(8, "ZREM", some_members),
    entry(5, "ZSCORE", |w| args![w.key(), w.name()]),
    entry(5, "ZMSCORE", some_members),
    entry(3, "ZCARD", |w| args![w.key()]),
    entry(5, "ZCOUNT", |w| {
        args![w.key(), w.score_bound(), w.score_bound()]
    }),
    entry(5, "ZLEXCOUNT", |w| {
        args![lex_key(w), w.lex_bound(), w.lex_bound()]
    }),
    entry(4, "ZRANK", |w| args![w.key(), w.name()]),
    entry(4, "ZREVRANK", |w| args![w.key(), w.name()]),
    entry(20, "ZRANGE", |w| range(w, true)),
    entry(12, "ZRANGESTORE", |w| {
        let mut args = args![w.key()];
        args.extend(range(w, false));
        args
    }),
    entry(5, "ZREVRANGE", |w| {
        let mut args = args![w.key(), w.index(), w.index()];
        w.maybe(&mut args, 50, &["WITHSCORES", "withscores", "foo"]);
        args
    }),
    entry(5, "ZRANGEBYSCORE", by_score),
    entry(5, "ZREVRANGEBYSCORE", by_score),
    entry(5, "ZRANGEBYLEX", by_lex),
    entry(5, "ZREVRANGEBYLEX", by_lex),
    entry(4, "ZREMRANGEBYRANK", |w| {
        args![w.key(), w.index(), w.index()]
    }),
    entry(4, "ZREMRANGEBYSCORE", |w| {
        args![w.key(), w.score_bound(), w.score_bound()]
    }),
    entry(4, "ZREMRANGEBYLEX", |w| {
        args![lex_key(w), w.lex_bound(), w.lex_bound()]
    }),
    entry(6, "ZUNION", |w| algebra(w, true)),
    entry(6, "ZINTER", |w| algebra(w, true)),
    entry(6, "ZDIFF", difference),
    entry(6, "ZUNIONSTORE", |w| stored(w, |w| algebra(w, false))),
    entry(6, "ZINTERSTORE", |w| stored(w, |w| algebra(w, false))),
    entry(4, "ZDIFFSTORE", |w| stored(w, numbered_keys)),
    entry(6, "ZINTERCARD", |w| {
        let mut args = numbered_keys(w);
        if w.chance(50) {
            args.push(b"LIMIT".to_vec());
            args.push(w.index());
        }
        args
    }),
    entry(6, "ZMPOP", |w| {
        let mut args = numbered_keys(w);
        args.push(w.one(&["MIN", "MAX", "min", "Max", "foo"]));
        if w.chance(50) {
            args.push(b"COUNT".to_vec());
            args.push(w.count());
        }
        w.maybe(&mut args, 4, &["COUNT", "foo"]);
        args
    }),
    entry(4, "ZPOPMIN", pop),
    entry(4, "ZPOPMAX", pop),
    entry(6, "ZRANDMEMBER", |w| {
        let mut args = args![w.key()];
        if w.chance(75) {
            args.push(w.choices());
            w.maybe(&mut args, 50, &["WITHSCORES", "withscores", "WITHVALUES"]);
        }
        args
    }),
    entry(6, "ZSCAN", |w| {
        let mut args = args![w.key(), cursor(w)];
        scan_options(w, &mut args);
        args
    }),
];

fn lex_key(w: &mut Words) -> Vec<u8> {
    w.one(&["l1", "l2"])
}

fn zadd(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    while w.chance(30) {
        args.push(w.one(&["NX", "XX", "GT", "LT", "CH", "CH", "INCR", "gt", "nx"]));
    }
    for _ in 0..w.between(1, 3) {
        args.push(w.score());
        args.push(w.name());
    }
    args
}

/// Enough members to leave the compact encoding, or nearly.
fn many(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    let count = *w.random.pick(&[100, 127, 128, 129, 300]);
    for number in 0..count {
        args.push((number / 3).to_string().into_bytes());
        args.push(format!("m{number}").into_bytes());
    }
    args
}

fn some_members(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    args.extend(w.names(1, 3));
    args
}

fn range(w: &mut Words, with_scores: bool) -> Vec<Vec<u8>> {
    let mut args = match w.random.below(3) {
        0 => args![w.key(), w.index(), w.index()],
        1 => args![w.key(), w.score_bound(), w.score_bound(), *b"BYSCORE"],
        _ => args![lex_key(w), w.lex_bound(), w.lex_bound(), *b"BYLEX"],
    };
    w.maybe(&mut args, 35, &["REV", "rev"]);
    w.limit(&mut args, 35);
    if with_scores {
        w.maybe(&mut args, 35, &["WITHSCORES", "withscores"]);
    } else {
        w.maybe(&mut args, 4, &["WITHSCORES"]);
    }
    args
}

fn by_score(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key(), w.score_bound(), w.score_bound()];
    w.maybe(&mut args, 40, &["WITHSCORES", "withscores"]);
    w.limit(&mut args, 40);
    args
}

fn by_lex(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![lex_key(w), w.lex_bound(), w.lex_bound()];
    w.limit(&mut args, 40);
    w.maybe(&mut args, 4, &["WITHSCORES"]);
    args
}

fn numbered_keys(w: &mut Words) -> Vec<Vec<u8>> {
    let keys = w.keys(1, 3);
    let mut args = args![w.number_of(keys.len())];
    args.extend(keys);
    args
}

fn algebra(w: &mut Words, with_scores: bool) -> Vec<Vec<u8>> {
    let keys = w.keys(1, 3);
    let count = keys.len();
    let mut args = args![w.number_of(count)];
    args.extend(keys);
    if w.chance(40) {
        args.push(w.one(&["WEIGHTS", "weights"]));
        args.extend((0..count).map(|_| w.score()));
    }
    if w.chance(40) {
        args.push(b"AGGREGATE".to_vec());
        args.push(w.one(&["SUM", "MIN", "MAX", "sum", "max", "foo"]));
    }
    w.maybe(
        &mut args,
        if with_scores { 50 } else { 3 },
        &["WITHSCORES", "withscores"],
    );
    args
}

fn difference(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = numbered_keys(w);
    w.maybe(&mut args, 50, &["WITHSCORES", "WEIGHTS"]);
    args
}

fn stored(w: &mut Words, make: fn(&mut Words) -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    args.extend(make(w));
    args
}

fn pop(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    if w.chance(50) {
        args.push(w.index());
    }
    args
}
