//! Bare `redstart`: who it is, what it can do, what to type next, and a server to try it on.

use std::process::ExitCode;

use redstart_engine::server::Server;

use crate::arguments::ServeArguments;
use crate::failure::Failure;
use crate::keeping::{self, Prepared};
use crate::output::{Style, print_line};
use crate::redis_server::ServerOptions;
use crate::serve;
use crate::serving::{self, Lanes, PortChoice};
use crate::signals::Signals;
use crate::tour::{self, Outcome, Stage};

/// Shows the tour, then serves; with `once` it ends after the tour.
pub(crate) fn run(arguments: &ServeArguments, once: bool) -> ExitCode {
    show(arguments, once).unwrap_or_else(|failure| {
        failure.report("redstart");
        ExitCode::FAILURE
    })
}

fn show(arguments: &ServeArguments, once: bool) -> Result<ExitCode, Failure> {
    let runtime = serving::runtime()?;
    let lanes = Lanes::start(None)?;
    let shown = runtime.block_on(async {
        match once {
            true => show_once().await,
            false => show_and_serve(arguments, &lanes).await,
        }
    });
    lanes.end();
    serving::end(runtime);
    shown
}

async fn show_once() -> Result<ExitCode, Failure> {
    let style = Style::of_stdout();
    greet(style);
    Ok(tour(style).await?.exit_code())
}

async fn show_and_serve(arguments: &ServeArguments, lanes: &Lanes) -> Result<ExitCode, Failure> {
    let style = Style::of_stdout();
    let options = serve::options(arguments)?;
    serve::start_log(arguments, &options)?;
    let prepared = Prepared::of(&options)?;
    let engine = prepared.engine().clone();
    prepared.load()?;
    let port = serve::port(&options);
    // Listening before the tour: whoever connects meanwhile is answered when it is over.
    let server = serving::listen(&options, port, &engine, lanes).await?;
    let mut signals = Signals::listen().map_err(|error| format!("no signals: {error}"))?;
    greet(style);
    show_addresses(&server, port, style);
    tokio::select! {
        // In this order, so that Ctrl-C is not kept waiting by a busy tour.
        biased;
        () = signals.first() => return Ok(ExitCode::SUCCESS),
        toured = tour(style) => {
            toured?;
        }
    }
    suggest(&server, &options, style)?;
    server.serve(signals.shutdown()).await;
    keeping::close(&engine)?;
    Ok(ExitCode::SUCCESS)
}

fn greet(style: Style) {
    print_line("");
    print_line(&format!(
        "  {}  {}",
        style.red(&style.bold("redstart")),
        style.faint(&format!(
            "{} · Redis patterns in Rust · embedded engine, compatible with Redis {}",
            env!("CARGO_PKG_VERSION"),
            serving::COMPATIBLE_VERSION
        )),
    ));
}

fn show_addresses(server: &Server, port: PortChoice, style: Style) {
    let addresses: Vec<String> = server.addresses().iter().map(ToString::to_string).collect();
    print_line(&format!("  listening on {}", addresses.join(" and ")));
    if let Some(taken) = port.taken(server) {
        let text = format!(
            "port {} is taken, so it is {taken} this time",
            serving::DEFAULT_PORT
        );
        print_line(&format!("  {}", style.yellow(&text)));
    }
}

async fn tour(style: Style) -> Result<Outcome, String> {
    let stage = Stage::open("memory:")
        .await
        .map_err(|error| error.to_string())?;
    print_line("");
    let outcome = tour::give(&stage, style).await;
    print_line("");
    print_line(&format!("  {}", outcome.summary(style)));
    print_line("");
    Ok(outcome)
}

fn suggest(server: &Server, options: &ServerOptions, style: Style) -> Result<(), String> {
    let (cli, url) = match server.addresses().first() {
        Some(redstart_engine::server::Address::Tcp(address)) => (
            format!("redis-cli -p {}", address.port()),
            format!("redis://127.0.0.1:{}", address.port()),
        ),
        Some(address) => (
            format!("redis-cli -s {address}"),
            format!("redis+unix://{address}"),
        ),
        None => return Ok(()),
    };
    let line = |label: &str, text: &str| print_line(&format!("  {label:<10} {}", style.cyan(text)));
    line("Try it", &format!("{cli} SET greeting hello"));
    line("", &format!("redstart exec {url} -- GET greeting"));
    print_line("");
    line(
        "In Rust",
        "let store = redstart::Store::open(\"memory:\").await?;",
    );
    line(
        "",
        "let limiter = Limiter::new(&store, Policy::new(\"api\", Quota::per_minute(100))?);",
    );
    line("", "if limiter.check(user).await?.allowed { … }");
    print_line("");
    line("On yours", "redstart tour --store redis://your-server:6379");
    print_line("");
    let data = match options.keeps_data {
        true => format!(
            "Data is kept in {} (--store memory: for none).",
            keeping::data_directory(options)?.display()
        ),
        false => "Keys are kept in memory only.".to_owned(),
    };
    let text = format!("Serving until Ctrl-C. {data}");
    print_line(&format!("  {}", style.faint(&text)));
    print_line("");
    Ok(())
}
