//! A standalone server, which is also what larger deployments are made of.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::address::Address;
use crate::binary::{ServerBinary, ServerError};
use crate::connection::RawConnection;
use crate::deadline::poll;
use crate::port::{free_ports, local};
use crate::process::Process;
use crate::reply::Reply;

/// How long a server may take to answer, or to end after SIGTERM.
const DEADLINE: Duration = Duration::from_secs(20);

/// How often fresh ports are tried when another process was quicker to take the last ones.
const PORT_ATTEMPTS: usize = 5;

/// What is asked of the system when the server is to be found by its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listen {
    Unix,
    FreePort,
    Port(u16),
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct ServerBuilder {
    binary: ServerBinary,
    args: Vec<String>,
    listen: Listen,
    directory: Option<PathBuf>,
    password: Option<String>,
    /// The lines of its configuration file, which the server may rewrite.
    pub(crate) config: Vec<String>,
    /// Whether it is a sentinel, which stores no data.
    pub(crate) is_sentinel: bool,
    /// What it is told each time it has started. What it does not understand is left.
    pub(crate) greeting: Vec<Vec<String>>,
    /// What it is in its deployment.
    pub(crate) role: String,
}

impl ServerBuilder {
    /// Adds an argument, as on redis-server's command line.
    pub fn arg(mut self, arg: impl Into<String>) -> ServerBuilder {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> ServerBuilder {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Listens on a free port of 127.0.0.1 instead of a unix socket.
    pub fn tcp(mut self) -> ServerBuilder {
        self.listen = Listen::FreePort;
        self
    }

    /// Listens on this port of 127.0.0.1 instead of a unix socket.
    pub fn port(mut self, port: u16) -> ServerBuilder {
        self.listen = Listen::Port(port);
        self
    }

    /// Demands a password. It stands in the server's URL, and its own connections give it.
    pub fn password(mut self, password: impl Into<String>) -> ServerBuilder {
        self.password = Some(password.into());
        self
    }

    /// Works in this directory, which is made if need be and stays when the server goes.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> ServerBuilder {
        self.directory = Some(directory.into());
        self
    }

    /// Starts the server and returns when it answers.
    pub fn start(self) -> Result<Server, ServerError> {
        match self.listen {
            Listen::FreePort => on_free_ports(1, |ports| {
                Server::launch(self.clone(), Address::Tcp(local(ports[0])))
            }),
            Listen::Port(port) => Server::launch(self, Address::Tcp(local(port))),
            Listen::Unix => {
                let directory = Directory::prepare(&self.directory)?;
                let address = Address::Unix(directory.path().join("socket"));
                Server::launch_in(self, directory, address)
            }
        }
    }

    /// Starts all of them at once and returns when all of them answer. They must have been given
    /// ports.
    pub(crate) fn start_all(builders: Vec<ServerBuilder>) -> Result<Vec<Server>, ServerError> {
        let mut servers = Vec::with_capacity(builders.len());
        for builder in builders {
            let Listen::Port(port) = builder.listen else {
                return Err(io::Error::other("a server of a deployment without a port").into());
            };
            let directory = Directory::prepare(&builder.directory)?;
            servers.push(Server::spawned(
                builder,
                directory,
                Address::Tcp(local(port)),
            )?);
        }
        for server in &mut servers {
            server.wait_until_ready()?;
            server.log_at_start = server.log().len();
        }
        Ok(servers)
    }
}

/// Starts something on free ports. They are free when we look and may be taken when it binds them;
/// then others are tried.
pub(crate) fn on_free_ports<T>(
    count: usize,
    mut start: impl FnMut(&[u16]) -> Result<T, ServerError>,
) -> Result<T, ServerError> {
    let mut attempt = 1;
    loop {
        match start(&free_ports(count)?) {
            Err(ServerError::NotReady { log, .. })
                if attempt < PORT_ATTEMPTS && log.contains("Address already in use") =>
            {
                attempt += 1;
            }
            other => return other,
        }
    }
}

/// A standalone server in a child process. Dropping it kills it.
///
/// When the thread that drops it is panicking, what the server has logged since it was ready is
/// printed to standard error.
#[derive(Debug)]
pub struct Server {
    builder: ServerBuilder,
    // Before the directory, so that nobody works there when it is removed.
    process: Option<Process>,
    directory: Directory,
    address: Address,
    paused: AtomicBool,
    /// How long the log was when the server was first ready.
    log_at_start: usize,
}

impl Server {
    /// The server in `PATH`, to be started. The error says what to install.
    pub fn from_path() -> Result<ServerBuilder, ServerError> {
        Ok(Server::builder(ServerBinary::from_path()?))
    }

    /// A given server, to be started.
    pub fn builder(binary: ServerBinary) -> ServerBuilder {
        ServerBuilder {
            binary,
            args: Vec::new(),
            listen: Listen::Unix,
            directory: None,
            password: None,
            config: Vec::new(),
            is_sentinel: false,
            greeting: Vec::new(),
            role: String::new(),
        }
    }

    /// The binary it runs.
    pub fn binary(&self) -> &ServerBinary {
        &self.builder.binary
    }

    /// Where it listens; the same after a restart.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Where it listens, as a URL, with its password if it has one.
    pub fn url(&self) -> String {
        self.address.url_with(self.password())
    }

    /// Its working directory. A temporary one is gone when the value is dropped.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// A new connection, logged in if the server was given a password.
    pub fn connect(&self) -> io::Result<RawConnection> {
        let mut connection = RawConnection::open(&self.address)?;
        if let Some(password) = self.password() {
            match connection.call(&["AUTH", password])? {
                Reply::Error(text) => return Err(io::Error::other(String::from_utf8_lossy(&text))),
                _ => return Ok(connection),
            }
        }
        Ok(connection)
    }

    /// Runs one command over a connection of its own. An error reply is an error.
    pub fn call<A: AsRef<[u8]>>(&self, command: &[A]) -> Result<Reply, ServerError> {
        let mut connection = self.connect()?;
        let reply = connection.call(command)?;
        match &reply {
            Reply::Error(text) => Err(ServerError::Refused {
                server: self.to_string(),
                command: command
                    .iter()
                    .map(|word| word.as_ref().escape_ascii().to_string())
                    .collect::<Vec<_>>()
                    .join(" "),
                text: String::from_utf8_lossy(text).into_owned(),
            }),
            _ => Ok(reply),
        }
    }

    /// What it has written to standard output and standard error, over all restarts.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_else(|error| format!("(no log: {error})"))
    }

    /// The file that its log is written to.
    pub fn log_path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Whether the process is there. A paused one is.
    pub fn is_running(&mut self) -> bool {
        match &mut self.process {
            Some(process) => matches!(process.ended(), Ok(None)),
            None => false,
        }
    }

    /// Whether it was started and neither killed, stopped nor paused since.
    pub(crate) fn is_meant_to_answer(&self) -> bool {
        self.process.is_some() && !self.paused.load(Ordering::Relaxed)
    }

    /// Kills it with SIGKILL and waits until it is gone. Killing twice does nothing.
    pub fn kill(&mut self) {
        self.process = None;
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Asks it to shut down with SIGTERM and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus, ServerError> {
        let Some(process) = &mut self.process else {
            return Ok(ExitStatus::from_raw(0));
        };
        match process.stop(DEADLINE)? {
            Some(status) => {
                self.kill();
                Ok(status)
            }
            None => Err(self.not_ready("it did not end after SIGTERM".to_owned())),
        }
    }

    /// Stops the process where it is with SIGSTOP: it holds its sockets and answers nothing.
    pub fn pause(&self) -> Result<(), ServerError> {
        self.signal(Signal::STOP)?;
        self.paused.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Lets a paused process go on.
    pub fn resume(&self) -> Result<(), ServerError> {
        self.signal(Signal::CONT)?;
        self.paused.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Starts it again at the same address and in the same directory; kills it first if it runs.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.kill();
        self.spawn()?;
        self.wait_until_ready()
    }

    fn launch(builder: ServerBuilder, address: Address) -> Result<Server, ServerError> {
        let directory = Directory::prepare(&builder.directory)?;
        Server::launch_in(builder, directory, address)
    }

    fn launch_in(
        builder: ServerBuilder,
        directory: Directory,
        address: Address,
    ) -> Result<Server, ServerError> {
        let mut server = Server::spawned(builder, directory, address)?;
        server.wait_until_ready()?;
        server.log_at_start = server.log().len();
        Ok(server)
    }

    fn spawned(
        builder: ServerBuilder,
        directory: Directory,
        address: Address,
    ) -> Result<Server, ServerError> {
        let mut server = Server {
            builder,
            process: None,
            directory,
            address,
            paused: AtomicBool::new(false),
            log_at_start: 0,
        };
        server.write_config()?;
        server.spawn()?;
        Ok(server)
    }

    /// Writes the configuration file, unless an earlier run has left one.
    fn write_config(&self) -> io::Result<()> {
        let path = self.config_path();
        if self.builder.config.is_empty() || path.exists() {
            return Ok(());
        }
        fs::write(path, self.builder.config.join("\n") + "\n")
    }

    fn spawn(&mut self) -> Result<(), ServerError> {
        let path = self.builder.binary.path();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let mut args = Vec::new();
        if !self.builder.config.is_empty() {
            args.push(self.config_path().display().to_string());
        }
        match self.builder.is_sentinel {
            true => args.push("--sentinel".to_owned()),
            false => args.extend(["--save".to_owned(), String::new()]),
        }
        match &self.address {
            Address::Unix(socket) => {
                // A killed server leaves its socket behind, and some refuse to bind it again.
                match fs::remove_file(socket) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(error.into());
                    }
                    _ => {}
                }
                args.extend(["--port", "0", "--unixsocket"].map(str::to_owned));
                args.push(socket.display().to_string());
            }
            Address::Tcp(address) => {
                args.extend(["--port".to_owned(), address.port().to_string()]);
                args.extend(["--bind".to_owned(), address.ip().to_string()]);
            }
        }
        if let Some(password) = self.password() {
            args.extend(["--requirepass".to_owned(), password.to_owned()]);
        }
        args.extend_from_slice(&self.builder.args);
        let directory = self.directory.path();
        let process = Process::spawn(path, &args, directory, self.directory.doomed(), log);
        self.process = Some(process.map_err(|source| ServerError::Spawn {
            path: path.to_owned(),
            source,
        })?);
        Ok(())
    }

    /// Returns when the server answers PING: at once, since each try is made as soon as the last
    /// one has failed, a short pause apart.
    fn wait_until_ready(&mut self) -> Result<(), ServerError> {
        let mut last = String::new();
        let ready = poll(DEADLINE, || {
            match self.answer() {
                Ok(reply) if reply.starts_with(b"-LOADING") => {
                    last = format!("it answered {}", reply.escape_ascii());
                }
                Ok(_) => return Ok(Some(())),
                Err(error) => last = format!("no answer to PING: {error}"),
            }
            let ended = match &mut self.process {
                Some(process) => process.ended()?,
                None => None,
            };
            match ended {
                Some(status) => Err(self.not_ready(format!("it ended with {status}"))),
                None => Ok(None),
            }
        });
        let ready = match ready {
            Ok(Some(())) => self.greet(),
            Ok(None) => Err(self.not_ready(last)),
            Err(error) => Err(error),
        };
        if ready.is_err() {
            self.kill();
        }
        ready
    }

    /// The reply to PING. An error such as NOAUTH is an answer too.
    fn answer(&self) -> io::Result<Vec<u8>> {
        let mut connection = self.connect()?;
        connection.set_deadline(DEADLINE);
        connection.send_command(&["PING"])?;
        let reply = connection.receive_raw()?;
        // Somebody else may have been quicker to take the port; ours will notice and end.
        match self.is_another(&mut connection)? {
            true => Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another process listens there",
            )),
            false => Ok(reply),
        }
    }

    /// Whether the process at the other end says that it is not ours.
    fn is_another(&self, connection: &mut RawConnection) -> io::Result<bool> {
        let info = connection.call(&["INFO", "server"])?;
        let info = String::from_utf8_lossy(info.as_bytes().unwrap_or_default()).into_owned();
        let told = info
            .lines()
            .find_map(|line| line.strip_prefix("process_id:")?.parse::<u32>().ok());
        Ok(told.is_some() && told != self.pid())
    }

    fn greet(&self) -> Result<(), ServerError> {
        if self.builder.greeting.is_empty() {
            return Ok(());
        }
        let mut connection = self.connect()?;
        for command in &self.builder.greeting {
            connection.call(command)?;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        let process = self
            .process
            .as_ref()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the server does not run"))?;
        Ok(process.signal(signal)?)
    }

    fn not_ready(&self, reason: String) -> ServerError {
        let path = self.builder.binary.path().to_owned();
        ServerError::NotReady {
            path,
            reason,
            log: self.log(),
        }
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.builder.password.as_deref()
    }

    fn config_path(&self) -> PathBuf {
        self.directory.path().join("server.conf")
    }

    /// Its port; zero when it has only a unix socket.
    pub(crate) fn port(&self) -> u16 {
        match &self.address {
            Address::Tcp(address) => SocketAddr::port(address),
            Address::Unix(_) => 0,
        }
    }
}

/// A server reads as what it is in its deployment, and where.
impl std::fmt::Display for Server {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let role = match self.builder.role.as_str() {
            "" => "server",
            role => role,
        };
        write!(out, "{role} at {}, {}", self.address, self.builder.binary)
    }
}

impl Drop for Server {
    #[allow(
        clippy::print_stderr,
        reason = "the log of a failed test belongs beside its panic"
    )]
    fn drop(&mut self) {
        self.kill();
        let log = self.log();
        let news = log.get(self.log_at_start..).unwrap_or(&log);
        if std::thread::panicking() && !news.is_empty() {
            eprintln!("log of {self} since it was ready:\n{news}");
        }
    }
}

/// Where a server works.
#[derive(Debug)]
enum Directory {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Directory {
    fn prepare(kept: &Option<PathBuf>) -> io::Result<Directory> {
        match kept {
            None => TempDir::with_prefix("redstart-").map(Directory::Temporary),
            Some(path) => {
                fs::create_dir_all(path)?;
                Ok(Directory::Kept(fs::canonicalize(path)?))
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Directory::Temporary(directory) => directory.path(),
            Directory::Kept(path) => path,
        }
    }

    /// The directory that goes with the server.
    fn doomed(&self) -> Option<&Path> {
        match self {
            Directory::Temporary(directory) => Some(directory.path()),
            Directory::Kept(_) => None,
        }
    }
}
