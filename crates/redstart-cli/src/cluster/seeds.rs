//! The URL of a cluster: where to begin, and with which credentials.

use super::survey::SurveyError;

const DEFAULT_PORT: u16 = 6379;

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seeds {
    /// `host:port`, in the order given.
    pub(super) endpoints: Vec<String>,
    scheme: &'static str,
    /// What stands before the `@`, as it stands there.
    credentials: Option<String>,
}

impl Seeds {
    /// Reads `redis://host:port`, `redis+cluster://user:password@host,host:port` and their kin.
    /// Errors name the part that is wrong, never what it holds: it may be a password.
    pub(super) fn parse(url: &str) -> Result<Seeds, SurveyError> {
        let wrong = |reason: &str| SurveyError::Url(reason.to_owned());
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| wrong("scheme: missing, as in redis://127.0.0.1:7000"))?;
        let scheme = match scheme {
            "redis" | "valkey" | "redis+cluster" | "valkey+cluster" => "redis",
            "rediss" | "valkeys" | "rediss+cluster" | "valkeys+cluster" => "rediss",
            _ => return Err(wrong("scheme: use redis or redis+cluster")),
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials.to_owned()), hosts),
            None => (None, authority),
        };
        let endpoints = hosts.split(',').map(endpoint).collect::<Option<_>>();
        Ok(Seeds {
            endpoints: endpoints
                .ok_or_else(|| wrong("host: use host:port, separated by commas"))?,
            scheme,
            credentials,
        })
    }

    /// The URL of one node, credentials included: not to be shown.
    pub(super) fn url_of(&self, endpoint: &str) -> String {
        let scheme = self.scheme;
        match &self.credentials {
            Some(credentials) => format!("{scheme}://{credentials}@{endpoint}"),
            None => format!("{scheme}://{endpoint}"),
        }
    }
}

/// `host:port` from what a URL has: a name or an address, brackets around an IPv6 one.
fn endpoint(word: &str) -> Option<String> {
    let (host, port) = match word.rsplit_once(':') {
        // The last colon of a lone `[::1]` is part of the address.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().ok()?),
        _ => (word, DEFAULT_PORT),
    };
    let is_address = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    (!host.is_empty() && is_address).then(|| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_keep_hosts_and_credentials() {
        let seeds = Seeds::parse("redis+cluster://app:s3:c%40@a,b:7001,[::1]:7002/0?x=y");
        let seeds = seeds.expect("a url");
        assert_eq!(seeds.endpoints, ["a:6379", "b:7001", "[::1]:7002"]);
        assert_eq!(seeds.url_of("c:1"), "redis://app:s3:c%40@c:1");
        let seeds = Seeds::parse("rediss://h").expect("a url");
        assert_eq!(seeds.url_of(&seeds.endpoints[0]), "rediss://h:6379");
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        for (url, part) in [
            ("localhost:7000", "scheme: missing"),
            ("http://localhost", "scheme: use"),
            ("redis://:secret@", "host: "),
            ("redis://:secret@h:p", "host: "),
            ("redis://::1:7000", "host: "),
        ] {
            let error = Seeds::parse(url).expect_err(url).to_string();
            assert!(
                error.starts_with(part) && !error.contains("secret"),
                "{url}: {error}"
            );
        }
    }
}
