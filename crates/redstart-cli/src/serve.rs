//! `redstart serve`: the embedded engine behind a port.

use std::process::ExitCode;

use redstart_engine::conf::{Line, Origin};

use crate::arguments::ServeArguments;
use crate::failure::Failure;
use crate::logging::{self, LogTarget};
use crate::redis_server::ServerOptions;
use crate::serving::{self, PortChoice};

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
    let cluster_strict = match arguments.store.as_str() {
        "memory:" => false,
        "memory:?cluster=strict" => true,
        other => {
            let only = "only memory: and memory:?cluster=strict can be served so far";
            return Err(format!("--store {other}: {only}").into());
        }
    };
    let mut options = ServerOptions::from_file(arguments.config.as_deref(), lines(arguments))?;
    options.cluster_strict = cluster_strict;
    Ok(options)
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
