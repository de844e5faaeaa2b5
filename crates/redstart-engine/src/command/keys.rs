//! Keys of any type: existence, names, iteration, OBJECT.

use redstart_protocol::Value;

use super::args::{Args, c_string, integer, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, row};
use crate::data::glob;
use crate::keyspace::Ttl;
use crate::keyspace::access::Tracking;
use crate::keyspace::change::Event;
use crate::keyspace::object::Object;

pub(super) const TABLE: &[Row] = &[
    row("del", del),
    row("unlink", del),
    row("exists", exists),
    row("touch", touch),
    row("type", type_of),
    row("keys", keys).all_shards(),
    row("scan", scan).all_shards(),
    row("randomkey", randomkey).all_shards(),
    row("rename", rename),
    row("renamenx", renamenx),
    row("copy", copy),
    row("move", move_to_database),
    row("object|encoding", object_encoding),
    row("object|refcount", object_refcount),
    row("object|idletime", object_idletime),
    row("object|freq", object_freq),
    row("object|help", object_help),
];

/// DEL and UNLINK: a value is dropped at once either way.
fn del(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let mut removed = 0;
    for key in &args[1..] {
        if ctx.take(key).is_some() {
            ctx.changed(key, Event::generic("del"));
            removed += 1;
        }
    }
    Ok(Value::Integer(removed))
}

fn exists(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let keys = args[1..].iter();
    Ok(Value::from(
        keys.filter(|key| ctx.inspect(key).is_some()).count(),
    ))
}

fn touch(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let keys = args[1..].iter();
    Ok(Value::from(
        keys.filter(|key| ctx.read(key).is_some()).count(),
    ))
}

fn type_of(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let entry = ctx.inspect(args[1]);
    Ok(Value::simple(
        entry.map_or("none", |entry| entry.object.type_name()),
    ))
}

fn keys(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let pattern = args[1];
    let db = ctx.db();
    let names = ctx.space.entries(db).map(|(key, _)| key);
    Ok(Value::Array(
        names
            .filter(|key| pattern == b"*" || glob::matches(pattern, key))
            .map(Value::bulk)
            .collect(),
    ))
}

/// What SCAN and its kin for the aggregates are asked for.
pub(super) struct ScanRule<'a> {
    pub(super) pattern: Option<&'a [u8]>,
    pub(super) count: usize,
    type_name: Option<&'a [u8]>,
}

impl<'a> ScanRule<'a> {
    /// Reads the options behind the cursor. Only SCAN itself takes TYPE.
    pub(super) fn parse(args: &mut Args<'a>, takes_type: bool) -> Result<Self, CommandError> {
        let mut rule = ScanRule {
            pattern: None,
            count: 10,
            type_name: None,
        };
        while args.left() > 0 {
            if args.left() < 2 {
                return Err(CommandError::SYNTAX);
            }
            if args.accept("COUNT") {
                let count = args.int()?;
                if count < 1 {
                    return Err(CommandError::SYNTAX);
                }
                rule.count = usize::try_from(count).unwrap_or(usize::MAX);
            } else if args.accept("MATCH") {
                rule.pattern = args.try_next();
            } else if takes_type && args.accept("TYPE") {
                rule.type_name = args.try_next();
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(rule)
    }

    pub(super) fn matches(&self, name: &[u8]) -> bool {
        self.pattern
            .is_none_or(|pattern| pattern == b"*" || glob::matches(pattern, name))
    }
}

/// A cursor, read as C's `strtoul` does: a sign may stand before it, nothing at all is zero, a
/// negative one wraps around, and a NUL ends it.
pub(super) fn cursor(arg: &[u8]) -> Result<u64, CommandError> {
    let text = c_string(arg);
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number = digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    match number {
        Some(_) if digits.is_empty() && !text.is_empty() => Err(CommandError::INVALID_CURSOR),
        Some(number) if negative => Ok(number.wrapping_neg()),
        Some(number) => Ok(number),
        None => Err(CommandError::INVALID_CURSOR),
    }
}

/// The reply of SCAN and its kin.
pub(super) fn scan_reply(cursor: u64, items: Vec<Value>) -> Value {
    Value::Array(vec![Value::bulk(cursor.to_string()), Value::Array(items)])
}

fn scan(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let from = cursor(args[1])?;
    let rule = ScanRule::parse(&mut Args::at(args, 2), true)?;

    let (db, mut names) = (ctx.db(), Vec::new());
    let next = ctx.space.scan(db, from, rule.count, |key, entry| {
        let of_type = rule
            .type_name
            .is_none_or(|name| is(name, entry.object.type_name()));
        if of_type && rule.matches(key) {
            names.push(Value::bulk(key));
        }
    });

    Ok(scan_reply(next, names))
}

fn randomkey(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(ctx
        .random_key()
        .map_or(Value::Null, |key| Value::bulk(&*key)))
}

fn rename(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    move_entry(ctx, args[1], args[2], false)?;
    Ok(Value::OK)
}

fn renamenx(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let moved = move_entry(ctx, args[1], args[2], true)?;
    Ok(Value::Integer(i64::from(moved)))
}

fn move_entry(
    ctx: &mut Ctx<'_>,
    from: &[u8],
    to: &[u8],
    only_if_free: bool,
) -> Result<bool, CommandError> {
    if ctx.lookup(from).is_none() {
        return Err(CommandError::NO_SUCH_KEY);
    }
    if from == to {
        return Ok(!only_if_free);
    }
    if ctx.lookup(to).is_some() && only_if_free {
        return Ok(false);
    }
    let Some(entry) = ctx.take(from) else {
        return Err(CommandError::NO_SUCH_KEY);
    };
    let ttl = entry.expires_ms().map_or(Ttl::Clear, Ttl::At);
    // What is overwritten is gone first, so the other comes into being.
    ctx.take(to);
    ctx.put(to, entry.object, ttl);
    ctx.space.set_access(ctx.db(), to, entry.access);
    ctx.changed(from, Event::generic("rename_from"));
    ctx.changed(to, Event::generic("rename_to"));
    Ok(true)
}

fn copy(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (from, to, from_db) = (args[1], args[2], ctx.db());
    let (mut to_db, mut replace) = (from_db, false);
    let mut options = Args::at(args, 3);
    while options.left() > 0 {
        if options.accept("REPLACE") {
            replace = true;
        } else if options.left() > 1 && options.accept("DB") {
            to_db = database(ctx, options.next()?)?;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if ctx.env.options.cluster_strict && to_db != 0 {
        return Err(CommandError::new(
            "ERR Copying to another database is not allowed in cluster mode",
        ));
    }
    if from == to && from_db == to_db {
        return Err(CommandError::new(
            "ERR source and destination objects are the same",
        ));
    }

    let Some(entry) = ctx.read(from) else {
        return Ok(Value::Integer(0));
    };
    let (object, ttl) = (
        entry.object.clone(),
        entry.expires_ms().map_or(Ttl::Clear, Ttl::At),
    );
    if ctx.space.lookup(to_db, to).is_some() && !replace {
        return Ok(Value::Integer(0));
    }
    // The copy has not been used yet, however often what it replaces was.
    ctx.space.take(to_db, to);
    ctx.space.put(to_db, to, object, ttl);
    ctx.space.changed(to_db, to, Event::generic("copy_to"));

    Ok(Value::Integer(1))
}

fn move_to_database(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if ctx.env.options.cluster_strict {
        return Err(CommandError::new("ERR MOVE is not allowed in cluster mode"));
    }
    let (key, from_db, to_db) = (args[1], ctx.db(), database(ctx, args[2])?);
    if from_db == to_db {
        return Err(CommandError::new(
            "ERR source and destination objects are the same",
        ));
    }

    let is_there = ctx.lookup(key).is_some();
    if !is_there || ctx.space.lookup(to_db, key).is_some() {
        return Ok(Value::Integer(0));
    }
    let Some(entry) = ctx.take(key) else {
        return Ok(Value::Integer(0));
    };
    let ttl = entry.expires_ms().map_or(Ttl::Clear, Ttl::At);
    ctx.space.put(to_db, key, entry.object, ttl);
    ctx.space.set_access(to_db, key, entry.access);
    ctx.space.changed(from_db, key, Event::generic("move_from"));
    ctx.space.changed(to_db, key, Event::generic("move_to"));

    Ok(Value::Integer(1))
}

/// A database's number.
pub(super) fn database(ctx: &Ctx<'_>, arg: &[u8]) -> Result<u8, CommandError> {
    let number = integer(arg)?;
    if i32::try_from(number).is_err() {
        return Err(CommandError::new(format!(
            "ERR value is out of range, value must between {} and {}",
            i32::MIN,
            i32::MAX
        )));
    }
    match u8::try_from(number) {
        Ok(number) if number < ctx.env.options.databases => Ok(number),
        _ => Err(CommandError::DB_OUT_OF_RANGE),
    }
}

fn object_encoding(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let entry = ctx.examine(args[2]);
    Ok(entry.map_or(Value::Null, |entry| Value::bulk(entry.object.encoding())))
}

/// Values are never shared between keys here, but Redis shares its small integers and says so.
fn object_refcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    const SHARED: std::ops::Range<i64> = 0..10_000;
    let count = |object: &Object| match object {
        Object::Int(number) if SHARED.contains(number) => i64::from(i32::MAX),
        _ => 1,
    };
    let entry = ctx.examine(args[2]);
    Ok(entry.map_or(Value::Null, |entry| Value::Integer(count(&entry.object))))
}

fn object_idletime(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (now_s, tracking) = (ctx.now_ms() / 1_000, ctx.space.tracking());
    let Some(entry) = ctx.examine(args[2]) else {
        return Ok(Value::Null);
    };
    match tracking {
        Tracking::Recency => Ok(Value::Integer(entry.access.idle_s(now_s) as i64)),
        Tracking::Frequency { .. } => Err(CommandError::new(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        )),
    }
}

fn object_freq(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (now_s, tracking) = (ctx.now_ms() / 1_000, ctx.space.tracking());
    let Some(entry) = ctx.examine(args[2]) else {
        return Ok(Value::Null);
    };
    match tracking {
        Tracking::Frequency { .. } => Ok(Value::Integer(i64::from(
            entry.access.counter(tracking, now_s),
        ))),
        Tracking::Recency => Err(CommandError::new(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
             note that when switching between policies at runtime LRU and LFU data will take some \
             time to adjust.",
        )),
    }
}

fn object_help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(super::help_of(
        "OBJECT",
        &[
            ("ENCODING <key>", "How the value of <key> is represented."),
            (
                "FREQ <key>",
                "How often <key> is used, under an LFU policy.",
            ),
            ("IDLETIME <key>", "Seconds since <key> was last used."),
            (
                "REFCOUNT <key>",
                "How many references the value of <key> has.",
            ),
        ],
    ))
}
