//! HyperLogLogs, which are strings.

use std::sync::atomic::Ordering;

use redstart_protocol::Value;

use super::args::is;
use super::ctx::Ctx;
use super::error::CommandError;
use super::string::buffer;
use super::{Row, row};
use crate::data::hyperloglog::{self, Corrupt, Encoding, Sketch, SketchMut, Union};
use crate::keyspace::Ttl;
use crate::keyspace::change::Event;
use crate::keyspace::object::{Object, StringView};
use crate::random::Rng;

pub(super) const TABLE: &[Row] = &[
    row("pfadd", pfadd),
    row("pfcount", pfcount),
    row("pfmerge", pfmerge),
    row("pfdebug", pfdebug),
    row("pfselftest", pfselftest),
];

const ADDED: Event = Event::string("pfadd");

fn pfadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, elements) = (args[1], &args[2..]);
    let sparse_max = sparse_max(ctx);
    let is_new = sketch_of(ctx.lookup_string(key)?)?.is_none();

    if is_new {
        let mut bytes = hyperloglog::empty();
        edit(&mut bytes)?.forget_count();
        add(&mut bytes, elements, sparse_max).result?;
        put(ctx, key, bytes);
        ctx.changed(key, ADDED);
        return Ok(Value::Integer(1));
    }
    let added = ctx.update(key, |object| add(buffer(object), elements, sparse_max));
    let added = added.expect("the key was there a moment ago");
    if added.any {
        // Redis does not announce what it has added before it met damage.
        let event = match added.result {
            Ok(()) => ADDED,
            Err(_) => Event::silent(ADDED.name),
        };
        ctx.changed(key, event);
    }
    if added.any && added.result.is_err() {
        // What was added before the damage was met stays. Whoever repeats this shall not repeat
        // the error.
        let string = ctx.peek(key).and_then(|entry| entry.object.as_string());
        let bytes = string.map(StringView::to_vec);
        ctx.effect(&[b"SET", key, &bytes.unwrap_or_default(), b"KEEPTTL"]);
    }

    added.result?;
    Ok(Value::Integer(i64::from(added.any)))
}

/// What became of elements.
struct Added {
    /// Whether any of them has changed a register.
    any: bool,
    /// Whether all of them were looked at.
    result: Result<(), CommandError>,
}

fn add(bytes: &mut Vec<u8>, elements: &[&[u8]], sparse_max: usize) -> Added {
    let mut any = false;
    let mut add_all = || {
        let mut sketch = edit(bytes)?;
        for element in elements {
            any |= sketch.add(element, sparse_max)?;
        }
        Ok(())
    };
    let result = add_all();
    Added { any, result }
}

fn pfcount(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let keys = &args[1..];
    let [key] = keys else {
        return Ok(number(union(ctx, keys)?.count()));
    };
    if sketch_of(ctx.read_string(key)?)?.is_none() {
        return Ok(Value::Integer(0));
    }

    let counted = ctx.update(key, |object| {
        let bytes = buffer(object);
        let sketch = view(bytes)?;
        if let Some(count) = sketch.kept_count() {
            return Ok((count, false));
        }
        let count = sketch.count()?;
        edit(bytes)?.keep_count(count);
        Ok::<_, CommandError>((count, true))
    });
    let (count, is_noted) = counted.expect("the key was there a moment ago")?;
    if is_noted {
        ctx.changed(key, Event::silent("pfcount"));
        ctx.effect(args);
    }

    Ok(number(count))
}

fn pfmerge(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, sparse_max) = (args[1], sparse_max(ctx));
    let union = union(ctx, &args[1..])?;

    let raise = |bytes: &mut Vec<u8>| {
        let mut sketch = edit(bytes)?;
        if !union.is_sparse() {
            sketch.make_dense()?;
        }
        for (register, &rank) in union.ranks().iter().enumerate() {
            if rank > 0 {
                sketch.raise(register, rank, sparse_max)?;
            }
        }
        sketch.forget_count();
        Ok::<_, CommandError>(())
    };
    // It was read with the others, and is now looked at to be changed.
    ctx.lookup(key);
    match ctx.update(key, |object| raise(buffer(object))) {
        Some(raised) => raised?,
        None => {
            let mut bytes = hyperloglog::empty();
            raise(&mut bytes)?;
            put(ctx, key, bytes);
        }
    }
    ctx.changed(key, ADDED);

    Ok(Value::OK)
}

/// The union of those keys that are there.
fn union(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> Result<Union, CommandError> {
    let mut union = Union::new();
    for key in keys {
        if let Some(sketch) = sketch_of(ctx.read_string(key)?)? {
            union.merge(sketch)?;
        }
    }
    Ok(union)
}

fn pfdebug(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (subcommand, key) = (args[1], args[2]);
    if sketch_of(ctx.lookup_string(key)?)?.is_none() {
        return Err(CommandError::new("ERR The specified key does not exist"));
    }

    let inspected = ctx.update(key, |object| {
        let bytes = buffer(object);
        let encoding = view(bytes)?.encoding();
        let reply = inspect(bytes, subcommand)?;
        Ok::<_, CommandError>((reply, view(bytes)?.encoding() != encoding))
    });
    let (reply, is_converted) = inspected.expect("the key was there a moment ago")?;
    if is_converted {
        ctx.changed(key, Event::silent("pfdebug"));
    }

    Ok(reply)
}

/// What a subcommand of PFDEBUG tells. GETREG and TODENSE leave the dense encoding behind.
fn inspect(bytes: &mut Vec<u8>, subcommand: &[u8]) -> Result<Value, CommandError> {
    match subcommand {
        _ if is(subcommand, "GETREG") => {
            edit(bytes)?.make_dense()?;
            let mut union = Union::new();
            union.merge(view(bytes)?)?;
            let ranks = union.ranks().iter();
            Ok(Value::Array(
                ranks.map(|&rank| Value::Integer(rank.into())).collect(),
            ))
        }
        _ if is(subcommand, "DECODE") => match view(bytes)?.opcodes() {
            Some(opcodes) => Ok(Value::bulk(opcodes)),
            None => Err(CommandError::new("ERR HLL encoding is not sparse")),
        },
        _ if is(subcommand, "ENCODING") => Ok(Value::simple(match view(bytes)?.encoding() {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        })),
        _ if is(subcommand, "TODENSE") => {
            let is_converted = edit(bytes)?.make_dense()?;
            Ok(Value::Integer(i64::from(is_converted)))
        }
        _ => Err(CommandError::quoting(
            "ERR Unknown PFDEBUG subcommand '",
            subcommand,
            "'",
        )),
    }
}

fn pfselftest(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    match hyperloglog::self_test(&mut Rng::new(0)) {
        Ok(()) => Ok(Value::OK),
        Err(text) => Err(CommandError::new(format!("ERR TESTFAILED {text}"))),
    }
}

/// The bytes above which a sparse HyperLogLog becomes dense.
fn sparse_max(ctx: &Ctx<'_>) -> usize {
    let max = &ctx.env.config.hll_sparse_max_bytes;
    max.load(Ordering::Relaxed)
}

fn put(ctx: &mut Ctx<'_>, key: &[u8], bytes: Vec<u8>) {
    ctx.put(key, Object::Raw(Box::new(bytes)), Ttl::Clear);
}

/// The HyperLogLog a string is; an error if it is something else.
fn sketch_of(string: Option<StringView<'_>>) -> Result<Option<Sketch<'_>>, CommandError> {
    match string {
        None => Ok(None),
        Some(StringView::Bytes(bytes)) => view(bytes).map(Some),
        Some(StringView::Int(_)) => Err(CommandError::NOT_A_HYPERLOGLOG),
    }
}

fn view(bytes: &[u8]) -> Result<Sketch<'_>, CommandError> {
    Sketch::of(bytes).ok_or(CommandError::NOT_A_HYPERLOGLOG)
}

fn edit(bytes: &mut Vec<u8>) -> Result<SketchMut<'_>, CommandError> {
    SketchMut::of(bytes).ok_or(CommandError::NOT_A_HYPERLOGLOG)
}

/// A count as Redis replies with it, which takes it for a signed number.
fn number(count: u64) -> Value {
    Value::Integer(count.cast_signed())
}

impl From<Corrupt> for CommandError {
    fn from(_: Corrupt) -> CommandError {
        CommandError::CORRUPT_HYPERLOGLOG
    }
}
