//! Every option that is obeyed, and what it does.

use std::io;
use std::num::ParseIntError;
use std::path::PathBuf;

use redstart_engine::conf::{self, Directive, Line, Refusal, Support};

use super::durability::*;
use super::options::{BindAddress, LogLevel, ServerOptions};

/// An option of redstart-server.
struct Row {
    name: &'static str,
    takes: &'static str,
    says: &'static str,
    does: Action,
}

type Setter = fn(&mut ServerOptions, &[&str]) -> Result<(), String>;

/// What becomes of an option.
enum Action {
    /// Changes what the server will be.
    Set(Setter),
    /// Is handed to the engine, which takes it at run time as well (CONFIG SET).
    Live,
}

use Action::{Live, Set};

const fn row(name: &'static str, takes: &'static str, says: &'static str, does: Action) -> Row {
    Row {
        name,
        takes,
        says,
        does,
    }
}

const TABLE: &[Row] = &[
    row("port", "<0-65535>", "The TCP port; 0 for none.", Set(port)),
    row(
        "bind",
        "<address>...",
        "The addresses to listen on; -address may be missing.",
        Set(bind),
    ),
    row(
        "unixsocket",
        "<path>",
        "A unix socket to listen on.",
        Set(unix_socket),
    ),
    row(
        "unixsocketperm",
        "<octal>",
        "Its permissions.",
        Set(unix_socket_mode),
    ),
    row(
        "tcp-backlog",
        "<n>",
        "Connections the system holds until they are accepted.",
        Set(backlog),
    ),
    row(
        "io-threads",
        "<1-128>",
        "Threads that serve connections.",
        Set(threads),
    ),
    row(
        "enable-debug-command",
        "yes|no",
        "Whether DEBUG is served.",
        Set(debug_command),
    ),
    row(
        "loglevel",
        "debug|verbose|notice|warning",
        "How much is logged.",
        Set(log_level),
    ),
    row(
        "logfile",
        "<path>",
        "Where it is logged; \"\" for standard output.",
        Set(log_file),
    ),
    row(
        "pidfile",
        "<path>",
        "A file to write the process id to.",
        Set(pid_file),
    ),
    row(
        "databases",
        "<1-16>",
        "How many databases there are.",
        Set(databases),
    ),
    row(
        "dir",
        "<directory>",
        "The working directory, where data is kept.",
        Set(directory),
    ),
    row(
        "save",
        "<seconds> <changes>...",
        "When snapshots are taken; \"\" for never.",
        Set(save),
    ),
    row(
        "dbfilename",
        "<name>",
        "The snapshot's file.",
        Set(dbfilename),
    ),
    row(
        "rdbcompression",
        "yes|no",
        "Whether long strings in snapshots are compressed.",
        Set(rdbcompression),
    ),
    row(
        "stop-writes-on-bgsave-error",
        "yes|no",
        "Refuse writes after a snapshot failed.",
        Set(stop_writes_on_bgsave_error),
    ),
    row(
        "appendonly",
        "yes|no",
        "Whether every change is logged.",
        Set(appendonly),
    ),
    row(
        "appendfsync",
        "always|everysec|no",
        "When the log is made safe.",
        Set(appendfsync),
    ),
    row(
        "appenddirname",
        "<name>",
        "The directory of the log, inside dir.",
        Set(appenddirname),
    ),
    row(
        "appendfilename",
        "<name>",
        "What the names of its files begin with.",
        Set(appendfilename),
    ),
    row(
        "auto-aof-rewrite-percentage",
        "<n>",
        "Rewrite a log that outgrew its base by so much.",
        Set(auto_aof_rewrite_percentage),
    ),
    row(
        "auto-aof-rewrite-min-size",
        "<bytes>",
        "But none that is smaller.",
        Set(auto_aof_rewrite_min_size),
    ),
    row(
        "aof-load-truncated",
        "yes|no",
        "Whether a log may end in the middle.",
        Set(aof_load_truncated),
    ),
    row(
        "requirepass",
        "<password>",
        "The password clients have to give.",
        Live,
    ),
    row(
        "protected-mode",
        "yes|no",
        "Turn other machines away while there is no password.",
        Live,
    ),
    row("maxclients", "<n>", "Connections at the same time.", Live),
    row(
        "timeout",
        "<seconds>",
        "Disconnect silent clients after so long; 0 for never.",
        Live,
    ),
    row(
        "tcp-keepalive",
        "<seconds>",
        "Probe silent TCP peers; 0 for never.",
        Live,
    ),
    row(
        "client-output-buffer-limit",
        "<class> <hard> <soft> <seconds>",
        "Unread output.",
        Live,
    ),
    row(
        "client-query-buffer-limit",
        "<bytes>",
        "Unfinished input.",
        Live,
    ),
    row("proto-max-bulk-len", "<bytes>", "The longest string.", Live),
    row("hz", "<1-500>", "Periodic work, times a second.", Live),
    row(
        "maxmemory",
        "<bytes>",
        "Make room above so many bytes; 0 for no limit.",
        Live,
    ),
    row("maxmemory-policy", "<policy>", "Which keys go then.", Live),
    row(
        "maxmemory-samples",
        "<n>",
        "Keys looked at for each that goes.",
        Live,
    ),
    row(
        "lfu-log-factor",
        "<n>",
        "How slowly a key's use counter grows.",
        Live,
    ),
    row("lfu-decay-time", "<minutes>", "How fast it falls.", Live),
    row(
        "hash-max-listpack-entries",
        "<n>",
        "Fields of a compact hash.",
        Live,
    ),
    row(
        "hash-max-listpack-value",
        "<bytes>",
        "The longest value of a compact hash.",
        Live,
    ),
    row(
        "hash-max-ziplist-entries",
        "<n>",
        "Older name of hash-max-listpack-entries.",
        Live,
    ),
    row(
        "hash-max-ziplist-value",
        "<bytes>",
        "Older name of hash-max-listpack-value.",
        Live,
    ),
    row(
        "list-max-listpack-size",
        "<n>",
        "Entries of a list's node, or -1 to -5 for a size.",
        Live,
    ),
    row(
        "list-max-ziplist-size",
        "<n>",
        "Older name of list-max-listpack-size.",
        Live,
    ),
    row(
        "set-max-intset-entries",
        "<n>",
        "Members of a compact set of integers.",
        Live,
    ),
    row(
        "zset-max-listpack-entries",
        "<n>",
        "Members of a compact sorted set.",
        Live,
    ),
    row(
        "zset-max-listpack-value",
        "<bytes>",
        "The longest member of a compact one.",
        Live,
    ),
    row(
        "zset-max-ziplist-entries",
        "<n>",
        "Older name of zset-max-listpack-entries.",
        Live,
    ),
    row(
        "zset-max-ziplist-value",
        "<bytes>",
        "Older name of zset-max-listpack-value.",
        Live,
    ),
    row(
        "busy-reply-threshold",
        "<ms>",
        "Answer BUSY while a script runs longer.",
        Live,
    ),
    row(
        "lua-time-limit",
        "<ms>",
        "Older name of busy-reply-threshold.",
        Live,
    ),
];

/// Values that are shown to nobody.
const SECRET: &[&str] = &[
    "masterauth",
    "requirepass",
    "tls-client-key-file-pass",
    "tls-key-file-pass",
    "user",
];

/// Carries an option out, or says in which way it cannot be. What may only say what is the case
/// anyway is kept as a claim, because a later line may take it back.
pub(super) fn apply(options: &mut ServerOptions, line: Line) -> Result<(), String> {
    let Some(written) = conf::find(&line.name) else {
        let unknown = Refusal::Unknown;
        return Err(match conf::nearest(&line.name) {
            Some(nearest) => format!("{unknown}, did you mean {nearest}?"),
            None => format!("{unknown}: Redis 7.0 has no such directive either"),
        });
    };
    let directive = conf::find(written.present_name()).unwrap_or(written);
    match directive.support {
        Support::Only { accepts: [], .. } => Err(refusal(directive, &line)),
        Support::Only { .. } => {
            options
                .claims
                .retain(|(claimed, _)| claimed.name != directive.name);
            options.claims.push((directive, line));
            Ok(())
        }
        _ if line.values.is_empty() => Err("a value is missing".into()),
        _ if line.values.len() > 1 && !directive.takes_several() => Err("takes one value".into()),
        _ => match setter(directive) {
            Some(setter) => set(options, directive, setter, &line),
            None => {
                options.live.push(line);
                Ok(())
            }
        },
    }
}

/// What is wrong with a claim, if it does not say what is the case.
pub(super) fn check(directive: &Directive, line: &Line) -> Result<(), String> {
    match directive.support.accepts(&line.joined()) {
        true => Ok(()),
        false => Err(refusal(directive, line)),
    }
}

fn refusal(directive: &Directive, line: &Line) -> String {
    let Support::Only {
        accepts,
        refusal,
        why,
    } = directive.support
    else {
        return String::new();
    };
    let accepted: Vec<String> = accepts.iter().map(|word| quote(word)).collect();
    match accepted.as_slice() {
        [] => format!("{refusal}: {why}"),
        _ if line.values.is_empty() => "a value is missing".into(),
        accepted => format!(
            "{refusal}: {why} (only {} is accepted)",
            accepted.join(" or ")
        ),
    }
}

/// The function that obeys a directive at the start, if there is one.
fn setter(directive: &Directive) -> Option<Setter> {
    let row = TABLE.iter().find(|row| row.name == directive.name)?;
    match row.does {
        Set(set) => Some(set),
        Live => None,
    }
}

fn set(
    options: &mut ServerOptions,
    directive: &Directive,
    set: Setter,
    line: &Line,
) -> Result<(), String> {
    let text = |value: &'_ Vec<u8>| String::from_utf8(value.clone());
    let values: Result<Vec<String>, _> = line.values.iter().map(text).collect();
    let values = values.map_err(|_| "not UTF-8")?;
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    set(options, &values)?;
    options.host = std::mem::take(&mut options.host).setting(directive.name, values.join(" "));
    Ok(())
}

/// A line as it may be shown: a password is not.
pub(super) fn show(line: &Line) -> String {
    let secret = SECRET.contains(&line.name.as_str());
    let values = line.values.iter().map(|value| match secret {
        true => "***".to_owned(),
        false => quote(&String::from_utf8_lossy(value)),
    });
    let words: Vec<String> = std::iter::once(line.name.clone()).chain(values).collect();
    words.join(" ")
}

/// The table for `--help`.
pub(super) fn describe() -> String {
    let describe = |row: &Row| {
        let usage = format!("--{} {}", row.name, row.takes);
        format!("  {usage:<40} {}", row.says)
    };
    TABLE.iter().map(describe).collect::<Vec<_>>().join("\n")
}

fn port(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    options.port = Some(number(one(values)?, 0, u16::MAX.into())?);
    Ok(())
}

fn bind(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    let parse =
        |word: &str| BindAddress::parse(word).ok_or_else(|| format!("{word} is not an IP address"));
    let words = values.iter().flat_map(|value| value.split_whitespace());
    options.bind = Some(words.map(parse).collect::<Result<_, _>>()?);
    Ok(())
}

fn unix_socket(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    let path = one(values)?;
    options.unix_socket = (!path.is_empty()).then(|| PathBuf::from(path));
    Ok(())
}

fn unix_socket_mode(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    let mode = u32::from_str_radix(one(values)?, 8)
        .ok()
        .filter(|mode| *mode <= 0o777);
    // Zero is Redis' default and means that the umask decides.
    options.unix_socket_mode = Some(mode.ok_or("not an octal mode up to 777")?).filter(|&m| m != 0);
    Ok(())
}

fn backlog(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    options.tcp_backlog = number(one(values)?, 1, i32::MAX.into())?;
    Ok(())
}

fn threads(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    options.threads = Some(number(one(values)?, 1, 128)?);
    Ok(())
}

fn debug_command(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    options.debug_command = yes_or_no(values)?;
    Ok(())
}

fn log_level(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    options.log_level = match one(values)?.to_ascii_lowercase().as_str() {
        "debug" => LogLevel::Debug,
        "verbose" => LogLevel::Verbose,
        "notice" => LogLevel::Notice,
        "warning" => LogLevel::Warning,
        _ => return Err("the levels are debug, verbose, notice and warning".into()),
    };
    Ok(())
}

fn log_file(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    let path = one(values)?;
    options.log_file = (!path.is_empty()).then(|| PathBuf::from(path));
    Ok(())
}

fn pid_file(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    let path = one(values)?;
    options.pid_file = (!path.is_empty()).then(|| PathBuf::from(path));
    Ok(())
}

fn databases(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    options.databases = match number(one(values)?, 1, i32::MAX.into())? {
        few @ 1..=16 => few,
        _ => return Err(format!("{}: more than 16 databases", Refusal::NotYet)),
    };
    Ok(())
}

/// Takes effect at once, so that relative paths after it are meant from there, as in Redis.
fn directory(options: &mut ServerOptions, values: &[&str]) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    std::env::set_current_dir(one(values)?).map_err(failed)?;
    options.directory = Some(std::env::current_dir().map_err(failed)?);
    Ok(())
}

pub(super) fn one<'a>(values: &[&'a str]) -> Result<&'a str, String> {
    match values {
        [value] => Ok(value),
        [] => Err("a value is missing".into()),
        _ => Err("takes one value".into()),
    }
}

pub(super) fn yes_or_no(values: &[&str]) -> Result<bool, String> {
    match one(values)?.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("only yes and no are supported".into()),
    }
}

pub(super) fn number<N: TryFrom<i64>>(word: &str, min: i64, max: i64) -> Result<N, String> {
    let parsed = word
        .parse::<i64>()
        .map_err(|_: ParseIntError| "not a whole number".to_owned())?;
    let wrong = || format!("must be between {min} and {max}");
    match (min..=max).contains(&parsed) {
        true => N::try_from(parsed).map_err(|_| wrong()),
        false => Err(wrong()),
    }
}

fn quote(value: &str) -> String {
    match value.is_empty() || value.contains(char::is_whitespace) {
        true => format!("{value:?}"),
        false => value.to_owned(),
    }
}
