//! What a server is and what it can do.

use std::fmt;
use std::sync::Arc;

use redstart_protocol::Value;

use super::argument::{Argument, Arguments};
use super::convert::FromValue;
use super::error::{Error, OperationName, Result};
use super::store::{Backend, Store};

const NAME: OperationName = OperationName::named("capabilities");

/// Nothing older is served.
pub(crate) const OLDEST_REDIS: Version = Version::new(7, 0, 0);

impl Store {
    /// What the server is and what it can do; on a cluster, one of its nodes.
    ///
    /// It is asked once a connection, so an answer costs one round trip after a connection was made
    /// and none otherwise. What the server keeps to itself (because of an ACL, or because somebody
    /// manages it) is `None` in the answer and no error.
    ///
    /// # Errors
    ///
    /// When the server does not answer within the store's deadline. Dropping the future loses
    /// nothing.
    pub async fn capabilities(&self) -> Result<Capabilities> {
        match self.backend() {
            #[cfg(feature = "embedded")]
            Backend::Embedded(embedded) => {
                let mut commands = questions();
                commands.insert(0, words(&["HELLO"]));
                let mut replies = embedded.commands(&commands);
                let hello = replies.remove(0);
                Ok(Greeted::read(&hello).complete(&replies))
            }
            Backend::Remote(remote) => {
                let deadline = self.deadline_after(self.deadline());
                remote.capabilities(&NAME, deadline).await
            }
        }
    }
}

/// What a server is and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whose server it is.
    pub server: ServerKind,
    /// Its version; of Valkey its own, and not that of the Redis it stands in for.
    pub version: Option<Version>,
    /// Whether it is a node of a cluster.
    pub cluster: Option<bool>,
    /// What it does when memory is short: `noeviction`, `allkeys-lru` …
    pub eviction: Option<Arc<str>>,
    /// By [`Feature`].
    features: [Option<bool>; Feature::ALL.len()],
}

impl Capabilities {
    /// Whether it has something; `None` if it does not say and its version does not tell.
    pub fn has(&self, feature: Feature) -> Option<bool> {
        self.features[feature as usize]
    }

    /// Refuses to go on without something.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`], unless it is there or nobody knows: then the server will say.
    pub fn require(&self, feature: Feature) -> Result<()> {
        match self.has(feature) {
            Some(false) => Err(Error::Missing {
                operation: NAME,
                needs: feature.missing(),
            }),
            Some(true) | None => Ok(()),
        }
    }

    /// Whether keys without a time to live may vanish when memory is short. State that has to stay
    /// (locks, sessions, queues) does not belong on such a server.
    pub fn evicts_any_key(&self) -> Option<bool> {
        let policy = self.eviction.as_deref()?;
        Some(policy.starts_with("allkeys"))
    }
}

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerKind {
    /// Redis, or something that gives itself out as Redis.
    Redis,
    /// Valkey.
    Valkey,
    /// The engine of this project, embedded or behind its port.
    Redstart,
    /// Another one.
    Other,
}

/// A version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

impl Version {
    /// From its numbers.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Version {
        Version {
            major,
            minor,
            patch,
        }
    }

    /// `7.0.15`; what follows a number (`8.0.0-rc1`) is left out.
    fn parse(text: &str) -> Option<Version> {
        let mut numbers = text.trim().splitn(3, '.').map(|part| {
            let end = part.find(|char: char| !char.is_ascii_digit());
            part[..end.unwrap_or(part.len())].parse().ok()
        });
        let mut next = || numbers.next().flatten();
        Some(Version {
            major: next()?,
            minor: next()?,
            patch: next().unwrap_or(0),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Something that not every server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// CLIENT TRACKING: servers that say which keys have changed.
    ClientTracking,
    /// SSUBSCRIBE and SPUBLISH: channels that live in a slot.
    ShardChannels,
    /// FUNCTION and FCALL: scripts that a server keeps.
    Functions,
    /// HPEXPIRE: times to live of the fields of a hash.
    HashFieldExpiry,
}

impl Feature {
    /// In the order of their numbers.
    const ALL: [Feature; 4] = [
        Feature::ClientTracking,
        Feature::ShardChannels,
        Feature::Functions,
        Feature::HashFieldExpiry,
    ];

    /// The command that a server with it has.
    fn command(self) -> &'static str {
        match self {
            Feature::ClientTracking => "client|tracking",
            Feature::ShardChannels => "ssubscribe",
            Feature::Functions => "fcall",
            Feature::HashFieldExpiry => "hpexpire",
        }
    }

    /// The first versions of Redis and Valkey that have it.
    fn since(self) -> (Version, Version) {
        match self {
            Feature::ClientTracking => (Version::new(6, 0, 0), Version::new(7, 2, 0)),
            Feature::ShardChannels | Feature::Functions => {
                (Version::new(7, 0, 0), Version::new(7, 2, 0))
            }
            Feature::HashFieldExpiry => (Version::new(7, 4, 0), Version::new(9, 0, 0)),
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Feature::ClientTracking => {
                "the server has no client tracking; redis and valkey have it"
            }
            Feature::ShardChannels => {
                "the server has no shard channels; redis 7.0 and valkey 7.2 have them"
            }
            Feature::Functions => "the server has no functions; redis 7.0 and valkey 7.2 have them",
            Feature::HashFieldExpiry => {
                "the server has no expiry of hash fields; redis 7.4 and valkey 9.0 have it"
            }
        }
    }
}

/// What a server says of itself when a connection is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Greeted {
    server: Option<String>,
    version: Option<Version>,
    mode: Option<String>,
}

impl Greeted {
    /// From the reply to HELLO. What is not understood is left out.
    pub(crate) fn read(hello: &Value) -> Greeted {
        let text = |wanted: &str| {
            let Value::Map(pairs) = hello else {
                return None;
            };
            let (_, value) = pairs.iter().find(|(name, _)| is_text(name, wanted))?;
            String::from_value(value.clone()).ok()
        };
        Greeted {
            server: text("server"),
            version: text("version").and_then(|version| Version::parse(&version)),
            mode: text("mode"),
        }
    }

    /// Why it cannot be used, if its version is known to be too old.
    pub(crate) fn too_old(&self) -> Option<String> {
        let version = self.version?;
        let is_redis = self.server.as_deref() == Some("redis");
        (is_redis && version < OLDEST_REDIS).then(|| {
            format!("the server is redis {version}; redis 7.0 or valkey 7.2 or later is needed")
        })
    }

    /// With the replies to [`questions`], some of which may be errors.
    pub(crate) fn complete(&self, replies: &[Value]) -> Capabilities {
        let [info, policy, commands] = replies else {
            return self.complete(&[Value::Null, Value::Null, Value::Null]);
        };
        let info = String::from_value(info.clone()).unwrap_or_default();
        let told = |wanted: &str| {
            let mut fields = info.lines().filter_map(|line| line.split_once(':'));
            let value = fields.find(|(name, _)| *name == wanted)?.1.trim();
            Some(value.to_owned())
        };
        // What stands in for Redis names itself here; Redis does not.
        let name = told("server_name").or_else(|| self.server.clone());
        let server = match name.as_deref() {
            Some("redis") => ServerKind::Redis,
            Some("valkey") => ServerKind::Valkey,
            Some("redstart") => ServerKind::Redstart,
            _ => ServerKind::Other,
        };
        let version = match server {
            ServerKind::Valkey => told("valkey_version"),
            _ => told("redis_version"),
        };
        let version = version.as_deref().and_then(Version::parse).or(self.version);
        let mode = self.mode.clone().or_else(|| told("redis_mode"));
        let policy = Vec::<(String, String)>::from_value(pairs_of(policy)).unwrap_or_default();
        let policy = policy.into_iter().next().map(|(_, value)| value.into());
        Capabilities {
            server,
            version,
            cluster: mode.map(|mode| mode == "cluster"),
            eviction: policy,
            features: features(server, version, commands),
        }
    }
}

/// What is asked once a connection; see [`Greeted::complete`].
pub(crate) fn questions() -> Vec<Arguments> {
    let mut commands = words(&["COMMAND", "INFO"]);
    for feature in Feature::ALL {
        feature.command().append_to(&mut commands);
    }
    vec![
        words(&["INFO", "server"]),
        words(&["CONFIG", "GET", "maxmemory-policy"]),
        commands,
    ]
}

/// What the server says of its commands, or else what its version tells.
fn features(
    server: ServerKind,
    version: Option<Version>,
    commands: &Value,
) -> [Option<bool>; Feature::ALL.len()] {
    let said = match commands {
        Value::Array(items) if items.len() == Feature::ALL.len() => Some(items),
        _ => None,
    };
    Feature::ALL.map(|feature| match (said, server, version) {
        (Some(said), ..) => {
            let absent = matches!(said[feature as usize], Value::Null | Value::NullArray);
            Some(!absent)
        }
        (None, ServerKind::Redis, Some(version)) => Some(version >= feature.since().0),
        (None, ServerKind::Valkey, Some(version)) => Some(version >= feature.since().1),
        _ => None,
    })
}

/// A list of pairs, whichever way a server writes one.
fn pairs_of(reply: &Value) -> Value {
    match reply {
        Value::Map(pairs) => Value::Map(pairs.clone()),
        Value::Array(flat) => Value::Map(
            flat.chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect(),
        ),
        _ => Value::Null,
    }
}

fn is_text(value: &Value, wanted: &str) -> bool {
    matches!(value, Value::Bulk(text) | Value::Simple(text) if text.as_ref() == wanted.as_bytes())
}

fn words(words: &[&str]) -> Arguments {
    let mut command = Arguments::new();
    for word in words {
        word.append_to(&mut command);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(server: &str, version: &str) -> Greeted {
        let pair = |name: &str, value: &str| (Value::bulk(name), Value::bulk(value));
        Greeted::read(&Value::Map(vec![
            pair("server", server),
            pair("version", version),
            (Value::bulk("proto"), Value::Integer(3)),
            pair("mode", "standalone"),
        ]))
    }

    fn told(greeted: &Greeted, info: &str) -> Capabilities {
        let denied = Value::error("NOPERM no permissions");
        greeted.complete(&[Value::bulk(info), denied.clone(), denied])
    }

    #[test]
    fn valkey_is_known_by_its_own_name_and_version() {
        let info = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n";
        for greeted in [hello("redis", "7.2.4"), hello("valkey", "8.1.1")] {
            let capabilities = told(&greeted, info);
            assert_eq!(capabilities.server, ServerKind::Valkey);
            assert_eq!(capabilities.version, Some(Version::new(8, 1, 1)));
            assert_eq!(capabilities.has(Feature::HashFieldExpiry), Some(false));
            assert_eq!(capabilities.has(Feature::ShardChannels), Some(true));
        }
    }

    #[test]
    fn a_version_tells_what_a_server_keeps_to_itself() {
        let redis = told(&hello("redis", "7.4.1"), "");
        assert_eq!(redis.has(Feature::HashFieldExpiry), Some(true));
        assert_eq!((redis.eviction, redis.cluster), (None, Some(false)));
        let redis = told(&hello("redis", "7.0.15"), "redis_version:7.0.15");
        assert_eq!(redis.has(Feature::HashFieldExpiry), Some(false));
        let missing = redis.require(Feature::HashFieldExpiry).unwrap_err();
        assert!(missing.to_string().contains("redis 7.4"), "{missing}");

        let stranger = told(&hello("zorp", "1.0"), "");
        assert_eq!(stranger.server, ServerKind::Other);
        assert_eq!(stranger.has(Feature::Functions), None);
        assert!(stranger.require(Feature::Functions).is_ok());
        let silent = Greeted::read(&Value::Null).complete(&[]);
        assert_eq!((silent.version, silent.cluster), (None, None));
    }

    #[test]
    fn only_what_is_known_to_be_too_old_is_refused() {
        assert!(hello("redis", "6.2.14").too_old().is_some());
        assert!(hello("redis", "7.0.0").too_old().is_none());
        assert!(hello("valkey", "7.2.4").too_old().is_none());
        assert!(hello("zorp", "1.0").too_old().is_none());
        assert!(hello("redis", "unstable").too_old().is_none());
        assert!(Greeted::default().too_old().is_none());
    }

    #[test]
    fn versions_may_have_suffixes_and_lack_a_third_number() {
        assert_eq!(Version::parse("8.0.0-rc1"), Some(Version::new(8, 0, 0)));
        assert_eq!(Version::parse("7.2"), Some(Version::new(7, 2, 0)));
        assert_eq!(Version::parse("seven"), None);
        assert_eq!(Version::parse("99999999.1.1"), None);
    }
}
