//! Values as bytes, in the format of Redis' snapshots: DUMP and RESTORE.

use redstart_protocol::Value;

use super::args::{Args, integer};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, row};
use crate::keyspace::Ttl;
use crate::keyspace::access::{Access, Usage};
use crate::keyspace::change::Event;
use crate::rdb::{self, Encoder, PayloadError};

pub(super) const TABLE: &[Row] = &[row("dump", dump), row("restore", restore)];

fn dump(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let mut encoder = Encoder::new(true);
    Ok(ctx.read(args[1]).map_or(Value::Null, |entry| {
        Value::bulk(rdb::dump(&entry.object, &mut encoder))
    }))
}

/// The options of RESTORE.
#[derive(Default)]
struct Restoring {
    replaces: bool,
    ttl_is_absolute: bool,
    usage: Option<Usage>,
}

impl Restoring {
    fn parse(args: &mut Args<'_>) -> Result<Restoring, CommandError> {
        let mut options = Restoring::default();
        while args.left() > 0 {
            if args.accept("REPLACE") {
                options.replaces = true;
            } else if args.accept("ABSTTL") {
                options.ttl_is_absolute = true;
            } else if args.left() > 1
                && !matches!(options.usage, Some(Usage::Frequency(_)))
                && args.accept("IDLETIME")
            {
                let seconds = u64::try_from(args.int()?)
                    .map_err(|_| CommandError::new("ERR Invalid IDLETIME value, must be >= 0"))?;
                options.usage = Some(Usage::IdleS(seconds));
            } else if args.left() > 1
                && !matches!(options.usage, Some(Usage::IdleS(_)))
                && args.accept("FREQ")
            {
                let counter = u8::try_from(args.int()?).map_err(|_| {
                    CommandError::new("ERR Invalid FREQ value, must be >= 0 and <= 255")
                })?;
                options.usage = Some(Usage::Frequency(counter));
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn restore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (key, ttl, payload) = (args[1], args[2], args[3]);
    let options = Restoring::parse(&mut Args::at(args, 4))?;
    if !options.replaces && ctx.contains(key) {
        return Err(CommandError::BUSY_KEY);
    }
    let expires_ms = moment(ctx, ttl, options.ttl_is_absolute)?;
    let forms = ctx.env.config.forms(ctx.space.seed());
    let object = rdb::restore(payload, &forms).map_err(|error| match error {
        PayloadError::Envelope => {
            CommandError::new("ERR DUMP payload version or checksum are wrong")
        }
        PayloadError::Value => CommandError::new("ERR Bad data format"),
    })?;

    let now_ms = ctx.now_ms();
    // What is replaced goes first, as in Redis, and should it have expired, so does the log of that.
    let replaced = options.replaces && ctx.take(key).is_some();
    if expires_ms.is_some_and(|at_ms| at_ms <= now_ms) {
        if replaced {
            ctx.changed(key, Event::generic("del"));
            ctx.effect(&[b"DEL", key]);
        }
        return Ok(Value::OK);
    }
    log_effect(ctx, args, &options, expires_ms, &object);
    ctx.put(key, object, expires_ms.map_or(Ttl::Clear, Ttl::At));
    let access = options
        .usage
        .and_then(|usage| Access::known(usage, ctx.space.tracking(), now_ms / 1_000));
    if let Some(access) = access {
        let db = ctx.db();
        ctx.space.set_access(db, key, access);
    }
    ctx.changed(key, Event::generic("restore"));

    Ok(Value::OK)
}

/// When the key is to be gone, in milliseconds since 1970. A time to live that reaches past the end
/// of time is over, as in Redis.
fn moment(ctx: &Ctx<'_>, ttl: &[u8], is_absolute: bool) -> Result<Option<u64>, CommandError> {
    let ttl = integer(ttl)?;
    if ttl < 0 {
        return Err(CommandError::new("ERR Invalid TTL value, must be >= 0"));
    }
    let at_ms = match is_absolute {
        true => ttl,
        false => ttl.wrapping_add(ctx.now_ms() as i64),
    };
    Ok((ttl != 0).then(|| u64::try_from(at_ms).unwrap_or(0)))
}

/// Logs the command with an absolute time to live, and with a payload that Redis 7.0 can read.
fn log_effect(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    options: &Restoring,
    expires_ms: Option<u64>,
    object: &crate::keyspace::object::Object,
) {
    if !ctx.space.is_logging() {
        return;
    }
    let expires_ms = expires_ms.unwrap_or(0).to_string();
    let payload = match rdb::is_for_redis_7_0(args[3]) {
        true => args[3].into(),
        false => std::borrow::Cow::Owned(rdb::dump(object, &mut Encoder::new(true))),
    };
    let mut effect = vec![b"RESTORE", args[1], expires_ms.as_bytes(), &payload];
    effect.extend(&args[4..]);
    if !options.ttl_is_absolute {
        effect.push(b"ABSTTL");
    }
    ctx.effect(&effect);
}
