//! Where a server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl Address {
    /// The address as a URL that Redis clients understand.
    pub fn url(&self) -> String {
        self.url_with(None)
    }

    /// The same, with a password.
    pub(crate) fn url_with(&self, password: Option<&str>) -> String {
        let login = login(password);
        match self {
            Address::Tcp(address) => format!("redis://{login}{address}"),
            Address::Unix(path) => format!("redis+unix://{login}{}", path.display()),
        }
    }
}

/// What stands before a host in a URL: nothing, or `:password@`.
pub(crate) fn login(password: Option<&str>) -> String {
    let Some(password) = password else {
        return String::new();
    };
    let encoded: String = password
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!(":{encoded}@")
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url())
    }
}
