//! Every option, and what it does.

use std::num::ParseIntError;
use std::path::PathBuf;

use super::lines::Directive;
use super::options::{BindAddress, LogLevel, OptionError, ServerOptions};

/// An option of redstart-server.
struct Row {
    name: &'static str,
    takes: &'static str,
    says: &'static str,
    does: Action,
}

/// What becomes of an option.
enum Action {
    /// Changes what the server will be.
    Set(fn(&mut ServerOptions, &[String]) -> Result<(), String>),
    /// Is handed to the engine, which takes it at run time as well (CONFIG SET).
    Live,
    /// May only confirm what is the case anyway.
    Confirm(&'static [&'static str]),
}

use Action::{Confirm, Live, Set};

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
        "dir",
        "<directory>",
        "The working directory.",
        Set(directory),
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
    row(
        "databases",
        "16",
        "There are 16 databases.",
        Confirm(&["16"]),
    ),
    row(
        "save",
        "\"\"",
        "Nothing is kept on disk yet.",
        Confirm(&[""]),
    ),
    row(
        "appendonly",
        "no",
        "Nothing is kept on disk yet.",
        Confirm(&["no"]),
    ),
    row(
        "daemonize",
        "no",
        "It runs in the foreground.",
        Confirm(&["no"]),
    ),
    row(
        "supervised",
        "no",
        "It tells no supervisor.",
        Confirm(&["no"]),
    ),
    row(
        "cluster-enabled",
        "no",
        "It is no cluster node.",
        Confirm(&["no"]),
    ),
    row(
        "syslog-enabled",
        "no",
        "It logs to standard output or a file.",
        Confirm(&["no"]),
    ),
    row(
        "set-proc-title",
        "no",
        "It leaves its process title alone.",
        Confirm(&["no"]),
    ),
    row(
        "always-show-logo",
        "no",
        "It has no logo.",
        Confirm(&["no"]),
    ),
    row("tls-port", "0", "It does not speak TLS.", Confirm(&["0"])),
];

/// Carries an option out, or says by name why it cannot be.
pub(super) fn apply(options: &mut ServerOptions, directive: &Directive) -> Result<(), OptionError> {
    let Directive {
        name,
        values,
        origin,
    } = directive;
    // What is not listed here may still be something that the engine knows how to take or refuse.
    let row = TABLE.iter().find(|row| row.name == name);
    let refuse = |reason: &str| {
        let written = format!("{name} {}", show(values));
        OptionError::new(format!("{}: {reason}", origin.spell(written.trim_end())))
    };
    match row.map_or(&Live, |row| &row.does) {
        Set(set) => set(options, values).map_err(|reason| refuse(&reason)),
        Live if values.is_empty() => Err(refuse("a value is missing")),
        Live => {
            options
                .live
                .push((name.clone(), values.join(" "), origin.clone()));
            Ok(())
        }
        Confirm(accepted) => match values.as_slice() {
            [value] if accepted.iter().any(|word| value.eq_ignore_ascii_case(word)) => Ok(()),
            _ => {
                let reason = row.map_or_else(String::new, |row| as_reason(row.says));
                let only = accepted
                    .iter()
                    .map(|word| quote(word))
                    .collect::<Vec<_>>()
                    .join(" or ");
                Err(refuse(&format!(
                    "not supported: {reason} (only {only} is accepted)"
                )))
            }
        },
    }
}

/// The table for `--help`.
pub(super) fn describe() -> String {
    let describe = |row: &Row| {
        let usage = format!("--{} {}", row.name, row.takes);
        format!("  {usage:<40} {}", row.says)
    };
    TABLE.iter().map(describe).collect::<Vec<_>>().join("\n")
}

fn port(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    options.port = number(one(values)?, 0, u16::MAX.into())?;
    Ok(())
}

fn bind(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    let parse =
        |word: &str| BindAddress::parse(word).ok_or_else(|| format!("{word} is not an IP address"));
    let words = values.iter().flat_map(|value| value.split_whitespace());
    options.bind = words.map(parse).collect::<Result<_, _>>()?;
    Ok(())
}

fn unix_socket(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    let path = one(values)?;
    options.unix_socket = (!path.is_empty()).then(|| PathBuf::from(path));
    Ok(())
}

fn unix_socket_mode(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    let mode = u32::from_str_radix(one(values)?, 8)
        .ok()
        .filter(|mode| *mode <= 0o777);
    // Zero is Redis' default and means that the umask decides.
    options.unix_socket_mode = Some(mode.ok_or("not an octal mode up to 777")?).filter(|&m| m != 0);
    Ok(())
}

fn backlog(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    options.tcp_backlog = number(one(values)?, 1, i32::MAX.into())?;
    Ok(())
}

fn threads(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    options.threads = Some(number(one(values)?, 1, 128)?);
    Ok(())
}

fn debug_command(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    options.debug_command = match one(values)?.to_ascii_lowercase().as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err("only yes and no are supported".into()),
    };
    Ok(())
}

fn log_level(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    options.log_level = match one(values)?.to_ascii_lowercase().as_str() {
        "debug" => LogLevel::Debug,
        "verbose" => LogLevel::Verbose,
        "notice" => LogLevel::Notice,
        "warning" => LogLevel::Warning,
        _ => return Err("the levels are debug, verbose, notice and warning".into()),
    };
    Ok(())
}

fn log_file(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    let path = one(values)?;
    options.log_file = (!path.is_empty()).then(|| PathBuf::from(path));
    Ok(())
}

fn pid_file(options: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    let path = one(values)?;
    options.pid_file = (!path.is_empty()).then(|| PathBuf::from(path));
    Ok(())
}

/// Takes effect at once, so that relative paths after it are meant from there, as in Redis.
fn directory(_: &mut ServerOptions, values: &[String]) -> Result<(), String> {
    std::env::set_current_dir(one(values)?).map_err(|error| error.to_string())
}

fn one(values: &[String]) -> Result<&str, String> {
    match values {
        [value] => Ok(value),
        [] => Err("a value is missing".into()),
        _ => Err("takes one value".into()),
    }
}

fn number<N: TryFrom<i64>>(word: &str, min: i64, max: i64) -> Result<N, String> {
    let parsed = word
        .parse::<i64>()
        .map_err(|_: ParseIntError| "not a whole number".to_owned())?;
    let wrong = || format!("must be between {min} and {max}");
    match (min..=max).contains(&parsed) {
        true => N::try_from(parsed).map_err(|_| wrong()),
        false => Err(wrong()),
    }
}

/// A sentence of the table as a part of another one.
fn as_reason(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}

/// Values as they would be written again.
fn show(values: &[String]) -> String {
    values
        .iter()
        .map(|value| quote(value))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quote(value: &str) -> String {
    match value.is_empty() || value.contains(char::is_whitespace) {
        true => format!("{value:?}"),
        false => value.to_owned(),
    }
}
