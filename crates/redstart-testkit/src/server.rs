//! A standalone server in a child process that cannot outlive its test.
//!
//! Three things could leave a server behind, and each has its answer. A test that ends or panics
//! drops the [`Server`], which kills the process group. A test runner that is killed drops nothing:
//! therefore the server is started through a shell that first leaves a watcher behind, reading a
//! pipe whose other end only we hold. However we end, the pipe closes, and the watcher kills the
//! group. The shell then becomes the server (`exec`), so the child we know is the server itself.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::address::Address;
use crate::binary::{ServerBinary, ServerError};
use crate::connection::RawConnection;
use crate::deadline::{Deadline, look_again};

/// How long a server may take to answer, or to end after SIGTERM.
const DEADLINE: Duration = Duration::from_secs(20);

/// How often a fresh port is tried when another process was quicker to take the last one.
const PORT_ATTEMPTS: usize = 10;

/// The double parentheses detach the watcher, so that the server does not get it as its child. A
/// line read says that the directory is still needed; the end of the pipe says that nobody is left.
const GUARDED: &str = "directory=$1; shift; exec 3<&0; \
    ( (read -r line <&3 || { kill -s KILL $$; rm -rf -- \"$directory\"; }; kill -s KILL -- -$$) \
        >/dev/null 2>&1 & ); \
    exec \"$@\" 3<&- </dev/null";

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct ServerBuilder {
    binary: ServerBinary,
    args: Vec<String>,
    tcp: bool,
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
        self.tcp = true;
        self
    }

    /// Starts the server and returns when it answers.
    pub fn start(self) -> Result<Server, ServerError> {
        let directory = TempDir::with_prefix("redstart-")?;
        if !self.tcp {
            let address = Address::Unix(directory.path().join("socket"));
            return Server::launch(self, directory, address);
        }
        // The port is free when we look and may be taken when the server binds it.
        let mut attempt = 1;
        loop {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
                .local_addr()?
                .port();
            let address = Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            let directory = TempDir::with_prefix("redstart-")?;
            match Server::launch(self.clone(), directory, address) {
                Err(ServerError::NotReady { log, .. })
                    if attempt < PORT_ATTEMPTS && log.contains("Address already in use") =>
                {
                    attempt += 1;
                }
                other => return other,
            }
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
    directory: TempDir,
    address: Address,
    child: Option<Child>,
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
            tcp: false,
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

    /// Where it listens, as a URL.
    pub fn url(&self) -> String {
        self.address.url()
    }

    /// Its working directory, gone when the value is dropped.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// A new connection.
    pub fn connect(&self) -> io::Result<RawConnection> {
        RawConnection::open(&self.address)
    }

    /// What it has written to standard output and standard error, over all restarts.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_else(|error| format!("(no log: {error})"))
    }

    /// Whether the process is there. A paused one is.
    pub fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => false,
        }
    }

    /// Kills it with SIGKILL and waits until it is gone. Killing twice does nothing.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        // The group first: it also holds the watcher and what the server has forked. Its id cannot
        // have been reused, since the watcher is a member for as long as we hold the pipe.
        let _ = kill_process_group(pid_of(&child), Signal::KILL);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Asks it to shut down with SIGTERM and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus, ServerError> {
        let Some(child) = &mut self.child else {
            return Ok(ExitStatus::from_raw(0));
        };
        kill_process(pid_of(child), Signal::TERM).map_err(io::Error::from)?;
        let until = Deadline::after(DEADLINE);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if until.is_over() {
                return Err(self.not_ready("it did not end after SIGTERM".to_owned()));
            }
            look_again();
        };
        // The watcher is left. It must not take the directory for abandoned.
        if let Some(pipe) = &mut child.stdin {
            pipe.write_all(b"stopped\n")?;
        }
        self.child = None;
        Ok(status)
    }

    /// Stops the process where it is with SIGSTOP: it holds its sockets and answers nothing.
    pub fn pause(&self) -> Result<(), ServerError> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused process go on.
    pub fn resume(&self) -> Result<(), ServerError> {
        self.signal(Signal::CONT)
    }

    /// Starts it again at the same address and in the same directory; kills it first if it runs.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.kill();
        self.spawn()?;
        self.wait_until_ready()
    }

    fn launch(
        builder: ServerBuilder,
        directory: TempDir,
        address: Address,
    ) -> Result<Server, ServerError> {
        let mut server = Server {
            builder,
            directory,
            address,
            child: None,
            log_at_start: 0,
        };
        server.spawn()?;
        server.wait_until_ready()?;
        server.log_at_start = server.log().len();
        Ok(server)
    }

    fn spawn(&mut self) -> Result<(), ServerError> {
        let path = self.builder.binary.path();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", GUARDED, "sh"])
            .arg(self.directory.path())
            .arg(path)
            .args(["--save", ""]);
        match &self.address {
            Address::Unix(socket) => {
                // A killed server leaves its socket behind, and some refuse to bind it again.
                match fs::remove_file(socket) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(error.into());
                    }
                    _ => {}
                }
                command.args(["--port", "0", "--unixsocket"]).arg(socket);
            }
            Address::Tcp(address) => {
                command.arg("--port").arg(address.port().to_string());
                command.arg("--bind").arg(address.ip().to_string());
            }
        }
        let child = command
            .args(&self.builder.args)
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A group of its own: a Ctrl-C meant for the tests does not reach it, the kill does.
            .process_group(0)
            .spawn()
            .map_err(|source| ServerError::Spawn {
                path: path.to_owned(),
                source,
            })?;
        self.child = Some(child);
        Ok(())
    }

    /// Returns when the server answers PING: at once, since each try is made as soon as the last
    /// one has failed, a short pause apart.
    fn wait_until_ready(&mut self) -> Result<(), ServerError> {
        let until = Deadline::after(DEADLINE);
        loop {
            let last = match self.answer() {
                Ok(reply) if !reply.starts_with(b"-LOADING") => return Ok(()),
                Ok(reply) => format!("it answered {}", reply.escape_ascii()),
                Err(error) => format!("no answer to PING: {error}"),
            };
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?,
                None => None,
            };
            if let Some(status) = ended {
                let error = self.not_ready(format!("it ended with {status}"));
                self.kill();
                return Err(error);
            }
            if until.is_over() {
                let error = self.not_ready(last);
                self.kill();
                return Err(error);
            }
            look_again();
        }
    }

    /// The reply to PING. An error such as NOAUTH is an answer too.
    fn answer(&self) -> io::Result<Vec<u8>> {
        let mut connection = self.connect()?;
        connection.set_deadline(DEADLINE);
        connection.send_command(&["PING"])?;
        connection.receive_raw()
    }

    fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        let child = self
            .child
            .as_ref()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the server does not run"))?;
        Ok(kill_process(pid_of(child), signal).map_err(io::Error::from)?)
    }

    fn not_ready(&self, reason: String) -> ServerError {
        let path = self.builder.binary.path().to_owned();
        ServerError::NotReady {
            path,
            reason,
            log: self.log(),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("log")
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
            eprintln!("log of {} since it was ready:\n{news}", self.binary());
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}
