//! The server binaries that tests run against, and what can go wrong in starting one.

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Server;

/// The environment variable that names the servers to test against, `:`-separated.
const SERVERS_VARIABLE: &str = "REDSTART_TEST_SERVERS";

/// What is looked for in `PATH`, in this order.
const NAMES: [&str; 2] = ["redis-server", "valkey-server"];

/// A server binary that exists and has told its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerBinary {
    path: PathBuf,
    version: String,
}

impl ServerBinary {
    /// The first of `redis-server` and `valkey-server` found in `PATH`.
    pub fn from_path() -> Result<ServerBinary, ServerError> {
        NAMES
            .iter()
            .find_map(|name| in_path(Path::new(name)))
            .map_or(Err(ServerError::NotInstalled), ServerBinary::at)
    }

    /// The binary at `path`, asked for its version.
    pub fn at(path: impl Into<PathBuf>) -> Result<ServerBinary, ServerError> {
        let path = path.into();
        let output = Command::new(&path)
            .arg("--version")
            .output()
            .map_err(|source| ServerError::Spawn {
                path: path.clone(),
                source,
            })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().next().unwrap_or_default().trim();
        if !output.status.success() || !line.to_lowercase().contains("server") {
            return Err(ServerError::NotAServer { path });
        }
        // redis-server and valkey-server say `Redis server v=7.0.15 sha=…`, others may be plainer.
        let version = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("v="))
            .unwrap_or_else(|| line.rsplit(' ').next().unwrap_or(line))
            .to_owned();
        Ok(ServerBinary { path, version })
    }

    /// The binary of this name in `PATH`, or at this path if the name has a slash.
    pub fn named(name: impl AsRef<Path>) -> Result<ServerBinary, ServerError> {
        let name = name.as_ref();
        ServerBinary::at(in_path(name).unwrap_or_else(|| name.to_owned()))
    }

    /// Every binary named in `REDSTART_TEST_SERVERS`, by path or by its name in `PATH`, or the one
    /// in `PATH` when the variable is not set. A name that is not a server is an error, so that no
    /// server is skipped silently.
    pub fn all() -> Result<Vec<ServerBinary>, ServerError> {
        match chosen() {
            Some(chosen) => chosen,
            None => Ok(vec![ServerBinary::from_path()?]),
        }
    }

    /// Every binary named in `REDSTART_TEST_SERVERS`, or both redis-server and valkey-server when
    /// the variable is not set and both are in `PATH`.
    pub fn installed() -> Result<Vec<ServerBinary>, ServerError> {
        if let Some(chosen) = chosen() {
            return chosen;
        }
        let found: Vec<_> = NAMES
            .iter()
            .filter_map(|name| in_path(Path::new(name)))
            .collect();
        match found.is_empty() {
            true => Err(ServerError::NotInstalled),
            false => found.into_iter().map(ServerBinary::at).collect(),
        }
    }

    /// Where the binary lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version it told, such as `7.0.15`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// What `REDSTART_TEST_SERVERS` names, if it is set.
fn chosen() -> Option<Result<Vec<ServerBinary>, ServerError>> {
    let list = env::var_os(SERVERS_VARIABLE).filter(|list| !list.is_empty())?;
    Some(env::split_paths(&list).map(ServerBinary::named).collect())
}

/// The first file of this name in the directories of `PATH`.
fn in_path(name: &Path) -> Option<PathBuf> {
    // A name with a slash is a path already, and joining would find it relative to any directory.
    if name.components().count() != 1 {
        return None;
    }
    let directories = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&directories)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

impl fmt::Display for ServerBinary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.path.display(), self.version)
    }
}

/// Why a server could not be found or started.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// Neither redis-server nor valkey-server is in `PATH`.
    NotInstalled,
    /// The binary could not be run at all.
    Spawn {
        /// The binary.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The binary ran, but did not answer `--version` as a server does.
    NotAServer {
        /// The binary.
        path: PathBuf,
    },
    /// The server ended, or did not answer before the deadline.
    NotReady {
        /// The binary.
        path: PathBuf,
        /// What happened instead.
        reason: String,
        /// What it had logged.
        log: String,
    },
    /// A server answered with an error to what it was told.
    Refused {
        /// The server.
        server: String,
        /// What it was told.
        command: String,
        /// What it answered.
        text: String,
    },
    /// The servers of a deployment did not agree before the deadline.
    NotAgreed {
        /// What was amiss when the time was over.
        amiss: Vec<String>,
        /// What the servers had logged.
        logs: String,
    },
    /// Something around the server failed: its directory, its socket, a signal.
    Io(io::Error),
}

impl ServerError {
    pub(crate) fn not_agreed<'a>(
        amiss: Vec<String>,
        servers: impl IntoIterator<Item = &'a Server>,
    ) -> ServerError {
        let logs = servers
            .into_iter()
            .map(|server| format!("{server}:\n{}", server.log()));
        ServerError::NotAgreed {
            amiss,
            logs: logs.collect(),
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerError::NotInstalled => write!(
                out,
                "neither redis-server nor valkey-server is in PATH: install one (Debian and \
                 Ubuntu: `apt-get install redis-server`; macOS: `brew install redis`) or name \
                 binaries in {SERVERS_VARIABLE}, separated by colons"
            ),
            ServerError::Spawn { path, source } => {
                write!(out, "cannot run {}: {source}", path.display())
            }
            ServerError::NotAServer { path } => {
                write!(
                    out,
                    "{} does not answer --version as a server does",
                    path.display()
                )
            }
            ServerError::NotReady { path, reason, log } => {
                write!(
                    out,
                    "{} is not ready: {reason}; its log:\n{log}",
                    path.display()
                )
            }
            ServerError::Refused {
                server,
                command,
                text,
            } => write!(out, "{server} answered {command} with {text}"),
            ServerError::NotAgreed { amiss, logs } => write!(
                out,
                "the servers do not agree: {}; their logs:\n{logs}",
                amiss.join("; ")
            ),
            ServerError::Io(source) => write!(out, "cannot drive the server: {source}"),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServerError::Spawn { source, .. } | ServerError::Io(source) => Some(source),
            _ => None,
        }
    }
}

impl From<io::Error> for ServerError {
    fn from(source: io::Error) -> ServerError {
        ServerError::Io(source)
    }
}
