//! What a redstart-server was asked to be.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::Origin;
use super::directives;
use super::lines;
use crate::logging::{LogFormat, LogTarget, Logging};

/// Everything redis-server's arguments can say and this server obeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerOptions {
    pub(crate) port: u16,
    pub(crate) bind: Vec<BindAddress>,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) unix_socket_mode: Option<u32>,
    pub(crate) tcp_backlog: u32,
    pub(crate) threads: Option<usize>,
    pub(crate) debug_command: bool,
    pub(crate) log_level: LogLevel,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) pid_file: Option<PathBuf>,
    /// Settings that CONFIG SET takes too: name, value, where they were written.
    pub(crate) live: Vec<(String, String, Origin)>,
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BindAddress {
    pub(crate) ip: IpAddr,
    /// Whether a machine that lacks it is no reason to fail.
    pub(crate) optional: bool,
}

/// How much is logged, in redis.conf's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Debug,
    Verbose,
    Notice,
    Warning,
}

impl BindAddress {
    /// The loopback addresses: nobody from outside unless asked for.
    pub(crate) const LOOPBACK: [BindAddress; 2] = [
        BindAddress {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            optional: false,
        },
        BindAddress {
            ip: IpAddr::V6(Ipv6Addr::LOCALHOST),
            optional: true,
        },
    ];

    /// `127.0.0.1`, `::1`, `*` for all of IPv4, `::*` for all of IPv6; with a `-` before it, it
    /// may be missing.
    pub(crate) fn parse(word: &str) -> Option<BindAddress> {
        let (optional, word) = match word.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let ip = match word {
            "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            "::*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            ip => ip.parse().ok()?,
        };
        Some(BindAddress { ip, optional })
    }
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            port: 6379,
            bind: BindAddress::LOOPBACK.to_vec(),
            unix_socket: None,
            unix_socket_mode: None,
            tcp_backlog: 511,
            threads: None,
            debug_command: false,
            log_level: LogLevel::Notice,
            log_file: None,
            pid_file: None,
            live: Vec::new(),
        }
    }
}

impl ServerOptions {
    /// Reads arguments, and the configuration file they may name.
    pub(crate) fn from_words(words: &[String]) -> Result<ServerOptions, OptionError> {
        let mut options = ServerOptions::default();
        for directive in lines::directives(words)? {
            directives::apply(&mut options, &directive)?;
        }
        Ok(options)
    }

    /// Where and how much to log.
    pub(crate) fn logging(&self) -> Logging {
        Logging {
            format: LogFormat::Human,
            level: match self.log_level {
                LogLevel::Debug | LogLevel::Verbose => tracing::Level::DEBUG,
                LogLevel::Notice => tracing::Level::INFO,
                LogLevel::Warning => tracing::Level::WARN,
            },
            target: match &self.log_file {
                Some(path) => LogTarget::File(path.clone()),
                None => LogTarget::StandardOutput,
            },
        }
    }
}

/// An option that cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OptionError(String);

impl OptionError {
    pub(super) fn new(reason: impl Into<String>) -> OptionError {
        OptionError(reason.into())
    }

    /// There is no such option, or Redis has it and this server does not.
    pub(super) fn unknown(name: &str, origin: &Origin) -> OptionError {
        OptionError(format!(
            "{}: not an option of redstart-server (see --help)",
            origin.spell(name)
        ))
    }

    pub(super) fn unbalanced(text: &str) -> OptionError {
        OptionError(format!("a quote is not closed in: {text}"))
    }

    pub(super) fn unreadable(what: &str, error: &io::Error) -> OptionError {
        OptionError(format!("cannot read {what}: {error}"))
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Origin {
    /// A directive as the user wrote it, with the place where that was.
    pub(crate) fn spell(&self, directive: &str) -> String {
        match self {
            Origin::CommandLine if directive.starts_with('-') => directive.to_owned(),
            Origin::CommandLine => format!("--{directive}"),
            Origin::File(path, line) => format!("{}:{line}: {directive}", path.display()),
            Origin::StandardInput(line) => format!("standard input:{line}: {directive}"),
        }
    }
}
