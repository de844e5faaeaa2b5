//! The configuration that lets everybody know everybody from the start.
//!
//! Sentinels find each other by messages on the primary, and replicas by asking it, which takes them
//! some ten seconds. Told in their configuration, they begin with it.

use super::{Sentinel, SentinelBuilder};
use crate::address::Address;
use crate::binary::ServerError;
use crate::fault_proxy::FaultProxy;
use crate::port::{PEERS, local};
use crate::server::{Server, ServerBuilder};

/// How often sentinels ping, ask and publish, and try to connect again, in milliseconds.
///
/// A replica that was asked longer ago than five pings is none to promote, and replicas of a primary
/// that is gone are asked once a second, come what may: so a ping takes more than a fifth of that.
const HASTE: [(&str, &str); 5] = [
    ("PING-PERIOD", "300"),
    ("INFO-PERIOD", "200"),
    ("ASK-PERIOD", "100"),
    ("PUBLISH-PERIOD", "200"),
    ("MIN-LINK-RECONNECT-PERIOD", "500"),
];

/// How long a failover may take before it is tried again, in milliseconds.
const FAILOVER_TIMEOUT_MS: u64 = 1_500;

impl SentinelBuilder {
    pub(super) fn start_on(&self, ports: &[u16]) -> Result<Sentinel, ServerError> {
        let (servers, sentinels) = ports.split_at(1 + self.replicas);
        let proxies = match self.proxied {
            true => servers
                .iter()
                .map(|port| FaultProxy::sparing(Address::Tcp(local(*port)), PEERS))
                .collect::<Result<Vec<_>, _>>()?,
            false => Vec::new(),
        };
        // Where the servers are found, by clients and by each other.
        let announced: Vec<u16> = match self.proxied {
            true => proxies.iter().map(FaultProxy::port).collect(),
            false => servers.to_vec(),
        };
        let servers: Vec<ServerBuilder> = servers
            .iter()
            .enumerate()
            .map(|(index, port)| self.server(index, *port, &announced))
            .collect();
        let watching: Vec<ServerBuilder> = (0..sentinels.len())
            .map(|index| self.sentinel(index, sentinels, &announced))
            .collect();
        let count = servers.len();
        let mut started = ServerBuilder::start_all(servers.into_iter().chain(watching).collect())?;
        let sentinels = started.split_off(count);
        let deployment = Sentinel {
            name: self.name.clone(),
            servers: started,
            sentinels,
            proxies,
        };
        deployment.wait_until_agreed()?;
        Ok(deployment)
    }

    fn server(&self, index: usize, port: u16, announced: &[u16]) -> ServerBuilder {
        let mut builder = self.with_directory(Server::builder(self.binary.clone()), port);
        // In the file and not on the command line, because sentinels have it rewritten.
        builder.config = vec!["# Rewritten by the sentinels' orders.".to_owned()];
        if index > 0 {
            let primary = announced[0];
            builder
                .config
                .push(format!("replicaof 127.0.0.1 {primary}"));
        }
        builder.role = match index {
            0 => "server 0 (the primary at first)".to_owned(),
            _ => format!("server {index} (a replica at first)"),
        };
        // Synchronizing by a file begins at once, without waiting for more replicas to come.
        builder = builder.args(["--repl-diskless-sync", "no"]);
        if let Some(password) = &self.password {
            builder = builder.password(password).args(["--masterauth", password]);
        }
        if self.proxied {
            builder = builder
                .args(["--replica-announce-ip", "127.0.0.1"])
                .args(["--replica-announce-port", &announced[index].to_string()])
                .args(["--bind-source-addr", &PEERS.to_string()]);
        }
        builder.args(self.args.iter().cloned())
    }

    fn sentinel(&self, index: usize, sentinels: &[u16], announced: &[u16]) -> ServerBuilder {
        let port = sentinels[index];
        let mut builder = self.with_directory(Server::builder(self.binary.clone()), port);
        builder.is_sentinel = true;
        builder.role = format!("sentinel {index}");
        builder.greeting = HASTE
            .iter()
            .map(|(what, period)| {
                ["SENTINEL", "DEBUG", what, period]
                    .map(str::to_owned)
                    .to_vec()
            })
            .collect();
        let name = &self.name;
        let quorum = sentinels.len() / 2 + 1;
        let down_after = self.down_after.as_millis();
        let mut config = vec![
            format!("sentinel myid {}", id_of(port)),
            format!(
                "sentinel monitor {name} 127.0.0.1 {} {quorum}",
                announced[0]
            ),
            format!("sentinel down-after-milliseconds {name} {down_after}"),
            format!("sentinel failover-timeout {name} {FAILOVER_TIMEOUT_MS}"),
            format!("sentinel parallel-syncs {name} {}", self.replicas.max(1)),
        ];
        if let Some(password) = &self.password {
            config.push(format!("sentinel auth-pass {name} {password}"));
        }
        if self.proxied {
            config.push(format!("bind-source-addr {PEERS}"));
            config.push("sentinel announce-ip 127.0.0.1".to_owned());
            config.push(format!("sentinel announce-port {port}"));
        }
        config.extend(
            announced[1..]
                .iter()
                .map(|replica| format!("sentinel known-replica {name} 127.0.0.1 {replica}")),
        );
        config.extend(
            sentinels
                .iter()
                .filter(|other| **other != port)
                .map(|other| {
                    let id = id_of(*other);
                    format!("sentinel known-sentinel {name} 127.0.0.1 {other} {id}")
                }),
        );
        builder.config = config;
        builder
    }

    fn with_directory(&self, builder: ServerBuilder, port: u16) -> ServerBuilder {
        let builder = builder.port(port);
        match &self.directory {
            Some(directory) => builder.directory(directory.join(port.to_string())),
            None => builder,
        }
    }
}

/// The id of the sentinel at a port. Any forty hexadecimal digits will do, if no two are the same.
fn id_of(port: u16) -> String {
    format!("{port:040x}")
}
