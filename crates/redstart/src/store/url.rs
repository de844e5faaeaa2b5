//! Store URLs: which engine, where, with which credentials.
//!
//! An error names the part that is wrong and never repeats its contents: what stands in a URL may
//! be a password, and a password with an unescaped `/` or `@` ends up in any of its parts.

use std::fmt;
use std::path::PathBuf;

/// Where a store's data lives, read from a URL. Formatting it hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    pub(crate) target: Target,
}

/// The engine behind a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Memory(MemoryTarget),
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

/// One Redis or Valkey server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerTarget {
    pub(crate) endpoint: Endpoint,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: u32,
}

/// Where a server listens. Safe to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix { path: PathBuf },
}

/// A URL that does not say where a store lives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is a planned one.
    #[error("scheme: `{scheme}` is not yet supported, use one of {SUPPORTED}")]
    NotYetSupported {
        /// The scheme as written.
        scheme: &'static str,
    },
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
    /// A unix socket's path.
    Path,
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
            UrlPart::Database => "database",
            UrlPart::Query => "query",
        })
    }
}

const SUPPORTED: &str = "memory, redis, redis+unix, valkey, valkey+unix";

/// Schemes of the finished project that do not work yet.
const PLANNED: [&str; 8] = [
    "file",
    "rediss",
    "valkeys",
    "redis+sentinel",
    "valkey+sentinel",
    "redis+cluster",
    "valkey+cluster",
    "rediss+cluster",
];

const DEFAULT_PORT: u16 = 6379;
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
        let target = match scheme {
            "memory" => Target::Memory(parse_memory(rest)?),
            "redis" | "valkey" => Target::Server(parse_tcp(rest)?),
            "redis+unix" | "valkey+unix" => Target::Server(parse_unix(rest)?),
            other => {
                return Err(match PLANNED.iter().find(|planned| **planned == other) {
                    Some(planned) => UrlError::NotYetSupported { scheme: planned },
                    None => wrong(
                        UrlPart::Scheme,
                        "unknown, use one of memory, redis, redis+unix, valkey, valkey+unix",
                    ),
                });
            }
        };
        Ok(StoreUrl { target })
    }

    /// Whether other processes see the same data.
    pub fn is_shared(&self) -> bool {
        matches!(self.target, Target::Server(_))
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
        match &self.endpoint {
            Endpoint::Tcp { host, port } if host.contains(':') => {
                write!(f, "redis://{credentials}[{host}]:{port}/{}", self.database)
            }
            Endpoint::Tcp { host, port } => {
                write!(f, "redis://{credentials}{host}:{port}/{}", self.database)
            }
            Endpoint::Unix { path } => {
                write!(
                    f,
                    "redis+unix://{credentials}{}?db={}",
                    path.display(),
                    self.database
                )
            }
        }
    }
}

impl fmt::Debug for ServerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerTarget({self})")
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

fn parse_memory(rest: &str) -> Result<MemoryTarget, UrlError> {
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
    for (option, value) in options(query) {
        match (option, value) {
            ("cluster", "strict") => cluster_strict = true,
            ("cluster", _) => return Err(wrong(UrlPart::Query, "`cluster` can only be `strict`")),
            _ => {
                return Err(wrong(
                    UrlPart::Query,
                    "the only option of `memory:` is `cluster`",
                ));
            }
        }
    }
    Ok(MemoryTarget {
        name: (!name.is_empty()).then(|| name.to_owned()),
        cluster_strict,
    })
}

fn parse_tcp(rest: &str) -> Result<ServerTarget, UrlError> {
    let rest = rest.strip_prefix("//").ok_or(wrong(
        UrlPart::Host,
        "missing, the scheme is followed by `//host`",
    ))?;
    let (rest, query) = split_query(rest);
    let (authority, database) = match rest.split_once('/') {
        Some((authority, database)) => (authority, database),
        None => (rest, ""),
    };
    if options(query).next().is_some() {
        return Err(wrong(UrlPart::Query, "this scheme takes no options"));
    }
    let (credentials, address) = split_credentials(authority);
    let (username, password) = parse_credentials(credentials)?;
    let (host, port) = parse_address(address)?;
    Ok(ServerTarget {
        endpoint: Endpoint::Tcp { host, port },
        username,
        password,
        database: if database.is_empty() {
            0
        } else {
            parse_database(database)?
        },
    })
}

fn parse_unix(rest: &str) -> Result<ServerTarget, UrlError> {
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
    for (option, value) in options(query) {
        match option {
            "db" => database = parse_database(value)?,
            _ => {
                return Err(wrong(
                    UrlPart::Query,
                    "the only option of this scheme is `db`",
                ));
            }
        }
    }
    let path = unescape(path).ok_or(wrong(UrlPart::Path, BAD_ESCAPE))?;
    Ok(ServerTarget {
        endpoint: Endpoint::Unix {
            path: PathBuf::from(path),
        },
        username,
        password,
        database,
    })
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

fn parse_address(address: &str) -> Result<(String, u16), UrlError> {
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
        None => DEFAULT_PORT,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(wrong(UrlPart::Port, "not a number from 1 to 65535"))?,
    };
    Ok((host, port))
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
mod tests {
    use super::*;

    fn server(url: &str) -> ServerTarget {
        match StoreUrl::parse(url).unwrap().target {
            Target::Server(server) => server,
            Target::Memory(_) => panic!("{url} is a server"),
        }
    }

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn a_server_url_may_leave_out_everything_but_its_host() {
        let target = server("redis://localhost");
        assert_eq!(target.endpoint, tcp("localhost", 6379));
        assert_eq!(
            (target.username, target.password, target.database),
            (None, None, 0)
        );
        assert_eq!(server("valkey://h:1/").database, 0);
    }

    #[test]
    fn credentials_are_unescaped_and_split_at_the_last_at() {
        let target = server("redis://app:p%40ss%2Fw%3a@h:7/3");
        assert_eq!(target.username.as_deref(), Some("app"));
        assert_eq!(target.password.as_deref(), Some("p@ss/w:"));
        assert_eq!((target.endpoint, target.database), (tcp("h", 7), 3));
        assert_eq!(server("redis://:a@b@h").password.as_deref(), Some("a@b"));
        assert_eq!(server("redis://:only@h").username, None);
    }

    #[test]
    fn ipv6_hosts_stand_in_brackets() {
        assert_eq!(server("redis://[::1]:6380/1").endpoint, tcp("::1", 6380));
        assert_eq!(server("redis://[::1]").to_string(), "redis://[::1]:6379/0");
    }

    #[test]
    fn unix_sockets_take_their_database_as_an_option() {
        let target = server("redis+unix:///run/redis/a%20b.sock?db=4");
        assert_eq!(
            target.endpoint,
            Endpoint::Unix {
                path: "/run/redis/a b.sock".into()
            }
        );
        assert_eq!(target.database, 4);
        assert_eq!(
            server("valkey+unix://:pw@/s").password.as_deref(),
            Some("pw")
        );
    }

    #[test]
    fn memory_urls() {
        let memory = |url| match StoreUrl::parse(url).unwrap().target {
            Target::Memory(memory) => (memory.name, memory.cluster_strict),
            Target::Server(_) => panic!("{url} is in memory"),
        };
        assert_eq!(memory("memory:"), (None, false));
        assert_eq!(memory("memory:?cluster=strict"), (None, true));
        assert_eq!(
            memory("memory:jobs?cluster=strict"),
            (Some("jobs".to_owned()), true)
        );
    }

    #[test]
    fn the_wrong_part_is_named() {
        let part = |url: &str| match StoreUrl::parse(url).unwrap_err() {
            UrlError::Part { part, .. } => part,
            other => panic!("{url}: {other}"),
        };
        assert_eq!(part("localhost"), UrlPart::Scheme);
        assert_eq!(part("http://x"), UrlPart::Scheme);
        assert_eq!(part("redis:localhost"), UrlPart::Host);
        assert_eq!(part("redis://"), UrlPart::Host);
        assert_eq!(part("redis://[::1"), UrlPart::Host);
        assert_eq!(part("redis://h:0"), UrlPart::Port);
        assert_eq!(part("redis://h:x"), UrlPart::Port);
        assert_eq!(part("redis://h:1/one"), UrlPart::Database);
        assert_eq!(part("redis://h:1/+1"), UrlPart::Database);
        assert_eq!(part("redis://h:1/1?db=2"), UrlPart::Query);
        assert_eq!(part("redis://app@h"), UrlPart::Password);
        assert_eq!(part("redis://a:%zz@h"), UrlPart::Password);
        assert_eq!(part("redis+unix://host/path"), UrlPart::Host);
        assert_eq!(part("redis+unix://"), UrlPart::Path);
        assert_eq!(part("redis+unix:///s?db=x"), UrlPart::Database);
        assert_eq!(part("memory:a b"), UrlPart::Name);
        assert_eq!(part("memory:?cluster=loose"), UrlPart::Query);
        assert_eq!(part("memory:?x"), UrlPart::Query);
    }

    #[test]
    fn a_planned_scheme_is_refused_by_name() {
        let error = StoreUrl::parse("redis+cluster://a,b,c").unwrap_err();
        assert_eq!(
            error.to_string(),
            "scheme: `redis+cluster` is not yet supported, \
             use one of memory, redis, redis+unix, valkey, valkey+unix"
        );
        assert_eq!(
            StoreUrl::parse("file:./data").unwrap_err(),
            UrlError::NotYetSupported { scheme: "file" }
        );
    }

    #[test]
    fn a_password_is_never_printed() {
        let secret = "hunter2";
        let urls = [
            "redis://app:hunter2@h/1",
            "redis://:hunter2@h:1/1",
            "redis+unix://:hunter2@/s?db=1",
        ];
        for url in urls {
            let parsed = StoreUrl::parse(url).unwrap();
            assert!(!format!("{parsed} {parsed:?}").contains(secret));
        }
        let broken = [
            "hunter2",
            "hunter2:redis://h",
            "redis://:hunter2",
            "redis://:a/hunter2@h",
            "redis://:hunter2@h:hunter2/hunter2?hunter2=hunter2",
            "redis://h/hunter2",
            "redis+unix://hunter2/s",
            "redis+unix:///s?hunter2=hunter2",
            "memory:hunter2 ",
        ];
        for url in broken {
            let error = StoreUrl::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(secret), "{error}");
        }
    }
}
