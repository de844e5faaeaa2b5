//! `redstart serve`: the embedded engine behind a port.

use std::process::ExitCode;

use redstart_engine::Engine;
use redstart_engine::server::Server;

use crate::arguments::ServeArguments;
use crate::logging::{self, LogTarget, Logging};
use crate::output::report;
use crate::serving::{self, Addresses, Lanes, PortChoice};
use crate::signals::Signals;

/// The port Redis clients try first.
pub(crate) const DEFAULT_PORT: u16 = 6379;

/// Serves until a signal ends it.
pub(crate) fn run(arguments: &ServeArguments) -> ExitCode {
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            report(&format!("redstart: {reason}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &ServeArguments) -> Result<(), String> {
    start_log(arguments)?;
    let engine = engine(arguments)?;
    let runtime = serving::runtime()?;
    let lanes = Lanes::start(None)?;
    let served = runtime.block_on(async {
        let server = listen(arguments, &engine, &lanes).await?;
        let signals = Signals::listen().map_err(|error| format!("no signals: {error}"))?;
        if let Some(taken) = taken_port(arguments, &server) {
            tracing::warn!("port {DEFAULT_PORT} is taken, so this is port {taken}");
        }
        serving::announce(&server);
        server.serve(signals.shutdown()).await;
        tracing::info!("bye");
        Ok(())
    });
    lanes.end();
    serving::end(runtime);
    served
}

/// Starts the log that the arguments ask for, on standard error.
pub(crate) fn start_log(arguments: &ServeArguments) -> Result<(), String> {
    logging::start(&Logging {
        format: arguments.log_format,
        level: arguments.log_level,
        target: LogTarget::StandardError,
    })
}

/// The engine that the arguments describe.
pub(crate) fn engine(arguments: &ServeArguments) -> Result<Engine, String> {
    let strict = match arguments.store.as_str() {
        "memory:" => false,
        "memory:?cluster=strict" => true,
        other => {
            return Err(format!(
                "--store {other}: only memory: and memory:?cluster=strict can be served so far"
            ));
        }
    };
    let engine = Engine::builder()
        .cluster_strict(strict)
        .debug_commands(arguments.enable_debug_command)
        .build();
    let maxclients = arguments.maxclients.map(|count| count.to_string());
    for (name, value) in [
        ("requirepass", &arguments.requirepass),
        ("maxmemory", &arguments.maxmemory),
        ("maxmemory-policy", &arguments.maxmemory_policy),
        ("maxclients", &maxclients),
    ] {
        if let Some(value) = value {
            serving::configure(&engine, name, value)
                .map_err(|reason| format!("--{name}: {reason}"))?;
        }
    }
    Ok(engine)
}

/// Listens where the arguments say.
pub(crate) async fn listen(
    arguments: &ServeArguments,
    engine: &Engine,
    lanes: &Lanes,
) -> Result<Server, String> {
    serving::fit_clients_to_files(engine)?;
    let addresses = Addresses {
        port: match arguments.port {
            Some(port) => PortChoice::Exactly(port),
            None => PortChoice::From(DEFAULT_PORT),
        },
        bind: arguments.bind.clone(),
        unix_socket: arguments.unixsocket.clone().map(|path| (path, None)),
        backlog: 511,
        runtimes: lanes.handles(),
    };
    addresses.listen(engine).await
}

/// The port that was taken instead of the default one, if that was not free.
pub(crate) fn taken_port(arguments: &ServeArguments, server: &Server) -> Option<u16> {
    let port = serving::port_of(server)?;
    (arguments.port.is_none() && port != DEFAULT_PORT).then_some(port)
}
