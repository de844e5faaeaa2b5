//! Store URLs: which engine, where, with which credentials.
//!
//! An error names the part that is wrong and never repeats its contents: what stands in a URL may
//! be a password, and a password with an unescaped `/` or `@` ends up in any of its parts.

mod file;

use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use self::file::FileTarget;
pub use self::file::Fsync;
use super::options::{self, Options};
use super::tls::Tls;

/// Where a store's data lives, read from a URL. Formatting it hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    pub(crate) target: Target,
    pub(crate) options: Options,
}

/// The engine behind a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Memory(MemoryTarget),
    File(FileTarget),
    Server(ServerTarget),
}

/// An engine inside this process.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MemoryTarget {
    /// Shared by this name inside the process; private when absent.
    pub(crate) name: Option<String>,
    /// Whether to refuse what a cluster would refuse.
    pub(crate) cluster_strict: bool,
}

/// Redis or Valkey servers, and how to log in to them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerTarget {
    pub(crate) deployment: Deployment,
    /// How to check servers, where that is wanted.
    pub(crate) tls: Option<Tls>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: u32,
}

/// How servers are arranged.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Deployment {
    /// One server, always at the same place.
    One(Endpoint),
    /// A primary whose place is known to sentinels.
    Sentinel(SentinelTarget),
    /// A cluster, some of whose nodes are known.
    Cluster { seeds: Vec<Endpoint> },
}

/// Sentinels, and what they watch over.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SentinelTarget {
    pub(crate) sentinels: Vec<Endpoint>,
    /// The primary's name, as the sentinels know it.
    pub(crate) service: String,
    /// How to log in to the sentinels themselves.
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

/// Where a server listens. Safe to log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix { path: PathBuf },
}

/// A URL that does not say where a store lives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The engine this URL needs was left out of the build.
    #[error("scheme: `{scheme}` needs the feature `{feature}` of redstart")]
    FeatureMissing {
        /// The scheme as written.
        scheme: &'static str,
        /// The feature to turn on.
        feature: &'static str,
    },
    /// One part is wrong.
    #[error("{part}: {reason}")]
    Part {
        /// Which part.
        part: UrlPart,
        /// What is wrong with it; never its contents.
        reason: &'static str,
    },
}

/// A part of a store URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlPart {
    /// Before the first colon.
    Scheme,
    /// After `memory:`.
    Name,
    /// Before the `@`, up to the colon.
    Username,
    /// Before the `@`, after the colon.
    Password,
    /// A server's host.
    Host,
    /// A server's port.
    Port,
    /// A unix socket's path, or a directory's.
    Path,
    /// The name of the primary that sentinels watch over.
    Service,
    /// The database number, in the path or as `db=`.
    Database,
    /// After the question mark.
    Query,
}

impl fmt::Display for UrlPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UrlPart::Scheme => "scheme",
            UrlPart::Name => "name",
            UrlPart::Username => "username",
            UrlPart::Password => "password",
            UrlPart::Host => "host",
            UrlPart::Port => "port",
            UrlPart::Path => "path",
            UrlPart::Service => "service",
            UrlPart::Database => "database",
            UrlPart::Query => "query",
        })
    }
}

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_SENTINEL_PORT: u16 = 26379;
const MAX_URL_BYTES: usize = 4096;
const MAX_NAME_BYTES: usize = 64;

impl StoreUrl {
    /// Reads a URL.
    ///
    /// ```
    /// use redstart::store::StoreUrl;
    ///
    /// let url = StoreUrl::parse("redis://app:s3cret@cache.internal:6380/2").unwrap();
    /// assert_eq!(url.to_string(), "redis://app:***@cache.internal:6380/2");
    /// assert_eq!(
    ///     StoreUrl::parse("redis://cache.internal:99999").unwrap_err().to_string(),
    ///     "port: not a number from 1 to 65535",
    /// );
    /// ```
    pub fn parse(url: &str) -> Result<StoreUrl, UrlError> {
        if url.len() > MAX_URL_BYTES {
            return Err(wrong(
                UrlPart::Scheme,
                "the whole url is longer than 4096 bytes",
            ));
        }
        let (scheme, rest) = url.split_once(':').ok_or(wrong(
            UrlPart::Scheme,
            "missing, a store url starts with one as `memory:` does",
        ))?;
        let (target, options) = match scheme {
            "memory" => parse_memory(rest)?,
            "file" => FileTarget::parse(rest)?,
            "redis" | "valkey" => parse_tcp(rest, None)?,
            "rediss" | "valkeys" => parse_tcp(rest, Some(Tls::new()))?,
            "redis+unix" | "valkey+unix" => parse_unix(rest)?,
            "redis+sentinel" | "valkey+sentinel" => parse_sentinel(rest, None)?,
            "rediss+sentinel" | "valkeys+sentinel" => parse_sentinel(rest, Some(Tls::new()))?,
            "redis+cluster" | "valkey+cluster" => parse_cluster(rest, None)?,
            "rediss+cluster" | "valkeys+cluster" => parse_cluster(rest, Some(Tls::new()))?,
            _ => {
                return Err(wrong(
                    UrlPart::Scheme,
                    "unknown, use one of memory, file, redis, rediss, redis+unix, redis+sentinel, \
                     redis+cluster (or valkey in place of redis)",
                ));
            }
        };
        Ok(StoreUrl { target, options })
    }

    /// Whether other processes see the same data.
    pub fn is_shared(&self) -> bool {
        matches!(self.target, Target::Server(_))
    }

    /// The directory its data is kept in, if it is a `file:` URL, and when it is made safe there.
    pub fn directory(&self) -> Option<(&Path, Fsync)> {
        match &self.target {
            Target::File(file) => Some((&file.directory, file.fsync)),
            Target::Memory(_) | Target::Server(_) => None,
        }
    }

    /// Whether keys of different slots may be in different places, or are treated as if.
    pub(crate) fn is_cluster(&self) -> bool {
        let is_cluster =
            |server: &ServerTarget| matches!(server.deployment, Deployment::Cluster { .. });
        matches!(&self.target, Target::Server(server) if is_cluster(server))
            || self.is_cluster_strict()
    }

    /// Whether it is an embedded store that refuses what a cluster would.
    pub fn is_cluster_strict(&self) -> bool {
        match &self.target {
            Target::Memory(memory) => memory.cluster_strict,
            Target::File(file) => file.cluster_strict,
            Target::Server(_) => false,
        }
    }
}

impl std::str::FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<StoreUrl, UrlError> {
        StoreUrl::parse(url)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Memory(memory) => {
                write!(f, "memory:{}", memory.name.as_deref().unwrap_or_default())?;
                if memory.cluster_strict {
                    f.write_str("?cluster=strict")
                } else {
                    Ok(())
                }
            }
            Target::File(file) => fmt::Display::fmt(file, f),
            Target::Server(server) => fmt::Display::fmt(server, f),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

impl fmt::Display for ServerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.username.as_deref().unwrap_or_default();
        let credentials = match (&self.username, &self.password) {
            (None, None) => String::new(),
            (Some(_), None) => format!("{user}@"),
            (_, Some(_)) => format!("{user}:***@"),
        };
        let database = self.database;
        let redis = if self.tls.is_some() {
            "rediss"
        } else {
            "redis"
        };
        match &self.deployment {
            Deployment::One(endpoint @ Endpoint::Tcp { .. }) => {
                write!(f, "{redis}://{credentials}{endpoint}/{database}")
            }
            Deployment::One(endpoint @ Endpoint::Unix { .. }) => {
                write!(f, "redis+unix://{credentials}{endpoint}?db={database}")
            }
            Deployment::Sentinel(sentinel) => {
                let (addresses, service) = (Listed(&sentinel.sentinels), &sentinel.service);
                write!(
                    f,
                    "{redis}+sentinel://{credentials}{addresses}/{service}/{database}"
                )?;
                let user = sentinel.username.as_deref();
                user.map_or(Ok(()), |user| write!(f, "?sentinel_username={user}"))
            }
            Deployment::Cluster { seeds } => {
                write!(f, "{redis}+cluster://{credentials}{}", Listed(seeds))
            }
        }
    }
}

/// Addresses, separated by commas.
struct Listed<'a>(&'a [Endpoint]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, endpoint) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{endpoint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ServerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerTarget({self})")
    }
}

impl fmt::Debug for SentinelTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SentinelTarget({}/{})",
            Listed(&self.sentinels),
            self.service
        )
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Endpoint::Tcp { host, port } => write!(f, "{host}:{port}"),
            Endpoint::Unix { path } => write!(f, "{}", path.display()),
        }
    }
}

fn wrong(part: UrlPart, reason: &'static str) -> UrlError {
    UrlError::Part { part, reason }
}

/// What a URL comes to.
type Parsed = (Target, Options);

fn parse_memory(rest: &str) -> Result<Parsed, UrlError> {
    let (name, query) = split_query(rest);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.len() > MAX_NAME_BYTES {
        return Err(wrong(UrlPart::Name, "longer than 64 bytes"));
    }
    if !name.bytes().all(allowed) {
        return Err(wrong(
            UrlPart::Name,
            "only letters, digits, `_`, `-` and `.` may stand here",
        ));
    }
    let mut cluster_strict = false;
    let options = Options::read(options(query), false, |option, value| {
        match (option, value) {
            ("cluster", "strict") => cluster_strict = true,
            ("cluster", _) => return Err(wrong(UrlPart::Query, "`cluster` can only be `strict`")),
            _ => {
                return Err(wrong(
                    UrlPart::Query,
                    "the options of `memory:` are `cluster`, `namespace` and `deadline`",
                ));
            }
        }
        Ok(())
    })?;
    let target = MemoryTarget {
        name: (!name.is_empty()).then(|| name.to_owned()),
        cluster_strict,
    };
    Ok((Target::Memory(target), options))
}

fn parse_tcp(rest: &str, mut tls: Option<Tls>) -> Result<Parsed, UrlError> {
    let Authority {
        username,
        password,
        addresses,
        path,
        query,
    } = split_authority(rest)?;
    let options = Options::read(options(query), true, |option, value| {
        tls_option(&mut tls, option, value)
    })?;
    if addresses.contains(',') {
        return Err(wrong(
            UrlPart::Host,
            "more than one; several servers are a `redis+cluster` or a `redis+sentinel`",
        ));
    }
    let target = ServerTarget {
        deployment: Deployment::One(parse_address(addresses, DEFAULT_PORT)?),
        tls,
        username,
        password,
        database: match path {
            "" => 0,
            database => parse_database(database)?,
        },
    };
    Ok((Target::Server(target), options))
}

fn parse_sentinel(rest: &str, mut tls: Option<Tls>) -> Result<Parsed, UrlError> {
    let authority = split_authority(rest)?;
    let (service, database) = authority
        .path
        .split_once('/')
        .unwrap_or((authority.path, ""));
    let service = unescape(service).ok_or(wrong(UrlPart::Service, BAD_ESCAPE))?;
    if service.is_empty() {
        return Err(wrong(
            UrlPart::Service,
            "missing, the addresses are followed by `/name` of the primary",
        ));
    }
    let mut sentinel = SentinelTarget {
        sentinels: parse_addresses(authority.addresses, DEFAULT_SENTINEL_PORT)?,
        service,
        username: None,
        password: None,
    };
    let options = Options::read(options(authority.query), true, |option, value| {
        let (part, into) = match option {
            "sentinel_username" => (UrlPart::Username, &mut sentinel.username),
            "sentinel_password" => (UrlPart::Password, &mut sentinel.password),
            _ => return tls_option(&mut tls, option, value),
        };
        *into = Some(unescape(value).ok_or(wrong(part, BAD_ESCAPE))?);
        Ok(())
    })?;
    let target = ServerTarget {
        deployment: Deployment::Sentinel(sentinel),
        tls,
        username: authority.username,
        password: authority.password,
        database: match database {
            "" => 0,
            database => parse_database(database)?,
        },
    };
    Ok((Target::Server(target), options))
}

fn parse_cluster(rest: &str, mut tls: Option<Tls>) -> Result<Parsed, UrlError> {
    let authority = split_authority(rest)?;
    let options = Options::read(options(authority.query), true, |option, value| {
        tls_option(&mut tls, option, value)
    })?;
    if !matches!(authority.path, "" | "0") {
        return Err(wrong(UrlPart::Database, "a cluster has only database 0"));
    }
    let target = ServerTarget {
        deployment: Deployment::Cluster {
            seeds: parse_addresses(authority.addresses, DEFAULT_PORT)?,
        },
        tls,
        username: authority.username,
        password: authority.password,
        database: 0,
    };
    Ok((Target::Server(target), options))
}

/// Takes an option of TLS, if it is one and somebody asked for TLS.
fn tls_option(tls: &mut Option<Tls>, option: &str, value: &str) -> Result<(), UrlError> {
    let into = match (tls, option) {
        (Some(tls), "ca") => &mut tls.ca,
        (Some(tls), "cert") => &mut tls.cert,
        (Some(tls), "key") => &mut tls.key,
        _ => return Err(wrong(UrlPart::Query, options::UNKNOWN)),
    };
    let path = unescape(value).ok_or(wrong(UrlPart::Query, BAD_ESCAPE))?;
    *into = Some(PathBuf::from(path));
    Ok(())
}

/// What stands behind `//`.
struct Authority<'u> {
    username: Option<String>,
    password: Option<String>,
    addresses: &'u str,
    /// Without the slash before it.
    path: &'u str,
    query: &'u str,
}

fn split_authority(rest: &str) -> Result<Authority<'_>, UrlError> {
    let rest = rest.strip_prefix("//").ok_or(wrong(
        UrlPart::Host,
        "missing, the scheme is followed by `//host`",
    ))?;
    let (rest, query) = split_query(rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, addresses) = split_credentials(authority);
    let (username, password) = parse_credentials(credentials)?;
    Ok(Authority {
        username,
        password,
        addresses,
        path,
        query,
    })
}

fn parse_unix(rest: &str) -> Result<Parsed, UrlError> {
    let rest = rest.strip_prefix("//").ok_or(wrong(
        UrlPart::Path,
        "missing, the scheme is followed by `///path`",
    ))?;
    let (rest, query) = split_query(rest);
    let slash = rest
        .find('/')
        .ok_or(wrong(UrlPart::Path, "missing, it starts with a `/`"))?;
    let (authority, path) = rest.split_at(slash);
    let credentials = match authority.strip_suffix('@') {
        Some(credentials) => Some(credentials),
        None if authority.is_empty() => None,
        None => return Err(wrong(UrlPart::Host, "a unix socket has none")),
    };
    let (username, password) = parse_credentials(credentials)?;
    let mut database = 0;
    let options = Options::read(options(query), true, |option, value| {
        match option {
            "db" => database = parse_database(value)?,
            _ => return Err(wrong(UrlPart::Query, options::UNKNOWN)),
        }
        Ok(())
    })?;
    let path = unescape(path).ok_or(wrong(UrlPart::Path, BAD_ESCAPE))?;
    let target = ServerTarget {
        deployment: Deployment::One(Endpoint::Unix {
            path: PathBuf::from(path),
        }),
        tls: None,
        username,
        password,
        database,
    };
    Ok((Target::Server(target), options))
}

fn split_query(rest: &str) -> (&str, &str) {
    rest.split_once('?').unwrap_or((rest, ""))
}

fn options(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|option| !option.is_empty())
        .map(|option| option.split_once('=').unwrap_or((option, "")))
}

/// The last `@` ends the credentials, so that an unescaped one in a password still works.
fn split_credentials(authority: &str) -> (Option<&str>, &str) {
    match authority.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, authority),
    }
}

fn parse_credentials(
    credentials: Option<&str>,
) -> Result<(Option<String>, Option<String>), UrlError> {
    let Some(credentials) = credentials else {
        return Ok((None, None));
    };
    let (username, password) = match credentials.split_once(':') {
        Some((username, password)) => (username, Some(password)),
        None => (credentials, None),
    };
    let username = unescape(username).ok_or(wrong(UrlPart::Username, BAD_ESCAPE))?;
    let password = match password {
        Some(password) => Some(unescape(password).ok_or(wrong(UrlPart::Password, BAD_ESCAPE))?),
        None if username.is_empty() => None,
        None => return Err(wrong(UrlPart::Password, "missing, a username needs one")),
    };
    Ok(((!username.is_empty()).then_some(username), password))
}

fn parse_addresses(addresses: &str, default_port: u16) -> Result<Vec<Endpoint>, UrlError> {
    addresses
        .split(',')
        .map(|address| parse_address(address, default_port))
        .collect()
}

fn parse_address(address: &str, default_port: u16) -> Result<Endpoint, UrlError> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest
                .split_once(']')
                .ok_or(wrong(UrlPart::Host, "`[` without its `]`"))?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return Err(wrong(UrlPart::Port, "expected `:` after `]`")),
            };
            (host, port)
        }
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let host = unescape(host).ok_or(wrong(UrlPart::Host, BAD_ESCAPE))?;
    if host.is_empty() {
        return Err(wrong(UrlPart::Host, "missing"));
    }
    let port = match port {
        None => default_port,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(wrong(UrlPart::Port, "not a number from 1 to 65535"))?,
    };
    Ok(Endpoint::Tcp { host, port })
}

fn parse_database(database: &str) -> Result<u32, UrlError> {
    let all_digits = database.bytes().all(|byte| byte.is_ascii_digit());
    database
        .parse()
        .ok()
        .filter(|_| all_digits)
        .ok_or(wrong(UrlPart::Database, "not a number from 0"))
}

const BAD_ESCAPE: &str = "`%` must be followed by two hexadecimal digits of a utf-8 text";

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = rest.get(..2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let code = digit(digits[0])? * 16 + digit(digits[1])?;
        bytes.push(u8::try_from(code).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
