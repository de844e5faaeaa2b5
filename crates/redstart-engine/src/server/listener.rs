//! The addresses a server listens on.
//!
//! A unix socket outlives its process when that is killed, and its path then refuses a new
//! server. So a path is taken over when nobody answers there, and refused when somebody does.
//! Redis takes it over in both cases, and the older server is cut off without a word.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(out),
            Address::Unix(path) => path.display().fmt(out),
        }
    }
}

/// A server could not listen where it should.
#[derive(Debug)]
pub struct ListenError {
    address: Address,
    source: io::Error,
}

impl ListenError {
    /// Where.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What kind of failure it was; `AddrInUse` when another server is there.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "cannot listen on {}", self.address)
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// One address that is listened on.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener, SocketAddr),
    #[cfg(unix)]
    Unix(UnixListener, OwnedPath),
}

/// A connection that was accepted.
#[derive(Debug)]
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream, PathBuf),
}

impl Listener {
    /// Listens on an IP address and port; port 0 takes any free one.
    pub(super) fn tcp(wanted: SocketAddr, backlog: u32) -> Result<Listener, ListenError> {
        let listen = || {
            let socket = match wanted.ip() {
                IpAddr::V4(_) => TcpSocket::new_v4()?,
                IpAddr::V6(_) => TcpSocket::new_v6()?,
            };
            if wanted.is_ipv6() {
                // So that the same port can be listened on over IPv4 as well.
                SockRef::from(&socket).set_only_v6(true)?;
            }
            socket.set_reuseaddr(true)?;
            socket.bind(wanted)?;
            socket.listen(backlog)
        };
        let failed = |source| ListenError {
            address: Address::Tcp(wanted),
            source,
        };
        let listener = listen().map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Listener::Tcp(listener, address))
    }

    /// Listens on a unix socket with these permissions, or those that the umask leaves.
    #[cfg(unix)]
    pub(super) async fn unix(
        path: PathBuf,
        mode: Option<u32>,
        backlog: u32,
    ) -> Result<Listener, ListenError> {
        match bind_unix(&path, mode, backlog).await {
            Ok(listener) => {
                let owned = OwnedPath::new(path);
                Ok(Listener::Unix(listener, owned))
            }
            Err(source) => Err(ListenError {
                address: Address::Unix(path),
                source,
            }),
        }
    }

    /// Where this listens, with the port that was given when any would do.
    pub(super) fn address(&self) -> Address {
        match self {
            Listener::Tcp(_, address) => Address::Tcp(*address),
            #[cfg(unix)]
            Listener::Unix(_, owned) => Address::Unix(owned.path.clone()),
        }
    }

    /// The next connection. Cancel safe.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Listener::Tcp(listener, _) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Accepted::Tcp(stream, peer))
            }
            #[cfg(unix)]
            Listener::Unix(listener, owned) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Unix(stream, owned.path.clone()))
            }
        }
    }
}

impl Accepted {
    /// The peer's address and ours, as CLIENT LIST shows them. Redis names the path for both ends
    /// of a unix socket.
    pub(super) fn names(&self) -> (String, String) {
        match self {
            Accepted::Tcp(stream, peer) => {
                let local = stream.local_addr().map(|local| local.to_string());
                (peer.to_string(), local.unwrap_or_default())
            }
            #[cfg(unix)]
            Accepted::Unix(_, path) => {
                let name = format!("{}:0", path.display());
                (name.clone(), name)
            }
        }
    }

    /// Whether the peer is on this machine.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Accepted::Tcp(_, peer) => peer.ip().to_canonical().is_loopback(),
            #[cfg(unix)]
            Accepted::Unix(..) => true,
        }
    }

    /// Small replies leave at once, and a peer that vanished is found out.
    pub(super) fn set_options(&self, keepalive_s: u64) -> io::Result<()> {
        match self {
            Accepted::Tcp(stream, _) => {
                stream.set_nodelay(true)?;
                if keepalive_s > 0 {
                    let interval = Duration::from_secs((keepalive_s / 3).max(1));
                    let keepalive = TcpKeepalive::new()
                        .with_time(Duration::from_secs(keepalive_s))
                        .with_interval(interval)
                        .with_retries(3);
                    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
                }
                Ok(())
            }
            #[cfg(unix)]
            Accepted::Unix(..) => Ok(()),
        }
    }

    /// Tells the peer why it is turned away, as far as that can be done without waiting.
    pub(super) fn refuse(&self, words: &[u8]) {
        // What does not fit into an empty socket buffer would not be read either.
        let _ = match self {
            Accepted::Tcp(stream, _) => stream.try_write(words),
            #[cfg(unix)]
            Accepted::Unix(stream, _) => stream.try_write(words),
        };
    }
}

#[cfg(unix)]
async fn bind_unix(path: &Path, mode: Option<u32>, backlog: u32) -> io::Result<UnixListener> {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            let reason = "a file that is no socket is there";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                tracing::info!(path = %path.display(), "taking over a socket nobody listens on");
                fs::remove_file(path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => {
                let reason = "another server listens there";
                return Err(io::Error::new(io::ErrorKind::AddrInUse, reason));
            }
        }
    }
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    if let Some(mode) = mode {
        // Before listening: nobody connects under wider permissions.
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    socket.listen(backlog)
}

/// A socket's path, removed with its listener unless another server has taken it meanwhile.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct OwnedPath {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

#[cfg(unix)]
impl OwnedPath {
    fn new(path: PathBuf) -> OwnedPath {
        let identity = identity(&path);
        OwnedPath { path, identity }
    }
}

#[cfg(unix)]
impl Drop for OwnedPath {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Device and inode.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    std::fs::symlink_metadata(path)
        .ok()
        .map(|found| (found.dev(), found.ino()))
}
