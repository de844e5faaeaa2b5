//! The library `redis`.

use redstart_protocol::number::{NumberText, format_g17};
use redstart_protocol::{Resp, Value};

use super::caller::{LogLevel, ReplicationTargets};
use super::convert;
use super::datum::Datum;
use super::error::{Outcome, Raise, Reply};
use super::host::Host;
use super::source::Sha;
use super::vm::{Answer, Args, Kind, Native, to_int};

pub(super) static FUNCTIONS: &[Native] = &[
    Native {
        name: "call",
        run: call,
    },
    Native {
        name: "pcall",
        run: pcall,
    },
    Native {
        name: "error_reply",
        run: error_reply,
    },
    Native {
        name: "status_reply",
        run: status_reply,
    },
    Native {
        name: "sha1hex",
        run: sha1hex,
    },
    Native {
        name: "log",
        run: log,
    },
    Native {
        name: "setresp",
        run: setresp,
    },
    Native {
        name: "set_repl",
        run: set_repl,
    },
    Native {
        name: "replicate_commands",
        run: replicate_commands,
    },
    Native {
        name: "acl_check_cmd",
        run: acl_check_cmd,
    },
    Native {
        name: "breakpoint",
        run: breakpoint,
    },
    Native {
        name: "debug",
        run: debug,
    },
];

pub(super) static NUMBERS: &[(&str, f64)] = &[
    ("LOG_DEBUG", 0.0),
    ("LOG_VERBOSE", 1.0),
    ("LOG_NOTICE", 2.0),
    ("LOG_WARNING", 3.0),
    ("REPL_NONE", 0.0),
    ("REPL_AOF", 1.0),
    ("REPL_SLAVE", 2.0),
    ("REPL_REPLICA", 2.0),
    ("REPL_ALL", 3.0),
    // 7.0.15, a byte each.
    ("REDIS_VERSION_NUM", 0x0007_000F as f64),
];

pub(super) static TEXTS: &[(&str, &str)] = &[("REDIS_VERSION", "7.0.15")];

fn call<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    match run_command(args, host)? {
        Value::Error(text) => Err(Raise::Reply(Reply {
            text: convert::error_text(&text),
            counted: true,
        })),
        reply => Ok(Answer::Reply(reply)),
    }
}

fn pcall<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    match run_command(args, host) {
        Ok(reply) => Ok(Answer::Reply(reply)),
        Err(Raise::Reply(Reply { text, counted })) => {
            Ok(Answer::One(convert::failure(text, counted)))
        }
        Err(other) => Err(other),
    }
}

fn run_command(args: &Args<'_>, host: &Host) -> Outcome<Value> {
    // A script spends most of its calls here, and nearly all commands are short.
    const USUAL_LEN: usize = 8;
    let numbers = Numbers::of(args);
    let mut usual: [&[u8]; USUAL_LEN] = [&[]; USUAL_LEN];
    let mut long = Vec::new();
    let len = args.len();
    let words = if len <= USUAL_LEN {
        &mut usual[..len]
    } else {
        long.resize(len, [].as_slice());
        long.as_mut_slice()
    };
    fill(words, args, &numbers)?;
    host.call(words)
}

/// The numbers among the words of a command, as texts.
struct Numbers(Vec<NumberText>);

impl Numbers {
    fn of(args: &Args<'_>) -> Numbers {
        let indices = (1..=args.len()).filter(|&index| args.kind(index) == Kind::Number);
        Numbers(
            indices
                .map(|index| format_g17(args.to_number(index).unwrap_or_default()))
                .collect(),
        )
    }
}

fn fill<'w, 'a: 'w>(words: &mut [&'w [u8]], args: &Args<'a>, numbers: &'w Numbers) -> Outcome<()> {
    if words.is_empty() {
        return Err(Raise::redis(
            "Please specify at least one argument for this redis lib call",
        ));
    }
    let mut numbers = numbers.0.iter();
    for (word, index) in words.iter_mut().zip(1..) {
        let text = match args.kind(index) {
            Kind::Number => numbers.next().map(|number| number.as_str().as_bytes()),
            _ => args.to_text(index),
        };
        *word = text.ok_or_else(|| {
            Raise::redis("Lua redis lib command arguments must be strings or integers")
        })?;
    }
    Ok(())
}

fn error_reply<'a>(args: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    let Some(text) = only_text(args) else {
        return Ok(wrong_arguments());
    };
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let text = convert::error_text(text);
    Ok(Answer::One(convert::failure(text, false)))
}

fn status_reply<'a>(args: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    let Some(text) = only_text(args) else {
        return Ok(wrong_arguments());
    };
    Ok(Answer::One(Datum::field("ok", Datum::text(text))))
}

fn only_text<'a>(args: &Args<'a>) -> Option<&'a [u8]> {
    if args.len() == 1 && args.kind(1) == Kind::Text {
        args.to_text(1)
    } else {
        None
    }
}

/// Returned, not raised.
fn wrong_arguments<'a>() -> Answer<'a> {
    let text = b"ERR wrong number or type of arguments";
    Answer::One(convert::failure(text.to_vec(), false))
}

fn sha1hex<'a>(args: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    if args.len() != 1 {
        return Err(Raise::redis("wrong number of arguments"));
    }
    let text = args.to_text(1).unwrap_or_default();
    Ok(Answer::One(Datum::owned(Sha::of(text).as_bytes())))
}

fn log<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    if args.len() < 2 {
        return Err(Raise::redis("redis.log() requires two arguments or more."));
    }
    let Some(level) = args.to_number(1) else {
        return Err(Raise::redis("First argument must be a number (log level)."));
    };
    let level = match to_int(level) {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return Err(Raise::redis("Invalid debug level.")),
    };
    let mut text = Vec::new();
    for index in 2..=args.len() {
        if let Some(word) = args.to_text(index) {
            if index != 2 {
                text.push(b' ');
            }
            text.extend_from_slice(word);
        }
    }
    host.ask(|caller| caller.log(level, &text))?;
    Ok(Answer::Nothing)
}

fn setresp<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    if args.len() != 1 {
        return Err(Raise::redis("redis.setresp() requires one argument."));
    }
    let resp = match to_int(args.to_number(1).unwrap_or_default()) {
        2 => Resp::V2,
        3 => Resp::V3,
        _ => return Err(Raise::redis("RESP version must be 2 or 3.")),
    };
    host.set_resp(resp)?;
    Ok(Answer::Nothing)
}

fn set_repl<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    if args.len() != 1 {
        return Err(Raise::redis("redis.set_repl() requires two arguments."));
    }
    let flags = to_int(args.to_number(1).unwrap_or_default());
    if flags & !3 != 0 {
        return Err(Raise::redis(
            "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ));
    }
    let targets = ReplicationTargets {
        log: flags & 1 != 0,
        replicas: flags & 2 != 0,
    };
    host.ask(|caller| caller.set_replication(targets))?;
    Ok(Answer::Nothing)
}

/// Since Redis 7 effects are always replicated.
fn replicate_commands<'a>(_: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    Ok(Answer::One(Datum::Boolean(true)))
}

fn acl_check_cmd<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    let numbers = Numbers::of(args);
    let mut words = vec![[].as_slice(); args.len()];
    fill(&mut words, args, &numbers)?;
    match host.ask(|caller| caller.may_run(&words))? {
        Some(may) => Ok(Answer::One(Datum::Boolean(may))),
        None => Err(Raise::redis(
            "Invalid command passed to redis.acl_check_cmd()",
        )),
    }
}

/// There is no debugger.
fn breakpoint<'a>(_: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    Ok(Answer::One(Datum::Boolean(false)))
}

fn debug<'a>(_: &Args<'a>, _: &'a Host) -> Outcome<Answer<'a>> {
    Ok(Answer::Nothing)
}
