//! An engine behind a port, until a signal ends it.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use redstart_engine::server::{Address, ListenError, Server};
use redstart_engine::{Engine, Value};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::failure::Failure;
use crate::files;
use crate::keeping::{self, Prepared};
use crate::redis_server::{BindAddress, ServerOptions};
use crate::signals::Signals;

/// The version of Redis whose behaviour the engine has.
pub(crate) const COMPATIBLE_VERSION: &str = "7.0.15";

/// The port Redis clients try first.
pub(crate) const DEFAULT_PORT: u16 = 6379;

/// How many ports above the default one are tried.
const PORTS_TRIED: u16 = 100;

/// Where to listen.
#[derive(Clone, Debug)]
struct Addresses {
    port: PortChoice,
    bind: Vec<BindAddress>,
    unix_socket: Option<(PathBuf, Option<u32>)>,
    backlog: u32,
    /// Where connections are served.
    runtimes: Vec<Handle>,
}

/// Which TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortChoice {
    /// This one or none; zero for no TCP port at all.
    Exactly(u16),
    /// This one, or the next that is free.
    From(u16),
}

/// Serves what the options describe until a signal ends it.
pub(crate) fn run(options: &ServerOptions, port: PortChoice) -> Result<(), Failure> {
    let prepared = Prepared::of(options)?;
    let engine = prepared.engine().clone();
    let runtime = runtime()?;
    let lanes = Lanes::start(options.threads)?;
    let served = runtime.block_on(async {
        let server = listen(options, port, &engine, &lanes).await?;
        let signals = Signals::listen().map_err(|error| format!("no signals: {error}"))?;
        let _pid_file = options
            .pid_file
            .as_deref()
            .map(PidFile::write)
            .transpose()?;
        announce(&server, options)?;
        if let Some(taken) = port.taken(&server) {
            tracing::warn!("port {DEFAULT_PORT} is taken, so this is port {taken}");
        }
        let served = load_and_serve(prepared, server, signals).await?;
        if let Served::Loaded = served {
            keeping::close(&engine)?;
        }
        tracing::info!("bye");
        Ok(())
    });
    lanes.end();
    end(runtime);
    served
}

/// How serving ended.
enum Served {
    Loaded,
    /// Before the data was there.
    WhileLoading,
}

/// Data that takes longer to load than this is not waited for before clients are let in.
const MOMENT: Duration = Duration::from_millis(200);

/// Serves while the data is loaded, and has clients that come too early told so.
async fn load_and_serve(
    prepared: Prepared,
    server: Server,
    signals: Signals,
) -> Result<Served, Failure> {
    let (give_up, given_up) = tokio::sync::oneshot::channel::<()>();
    let serving = server.serve(async {
        tokio::select! {
            () = signals.shutdown() => {}
            _ = given_up => {}
        }
    });
    let mut serving = std::pin::pin!(serving);
    let mut loading = tokio::task::spawn_blocking(|| prepared.load());
    // What loads in a moment is there before anybody can ask, as with redis-server.
    let loaded = match tokio::time::timeout(MOMENT, &mut loading).await {
        Ok(loaded) => loaded,
        Err(_) => tokio::select! {
            biased;
            loaded = loading => loaded,
            () = &mut serving => return Ok(Served::WhileLoading),
        },
    };
    let loaded = loaded.map_err(|error| format!("loading failed: {error}"))?;
    if loaded.is_err() {
        // Nobody waits for the other end if it is gone.
        let _ = give_up.send(());
        serving.await;
        return loaded.map(|()| Served::Loaded);
    }
    // Tools that start a redis-server wait for these words.
    tracing::info!("Ready to accept connections");
    serving.await;
    drop(give_up);
    Ok(Served::Loaded)
}

/// Listens where the options say.
pub(crate) async fn listen(
    options: &ServerOptions,
    port: PortChoice,
    engine: &Engine,
    lanes: &Lanes,
) -> Result<Server, Failure> {
    fit_clients_to_files(engine)?;
    let addresses = Addresses {
        port,
        bind: options
            .bind
            .clone()
            .unwrap_or_else(|| BindAddress::LOOPBACK.to_vec()),
        unix_socket: options
            .unix_socket
            .clone()
            .map(|path| (path, options.unix_socket_mode)),
        backlog: options.tcp_backlog,
        runtimes: lanes.handles(),
    };
    Ok(addresses.listen(engine).await?)
}

/// The runtime for everything but connections that are served.
pub(crate) fn runtime() -> Result<Runtime, String> {
    let mut builder = Builder::new_multi_thread();
    // Never less than two, so that the tour's races are races on any machine.
    builder
        .worker_threads(cores().max(2))
        .enable_all()
        .thread_name("redstart");
    builder
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))
}

/// Runtimes of one thread each, for the connections.
#[derive(Debug)]
pub(crate) struct Lanes(Vec<Runtime>);

impl Lanes {
    /// Starts so many, or one for each core.
    pub(crate) fn start(threads: Option<usize>) -> Result<Lanes, String> {
        let start = |_| {
            let mut builder = Builder::new_multi_thread();
            builder
                .worker_threads(1)
                .enable_all()
                .thread_name("redstart-port");
            builder
                .build()
                .map_err(|error| format!("cannot start threads: {error}"))
        };
        (0..threads.unwrap_or_else(cores))
            .map(start)
            .collect::<Result<_, _>>()
            .map(Lanes)
    }

    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.0
            .iter()
            .map(|runtime| runtime.handle().clone())
            .collect()
    }

    /// Ends them without waiting for threads that a command keeps.
    pub(crate) fn end(self) {
        for runtime in self.0 {
            runtime.shutdown_background();
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Logs where a server listens, and where its data is.
fn announce(server: &Server, options: &ServerOptions) -> Result<(), String> {
    let data = match options.keeps_data {
        true => format!("data is in {}", keeping::data_directory(options)?.display()),
        false => "keys are kept in memory only".to_owned(),
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        compatible = COMPATIBLE_VERSION,
        pid = std::process::id(),
        "Redstart is starting; {data}"
    );
    for address in server.addresses() {
        tracing::info!(%address, "listening");
    }
    Ok(())
}

/// Sets what CONFIG SET sets.
pub(crate) fn configure(engine: &Engine, name: &str, value: &[u8]) -> Result<(), String> {
    let mut client = engine.connect_embedded();
    match client.call(&[b"CONFIG", b"SET", name.as_bytes(), value]) {
        Value::Error(error) => {
            let text = String::from_utf8_lossy(&error);
            // The name is said already, and better.
            let reason = text.split_once(" - ").map_or(&*text, |(_, reason)| reason);
            Err(reason.to_owned())
        }
        _ => Ok(()),
    }
}

/// Lets in no more clients than the system allows this process to have files open.
fn fit_clients_to_files(engine: &Engine) -> Result<(), String> {
    let mut client = engine.connect_embedded();
    let wanted = match client.call(&[b"CONFIG", b"GET", b"maxclients"]) {
        Value::Map(pairs) => pairs.into_iter().next().and_then(|(_, value)| match value {
            Value::Bulk(digits) => str::from_utf8(&digits).ok()?.parse::<u64>().ok(),
            _ => None,
        }),
        _ => None,
    };
    let wanted = wanted.ok_or("the engine does not tell maxclients")?;
    let possible = files::make_room(wanted);
    if possible < wanted {
        tracing::warn!(
            wanted,
            possible,
            "fewer clients than maxclients: the limit of open files"
        );
        configure(engine, "maxclients", possible.to_string().as_bytes())?;
    }
    Ok(())
}

impl Addresses {
    /// Listens on all of them.
    async fn listen(&self, engine: &Engine) -> Result<Server, String> {
        let ips = self.present_ips();
        let (first, last) = match self.port {
            PortChoice::Exactly(port) => (port, port),
            PortChoice::From(port) => (port, port.saturating_add(PORTS_TRIED)),
        };
        if first == 0 && self.unix_socket.is_none() {
            return Err("told to listen nowhere: port 0 and no unix socket".into());
        }
        let mut port = first;
        loop {
            match self.listen_at(engine, &ips, port).await {
                Ok(server) => return Ok(server),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && port < last => {
                    port += 1;
                }
                Err(error) => return Err(explain(&error)),
            }
        }
    }

    async fn listen_at(
        &self,
        engine: &Engine,
        ips: &[IpAddr],
        port: u16,
    ) -> Result<Server, ListenError> {
        let mut builder = Server::builder(engine.clone()).backlog(self.backlog);
        builder = builder.runtimes(self.runtimes.clone());
        if port != 0 {
            for ip in ips {
                builder = builder.tcp(SocketAddr::new(*ip, port));
            }
        }
        #[cfg(unix)]
        if let Some((path, mode)) = &self.unix_socket {
            builder = builder.unix(path, *mode);
        }
        builder.listen().await
    }

    /// The addresses to bind, without those that may be missing and are.
    fn present_ips(&self) -> Vec<IpAddr> {
        let is_present = |ip| TcpListener::bind(SocketAddr::new(ip, 0)).is_ok();
        let present = self
            .bind
            .iter()
            .filter(|bind| !bind.optional || is_present(bind.ip));
        present.map(|bind| bind.ip).collect()
    }
}

impl PortChoice {
    /// The port that was taken instead of the default one, if that was not free.
    pub(crate) fn taken(self, server: &Server) -> Option<u16> {
        let port = port_of(server)?;
        (self == PortChoice::From(DEFAULT_PORT) && port != DEFAULT_PORT).then_some(port)
    }
}

/// The TCP port of a server.
fn port_of(server: &Server) -> Option<u16> {
    server.addresses().iter().find_map(|address| match address {
        Address::Tcp(address) => Some(address.port()),
        _ => None,
    })
}

fn explain(error: &ListenError) -> String {
    let source = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    format!("{error}: {source}")
}

/// A file with this process' id, removed at the end.
struct PidFile<'a>(&'a Path);

impl PidFile<'_> {
    fn write(path: &Path) -> Result<PidFile<'_>, String> {
        let failed = |error| format!("cannot write {}: {error}", path.display());
        std::fs::write(path, format!("{}\n", std::process::id())).map_err(failed)?;
        Ok(PidFile(path))
    }
}

impl Drop for PidFile<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}

/// Ends a runtime without waiting for threads that a command keeps.
pub(crate) fn end(runtime: Runtime) {
    const GRACE: Duration = Duration::from_millis(100);
    runtime.shutdown_timeout(GRACE);
}
