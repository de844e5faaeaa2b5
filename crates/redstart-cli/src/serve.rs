//! `redstart serve`: the embedded engine behind a port.

use std::path::PathBuf;
use std::process::ExitCode;

use redstart::store::{Fsync, StoreUrl};
use redstart_engine::AppendFsync;
use redstart_engine::conf::{Line, Origin};

use crate::arguments::ServeArguments;
use crate::failure::Failure;
use crate::logging::{self, LogTarget};
use crate::redis_server::ServerOptions;
use crate::serving::{self, PortChoice};

/// Where data is kept unless told otherwise.
const DATA_DIRECTORY: &str = "redstart-data";

/// Serves until a signal ends it.
pub(crate) fn run(arguments: &ServeArguments) -> ExitCode {
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report("redstart");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &ServeArguments) -> Result<(), Failure> {
    let options = options(arguments)?;
    start_log(arguments, &options)?;
    serving::run(&options, port(&options))
}

/// Starts the log that the arguments ask for, on standard error unless the configuration file
/// names a file.
pub(crate) fn start_log(arguments: &ServeArguments, options: &ServerOptions) -> Result<(), String> {
    let mut logging = options.logging(LogTarget::StandardError);
    logging.format = arguments.log_format;
    if let Some(level) = arguments.log_level {
        logging.level = level;
    }
    logging::start(&logging)
}

/// Exactly the port that was asked for, or a free one.
pub(crate) fn port(options: &ServerOptions) -> PortChoice {
    match options.port {
        Some(port) => PortChoice::Exactly(port),
        None => PortChoice::From(serving::DEFAULT_PORT),
    }
}

/// What to serve: the configuration file's settings, and the arguments after them.
pub(crate) fn options(arguments: &ServeArguments) -> Result<ServerOptions, Failure> {
    let mut options = ServerOptions::default();
    options.durability.directory = DATA_DIRECTORY.into();
    options.durability.appendonly = true;
    options.durability.save = Vec::new();
    let store = arguments.store.as_deref().map(store).transpose()?;
    let file = arguments.config.as_deref();
    let mut options = ServerOptions::from_file(options, file, lines(arguments))?;
    match store {
        None => {}
        Some(Kept::InMemory) => options.keeps_data = false,
        Some(Kept::In(directory, fsync)) => {
            options.directory = Some(directory);
            options.durability.appendonly = true;
            options.durability.appendfsync = match fsync {
                Fsync::Always => AppendFsync::Always,
                Fsync::EverySecond => AppendFsync::EverySecond,
                Fsync::No => AppendFsync::No,
            };
        }
    }
    options.cluster_strict = match &arguments.store {
        Some(url) => StoreUrl::parse(url).is_ok_and(|url| url.is_cluster_strict()),
        None => false,
    };
    Ok(options)
}

/// Where `--store` has data kept.
enum Kept {
    InMemory,
    In(PathBuf, Fsync),
}

fn store(text: &str) -> Result<Kept, String> {
    let url = StoreUrl::parse(text).map_err(|error| format!("--store: {error}"))?;
    // As the URL is shown: without its password.
    let refused = |reason: &str| format!("--store {url}: {reason}");
    match url.directory() {
        Some((directory, fsync)) => {
            // Before a configuration file's `dir` changes what it means.
            let directory = std::path::absolute(directory);
            let directory = directory.map_err(|error| refused(&error.to_string()))?;
            Ok(Kept::In(directory, fsync))
        }
        None if text.starts_with("memory:") && !url.is_shared() => match url.to_string().as_str() {
            "memory:" | "memory:?cluster=strict" => Ok(Kept::InMemory),
            _ => Err(refused("a name is of use inside a process only")),
        },
        None => Err(refused(
            "a server is served already; memory: and file: can be",
        )),
    }
}

/// The arguments as lines of a redis.conf.
fn lines(arguments: &ServeArguments) -> Vec<Line> {
    let one = |value: Option<String>| value.map(|value| vec![value]);
    let socket = arguments.unixsocket.as_ref();
    let settings = [
        ("port", one(arguments.port.map(|port| port.to_string()))),
        (
            "bind",
            (!arguments.bind.is_empty()).then(|| arguments.bind.clone()),
        ),
        (
            "unixsocket",
            one(socket.map(|path| path.display().to_string())),
        ),
        ("requirepass", one(arguments.requirepass.clone())),
        ("maxmemory", one(arguments.maxmemory.clone())),
        ("maxmemory-policy", one(arguments.maxmemory_policy.clone())),
        (
            "maxclients",
            one(arguments.maxclients.map(|count| count.to_string())),
        ),
        (
            "enable-debug-command",
            one(arguments.enable_debug_command.then(|| "yes".to_owned())),
        ),
    ];
    let line = |(name, values): (&str, Option<Vec<String>>)| {
        Some(Line {
            name: name.to_owned(),
            values: values?.into_iter().map(String::into_bytes).collect(),
            origin: Origin::CommandLine,
        })
    };
    settings.into_iter().filter_map(line).collect()
}
