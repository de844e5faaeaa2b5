//! Integers of any width, packed into strings.

use redstart_protocol::{Value, number};

use super::args::{Args, c_string, is};
use super::bitmap::{SETBIT, edit, within_string};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, row};
use crate::data::bits::{IntegerType, Overflow};
use crate::keyspace::change::Event;

pub(super) const TABLE: &[Row] = &[row("bitfield", bitfield), row("bitfield_ro", bitfield_ro)];

fn bitfield(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let operations = parse(ctx, args)?;
    match operations.iter().filter_map(Operation::last_written).max() {
        None => read_all(ctx, args[1], &operations),
        Some(last) => carry_out(ctx, args[1], &operations, last),
    }
}

fn bitfield_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let operations = parse(ctx, args)?;
    if operations.iter().any(|one| one.last_written().is_some()) {
        return Err(CommandError::new(
            "ERR BITFIELD_RO only supports the GET subcommand",
        ));
    }
    read_all(ctx, args[1], &operations)
}

/// One of the things a command does, and where.
#[derive(Clone, Copy, Debug)]
struct Operation {
    kind: IntegerType,
    offset: u64,
    action: Action,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Get,
    Set(i64, Overflow),
    Increment(i64, Overflow),
}

impl Operation {
    /// The last bit it may write.
    fn last_written(&self) -> Option<u64> {
        match self.action {
            Action::Get => None,
            _ => Some(self.offset + u64::from(self.kind.width()) - 1),
        }
    }

    /// Carries it out on bytes that are long enough. The reply, and whether something was written
    /// that was not there before.
    fn carry_out(&self, bytes: &mut [u8]) -> (Value, Written) {
        let old = self.kind.read(bytes, self.offset);
        let (new, shown) = match self.action {
            Action::Get => return (Value::Integer(old), Written::Nothing),
            Action::Set(value, overflow) => (self.kind.assigned(value, overflow), Some(old)),
            Action::Increment(by, overflow) => {
                let sum = self.kind.incremented(old, by, overflow);
                (sum, sum)
            }
        };
        let (Some(new), Some(shown)) = (new, shown) else {
            return (Value::Null, Written::Nothing);
        };
        self.kind.write(bytes, self.offset, new);
        let written = if new == old {
            Written::TheSame
        } else {
            Written::Another
        };
        (Value::Integer(shown), written)
    }
}

/// What an operation has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Nothing,
    /// The value that was there.
    TheSame,
    Another,
}

fn parse(ctx: &Ctx<'_>, args: &[&[u8]]) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut options = Args::at(args, 2);
    while options.left() > 0 {
        let operands = options.left() - 1;
        if operands >= 2 && options.accept("GET") {
            let (kind, offset) = place(ctx, &mut options)?;
            let action = Action::Get;
            operations.push(Operation {
                kind,
                offset,
                action,
            });
        } else if operands >= 3 && options.accept("SET") {
            let (kind, offset) = place(ctx, &mut options)?;
            let action = Action::Set(options.int()?, overflow);
            operations.push(Operation {
                kind,
                offset,
                action,
            });
        } else if operands >= 3 && options.accept("INCRBY") {
            let (kind, offset) = place(ctx, &mut options)?;
            let action = Action::Increment(options.int()?, overflow);
            operations.push(Operation {
                kind,
                offset,
                action,
            });
        } else if operands >= 1 && options.accept("OVERFLOW") {
            overflow = match options.next()? {
                word if is(word, "WRAP") => Overflow::Wrap,
                word if is(word, "SAT") => Overflow::Saturate,
                word if is(word, "FAIL") => Overflow::Fail,
                _ => return Err(CommandError::new("ERR Invalid OVERFLOW type specified")),
            };
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok(operations)
}

/// A type such as `u8`, and an offset in bits, or in integers of that type behind a `#`.
fn place(ctx: &Ctx<'_>, options: &mut Args<'_>) -> Result<(IntegerType, u64), CommandError> {
    let kind = integer_type(options.next()?)?;
    let offset = match options.next()? {
        // As in Redis, what is too large for 64 bits starts again at the beginning.
        [b'#', index @ ..] => {
            number::parse_i64(index).map(|index| index.wrapping_mul(i64::from(kind.width())))
        }
        offset => number::parse_i64(offset),
    };
    Ok((kind, within_string(ctx, offset)?))
}

fn integer_type(word: &[u8]) -> Result<IntegerType, CommandError> {
    let parsed = c_string(word).split_first().and_then(|(sign, width)| {
        let is_signed = match sign {
            b'i' => true,
            b'u' => false,
            _ => return None,
        };
        IntegerType::new(is_signed, number::parse_i64(width)?)
    });
    parsed.ok_or_else(|| {
        CommandError::new(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported \
             but i64 is.",
        )
    })
}

fn read_all(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    operations: &[Operation],
) -> Result<Value, CommandError> {
    let string = ctx.read_string(key)?;
    let bytes = string.map(|string| string.as_bytes()).unwrap_or_default();
    let values = operations
        .iter()
        .map(|one| Value::Integer(one.kind.read(&bytes, one.offset)));
    Ok(Value::Array(values.collect()))
}

fn carry_out(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    operations: &[Operation],
    last: u64,
) -> Result<Value, CommandError> {
    let ((values, written), has_grown) = edit(ctx, key, last, |bytes| -> (Vec<_>, Vec<_>) {
        let results = operations.iter().map(|one| one.carry_out(bytes));
        results.unzip()
    })?;

    let written = written.into_iter().filter(|written| match written {
        Written::Nothing => false,
        Written::TheSame => has_grown,
        Written::Another => true,
    });
    let count = written.count() as u64;
    if count > 0 {
        let changes = ctx.space.changes();
        ctx.changed(key, SETBIT);
        ctx.space.set_changes(changes + count);
    } else if has_grown {
        // Every operation failed, and yet the string is longer. Redis tells nobody, not even its
        // replicas.
        ctx.changed(key, Event::silent("setbit"));
    }

    Ok(Value::Array(values))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use redstart_protocol::Value;

    use crate::{ChangeObserver, Client, Effect, EffectLog, Engine, Event, EventClass};

    /// Keeps events and effects.
    #[derive(Debug, Default)]
    struct Heard {
        events: Mutex<Vec<Event>>,
        effects: Mutex<Vec<Effect>>,
    }

    impl ChangeObserver for Heard {
        fn changed(&self, _: u8, _: &[u8], event: Event) {
            self.events.lock().unwrap().push(event);
        }
    }

    impl EffectLog for Heard {
        fn append(&self, effects: &[Effect], _: bool) -> u64 {
            let mut heard = self.effects.lock().unwrap();
            heard.extend_from_slice(effects);
            heard.len() as u64
        }
    }

    /// An engine, a client of it, and what is heard from it.
    fn listened_to() -> (Client, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        let engine = Engine::builder()
            .change_observer(Arc::clone(&heard) as Arc<dyn ChangeObserver>)
            .effect_log(Arc::clone(&heard) as Arc<dyn EffectLog>)
            .build();
        (engine.connect_embedded(), heard)
    }

    fn call(client: &mut Client, line: &str) -> Value {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        client.call(&args)
    }

    #[test]
    fn only_a_change_is_told_and_logged() {
        let (mut client, heard) = listened_to();
        for (line, changes) in [
            ("SETBIT k 7 1", 1),
            ("SETBIT k 7 1", 0),
            ("SETBIT k 6 0", 0),
            ("SETBIT k 8 0", 1),
            ("BITFIELD k SET u8 0 1", 0),
            ("BITFIELD k GET u8 0 OVERFLOW FAIL INCRBY u8 0 255", 0),
            ("BITFIELD k INCRBY u8 0 1 INCRBY u8 0 1", 1),
            ("BITFIELD k SET u8 16 0", 1),
        ] {
            call(&mut client, line);
            let events = std::mem::take(&mut *heard.events.lock().unwrap());
            let effects = std::mem::take(&mut *heard.effects.lock().unwrap());
            assert_eq!((events.len(), effects.len()), (changes, changes), "{line}");
            assert!(events.iter().all(|event| event.name == "setbit"), "{line}");
        }
    }

    #[test]
    fn a_string_that_grew_in_vain_is_logged() {
        let (mut client, heard) = listened_to();
        let reply = call(&mut client, "BITFIELD k OVERFLOW FAIL INCRBY u2 100 5");
        assert_eq!(reply, Value::Array(vec![Value::Null]));
        assert_eq!(call(&mut client, "STRLEN k"), Value::Integer(13));
        let events = heard.events.lock().unwrap();
        assert!(matches!(&**events, [event] if event.class == EventClass::Silent));
        assert_eq!(heard.effects.lock().unwrap().len(), 1);
    }

    #[test]
    fn offsets_end_with_the_longest_string() {
        let mut client = Engine::builder().build().connect_embedded();
        call(&mut client, "CONFIG SET proto-max-bulk-len 1mb");
        let too_far =
            Value::Error((&b"ERR bit offset is not an integer or out of range"[..]).into());
        for line in [
            "SETBIT k 8388608 1",
            "GETBIT k 8388608",
            "BITFIELD k GET u8 8388608",
            "BITFIELD k SET u8 #1048576 1",
            "BITFIELD_RO k GET u1 -1",
        ] {
            assert_eq!(call(&mut client, line), too_far, "{line}");
        }
        assert_eq!(call(&mut client, "EXISTS k"), Value::Integer(0));
        // An integer that begins inside may end outside.
        let reply = call(&mut client, "BITFIELD k SET u8 8388607 255");
        assert_eq!(reply, Value::Array(vec![Value::Integer(0)]));
        assert_eq!(call(&mut client, "STRLEN k"), Value::Integer(1_048_577));
        assert_eq!(call(&mut client, "SETBIT k 8388607 0"), Value::Integer(1));
        assert_eq!(call(&mut client, "BITPOS k 1"), Value::Integer(8_388_608));
    }
}
