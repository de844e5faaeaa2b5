//! `cargo run -p shop -- [--store URL] [--port N]`

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use redstart::Store;
use shop::{Shop, handlers};
use tokio::net::TcpListener;

/// A shop whose pages come from SQLite through Redstart's cache
///
/// Open it in a browser, open the live page in a second window, and watch hits, loads, waits and
/// invalidations while you look at products and buy some. Everything listens on this machine only.
#[derive(Debug, Parser)]
#[command(name = "shop", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Options {
    /// Where cached values live
    #[arg(
        long,
        value_name = "URL",
        default_value = "memory:",
        env = "SHOP_STORE",
        hide_env_values = true
    )]
    store: String,
    /// The port to listen on; 0 for any that is free
    #[arg(long, value_name = "N", default_value_t = 8080)]
    port: u16,
    /// Keep the database in this file, instead of in memory
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  shop                                    Everything in this process
  shop --store redis://127.0.0.1:6379     Cached values on a server
  shop --port 8081 --store redis://127.0.0.1:6379
                                          A second shop over the same cache
  shop --database shop.db                 A database that outlives the shop

Two shops that share a store should share a database as well, by --database.";

fn main() -> ExitCode {
    let options = Options::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    match runtime.block_on(serve(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => fail(&problem),
    }
}

/// Serves until Ctrl-C or SIGTERM. The error is a sentence for whoever started the shop.
async fn serve(options: &Options) -> Result<(), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
        .await
        .map_err(|error| {
            let port = options.port;
            format!("cannot listen on port {port}: {error}; choose another by --port")
        })?;
    let store = Store::open(&options.store)
        .await
        .map_err(|error| format!("cannot open the store: {error}"))?;
    let shop = Shop::open(&store, options.database.as_deref())
        .await
        .map_err(|error| error.to_string())?;

    let address = listener.local_addr().map_err(|error| error.to_string())?;
    say(&format!(
        "The shop is open at http://{address}, and what its cache does is at http://{address}/live\n\
         Cached values: {}. Ctrl-C closes.",
        store.url()
    ));
    let live = shop.live.clone();
    axum::serve(listener, handlers::router(shop))
        .with_graceful_shutdown(async move {
            asked_to_stop().await;
            // Live pages would keep their connections open for ever.
            live.close();
        })
        .await
        .map_err(|error| format!("cannot serve: {error}"))
}

/// Completes on the first of Ctrl-C and SIGTERM.
async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

/// Prints a line, and goes on without one where nobody reads.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn fail(problem: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "shop: {problem}");
    ExitCode::FAILURE
}
