//! What a redstart-server was asked to be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use redstart_engine::conf::{Directive, Flaw, Line, Reader};
use redstart_engine::{Durability, Engine, Host};

use super::directives;
use super::lines;
use crate::logging::{LogFormat, LogTarget, Logging};
use crate::serving;

/// Everything redis-server's arguments can say and this server obeys.
#[derive(Clone, Debug)]
pub(crate) struct ServerOptions {
    /// Absent when nobody said which.
    pub(crate) port: Option<u16>,
    /// Absent when nobody said where.
    pub(crate) bind: Option<Vec<BindAddress>>,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) unix_socket_mode: Option<u32>,
    pub(crate) tcp_backlog: u32,
    pub(crate) threads: Option<usize>,
    pub(crate) databases: u8,
    /// Whether to refuse what a cluster would.
    pub(crate) cluster_strict: bool,
    pub(crate) debug_command: bool,
    /// Whether data is kept on disk.
    pub(crate) keeps_data: bool,
    /// The working directory, if it was named.
    pub(crate) directory: Option<PathBuf>,
    /// How data is kept there.
    pub(crate) durability: Durability,
    pub(super) save_was_set: bool,
    pub(crate) log_level: LogLevel,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) pid_file: Option<PathBuf>,
    /// Settings that CONFIG SET takes too.
    pub(crate) live: Vec<Line>,
    /// What CONFIG GET shows of the others.
    pub(crate) host: Host,
    /// What was said to be the case, and has to be.
    pub(super) claims: Vec<(&'static Directive, Line)>,
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
            port: None,
            bind: None,
            unix_socket: None,
            unix_socket_mode: None,
            tcp_backlog: 511,
            threads: None,
            databases: 16,
            cluster_strict: false,
            debug_command: false,
            keeps_data: true,
            directory: None,
            durability: Durability::new("."),
            save_was_set: false,
            log_level: LogLevel::Notice,
            log_file: None,
            pid_file: None,
            live: Vec::new(),
            host: Host::new(),
            claims: Vec::new(),
        }
    }
}

impl ServerOptions {
    /// Reads arguments, and the configuration file they may name. Everything that is wrong is
    /// told, not only the first of it.
    pub(crate) fn from_words(words: &[String]) -> Result<ServerOptions, Vec<Flaw>> {
        let mut collected = Collected::new(ServerOptions::default(), lines::file(words));
        lines::read(words, &mut |line| collected.take(line));
        collected.finish()
    }

    /// Reads a configuration file, if there is one, on top of what is the case without it, and
    /// takes the lines after it.
    pub(crate) fn from_file(
        defaults: ServerOptions,
        file: Option<&Path>,
        lines: Vec<Line>,
    ) -> Result<ServerOptions, Vec<Flaw>> {
        let mut collected = Collected::new(defaults, file);
        if let Some(file) = file {
            Reader::default().file(file, &mut |line| collected.take(line));
        }
        lines.into_iter().for_each(|line| collected.take(Ok(line)));
        collected.finish()
    }

    /// Where and how much to log; to a stream unless it is told to use a file.
    pub(crate) fn logging(&self, stream: LogTarget) -> Logging {
        Logging {
            format: LogFormat::Human,
            level: match self.log_level {
                LogLevel::Debug | LogLevel::Verbose => tracing::Level::DEBUG,
                LogLevel::Notice => tracing::Level::INFO,
                LogLevel::Warning => tracing::Level::WARN,
            },
            target: match &self.log_file {
                Some(path) => LogTarget::File(path.clone()),
                None => stream,
            },
        }
    }
}

/// Options while they are read.
struct Collected {
    options: ServerOptions,
    flaws: Vec<Flaw>,
}

impl Collected {
    fn new(mut options: ServerOptions, file: Option<&Path>) -> Collected {
        if let Some(file) = file {
            // Before `dir` changes what a relative path means.
            let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            options.host = options.host.config_file(file);
        }
        Collected {
            options,
            flaws: Vec::new(),
        }
    }

    fn take(&mut self, line: Result<Line, Flaw>) {
        let line = match line {
            Ok(line) => line,
            Err(flaw) => return self.flaws.push(flaw),
        };
        let (origin, shown) = (line.origin.clone(), directives::show(&line));
        if let Err(reason) = directives::apply(&mut self.options, line) {
            self.flaws.push(origin.flaw(&shown, &reason));
        }
    }

    fn finish(mut self) -> Result<ServerOptions, Vec<Flaw>> {
        for (directive, line) in &self.options.claims {
            if let Err(reason) = directives::check(directive, line) {
                self.flaws
                    .push(line.origin.flaw(&directives::show(line), &reason));
            }
        }
        match self.flaws.is_empty() {
            true => Ok(self.options),
            false => Err(self.flaws),
        }
    }
}

/// Hands the engine what it takes at run time as well.
pub(crate) fn configure(engine: &Engine, live: &[Line]) -> Result<(), Vec<Flaw>> {
    let refused = |line: &Line| {
        let reason = serving::configure(engine, &line.name, &line.joined()).err()?;
        Some(line.origin.flaw(&directives::show(line), &reason))
    };
    let flaws: Vec<Flaw> = live.iter().filter_map(refused).collect();
    match flaws.is_empty() {
        true => Ok(()),
        false => Err(flaws),
    }
}
