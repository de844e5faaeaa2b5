//! Every directive of Redis 7.0's redis.conf, and what becomes of it here.

/// A directive and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directive {
    /// In lower case.
    pub name: &'static str,
    /// What becomes of it.
    pub support: Support,
}

/// What becomes of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// The engine obeys it, at the start and by CONFIG SET.
    Engine {
        /// The value it has unless told otherwise, as CONFIG GET shows it.
        default: &'static str,
    },
    /// The program around the engine obeys it, at the start.
    Program {
        /// The value it has unless told otherwise, as CONFIG GET shows it.
        default: &'static str,
        /// Whether it is a text, which configuration files put in quotes.
        is_text: bool,
    },
    /// Another name of a directive, older as a rule.
    Alias(&'static str),
    /// It may say what is the case anyway, and nothing else.
    Only {
        /// The values that are the case.
        accepts: &'static [&'static str],
        /// In which way others are refused.
        refusal: Refusal,
        /// Why.
        why: &'static str,
    },
}

/// In which way a directive is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Redis 7.0 has no such directive either.
    Unknown,
    /// It is about something that does not exist here.
    Meaningless,
    /// It may come.
    NotYet,
}

use Refusal::{Meaningless, NotYet};

impl Directive {
    /// Whether several values may follow it.
    pub fn takes_several(&self) -> bool {
        const NAMES: [&str; 5] = [
            "bind",
            "client-output-buffer-limit",
            "latency-tracking-info-percentiles",
            "oom-score-adj-values",
            "save",
        ];
        NAMES.contains(&self.name)
    }

    /// The name it goes by today.
    pub fn present_name(&self) -> &'static str {
        match self.support {
            Support::Alias(name) => name,
            _ => self.name,
        }
    }
}

impl Support {
    /// Whether a value says what is the case anyway.
    pub fn accepts(&self, value: &[u8]) -> bool {
        let Support::Only { accepts, .. } = self else {
            return false;
        };
        let same = |accepted: &&str| accepted.as_bytes().eq_ignore_ascii_case(value);
        accepts.iter().any(same)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Refusal::Unknown => "unknown",
            Refusal::Meaningless => "meaningless here",
            Refusal::NotYet => "not yet there",
        })
    }
}

/// The directive of that name, in any case.
pub fn find(name: &str) -> Option<&'static Directive> {
    DIRECTIVES
        .iter()
        .find(|directive| directive.name.eq_ignore_ascii_case(name))
}

const fn engine(name: &'static str, default: &'static str) -> Directive {
    let support = Support::Engine { default };
    Directive { name, support }
}

const fn program(name: &'static str, default: &'static str) -> Directive {
    let is_text = false;
    let support = Support::Program { default, is_text };
    Directive { name, support }
}

const fn text(name: &'static str, default: &'static str) -> Directive {
    let is_text = true;
    let support = Support::Program { default, is_text };
    Directive { name, support }
}

const fn alias(name: &'static str, of: &'static str) -> Directive {
    let support = Support::Alias(of);
    Directive { name, support }
}

const fn only(
    name: &'static str,
    accepts: &'static [&'static str],
    refusal: Refusal,
    why: &'static str,
) -> Directive {
    let support = Support::Only {
        accepts,
        refusal,
        why,
    };
    Directive { name, support }
}

const CLUSTER: &str = "it is one process and no cluster node; `memory:?cluster=strict` refuses \
                       what a cluster would";
const CRASH: &str = "it has no crash report of its own; a panic says where it happened";
const DEFRAGMENTATION: &str = "memory is not moved about";
const INCREMENTAL: &str = "how a large file is made safe is not to be chosen yet";
const LAZY: &str = "memory is always given back at once";
const MODULES: &str = "modules of Redis cannot be loaded";
const NO_FORK: &str = "it forks no children";
const PINNING: &str = "threads are not pinned to processors yet";
const REPLICATION: &str = "it follows no primary, and how it feeds a replica is not to be set";
const SIGNALS: &str = "the first signal lets clients finish, the second ends at once";
const STREAMS: &str = "there are no streams yet";
const SYSLOG: &str = "it logs to standard output or a file";
const TITLE: &str = "it leaves its process title alone";
const TLS: &str = "it does not speak TLS yet";
const USERS: &str = "there are no users besides the default one yet";

/// All of them, in groups.
pub const DIRECTIVES: &[Directive] = &[
    // Files.
    only("include", &[], Meaningless, "it is read, never set"),
    only("loadmodule", &[], Meaningless, MODULES),
    // Connections.
    program("bind", "127.0.0.1 -::1"),
    only(
        "bind-source-addr",
        &[""],
        Meaningless,
        "it opens no connections",
    ),
    engine("protected-mode", "yes"),
    program("port", "6379"),
    program("tcp-backlog", "511"),
    text("unixsocket", ""),
    program("unixsocketperm", "0"),
    engine("timeout", "0"),
    engine("tcp-keepalive", "300"),
    only(
        "socket-mark-id",
        &["0"],
        NotYet,
        "sockets are not marked yet",
    ),
    engine("maxclients", "10000"),
    engine("proto-max-bulk-len", "536870912"),
    engine("client-query-buffer-limit", "1073741824"),
    engine(
        "client-output-buffer-limit",
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    ),
    program("io-threads", "1"),
    only(
        "io-threads-do-reads",
        &["no", "yes"],
        Meaningless,
        "every thread reads as well as it writes",
    ),
    // TLS.
    only("tls-port", &["0"], NotYet, TLS),
    only("tls-cert-file", &[""], NotYet, TLS),
    only("tls-key-file", &[""], NotYet, TLS),
    only("tls-key-file-pass", &[""], NotYet, TLS),
    only("tls-client-cert-file", &[""], NotYet, TLS),
    only("tls-client-key-file", &[""], NotYet, TLS),
    only("tls-client-key-file-pass", &[""], NotYet, TLS),
    only("tls-dh-params-file", &[""], NotYet, TLS),
    only("tls-ca-cert-file", &[""], NotYet, TLS),
    only("tls-ca-cert-dir", &[""], NotYet, TLS),
    only("tls-auth-clients", &["yes"], NotYet, TLS),
    only("tls-replication", &["no"], NotYet, TLS),
    only("tls-cluster", &["no"], NotYet, TLS),
    only("tls-protocols", &[""], NotYet, TLS),
    only("tls-ciphers", &[""], NotYet, TLS),
    only("tls-ciphersuites", &[""], NotYet, TLS),
    only("tls-prefer-server-ciphers", &["no"], NotYet, TLS),
    only("tls-session-caching", &["yes"], NotYet, TLS),
    only("tls-session-cache-size", &["20480"], NotYet, TLS),
    only("tls-session-cache-timeout", &["300"], NotYet, TLS),
    // The process.
    only(
        "daemonize",
        &["no"],
        NotYet,
        "it runs in the foreground; a service manager, or `&`, puts it into the background",
    ),
    only(
        "supervised",
        &["no"],
        NotYet,
        "it tells no supervisor that it is ready yet",
    ),
    text("pidfile", ""),
    program("loglevel", "notice"),
    text("logfile", ""),
    only("syslog-enabled", &["no"], NotYet, SYSLOG),
    only("syslog-ident", &["redis"], NotYet, SYSLOG),
    only("syslog-facility", &["local0"], NotYet, SYSLOG),
    only("crash-log-enabled", &["yes", "no"], Meaningless, CRASH),
    only("crash-memcheck-enabled", &["yes", "no"], Meaningless, CRASH),
    only(
        "always-show-logo",
        &["no"],
        Meaningless,
        "it has no logo to show",
    ),
    only("set-proc-title", &["no", "yes"], Meaningless, TITLE),
    only(
        "proc-title-template",
        &["{title} {listen-addr} {server-mode}"],
        Meaningless,
        TITLE,
    ),
    program("databases", "16"),
    engine("hz", "10"),
    only(
        "dynamic-hz",
        &["yes", "no"],
        Meaningless,
        "periodic work takes a bounded time however many clients there are",
    ),
    only("server_cpulist", &[""], NotYet, PINNING),
    only("bio_cpulist", &[""], NotYet, PINNING),
    only("aof_rewrite_cpulist", &[""], Meaningless, NO_FORK),
    only("bgsave_cpulist", &[""], Meaningless, NO_FORK),
    only(
        "ignore-warnings",
        &["", "ARM64-COW-BUG"],
        Meaningless,
        NO_FORK,
    ),
    only(
        "oom-score-adj",
        &["no"],
        NotYet,
        "it leaves the kernel's score of it alone",
    ),
    only(
        "oom-score-adj-values",
        &["0 200 800"],
        NotYet,
        "it leaves the kernel's score of it alone",
    ),
    only("disable-thp", &["yes", "no"], Meaningless, NO_FORK),
    only("shutdown-timeout", &["10"], Meaningless, REPLICATION),
    only("shutdown-on-sigint", &["default"], NotYet, SIGNALS),
    only("shutdown-on-sigterm", &["default"], NotYet, SIGNALS),
    program("enable-debug-command", "no"),
    only("enable-module-command", &["no"], Meaningless, MODULES),
    only(
        "enable-protected-configs",
        &["no"],
        Meaningless,
        "where data lies is settled at the start",
    ),
    // Snapshots.
    engine("save", "3600 1 300 100 60 10000"),
    engine("stop-writes-on-bgsave-error", "yes"),
    engine("rdbcompression", "yes"),
    only(
        "rdbchecksum",
        &["yes"],
        NotYet,
        "snapshots always end in a checksum",
    ),
    only(
        "sanitize-dump-payload",
        &["no", "clients", "yes"],
        Meaningless,
        "payloads are always checked through and through",
    ),
    text("dbfilename", "dump.rdb"),
    only("rdb-del-sync-files", &["no"], Meaningless, REPLICATION),
    only("rdb-save-incremental-fsync", &["yes"], NotYet, INCREMENTAL),
    text("dir", ""),
    // The append-only file.
    engine("appendonly", "no"),
    text("appendfilename", "appendonly.aof"),
    text("appenddirname", "appendonlydir"),
    engine("appendfsync", "everysec"),
    only(
        "no-appendfsync-on-rewrite",
        &["no"],
        NotYet,
        "the log is made safe during a rewrite as at other times",
    ),
    engine("auto-aof-rewrite-percentage", "100"),
    engine("auto-aof-rewrite-min-size", "67108864"),
    engine("aof-load-truncated", "yes"),
    only(
        "aof-use-rdb-preamble",
        &["yes"],
        NotYet,
        "the base of a log is always a snapshot",
    ),
    only(
        "aof-timestamp-enabled",
        &["no"],
        NotYet,
        "the log tells no times yet",
    ),
    only(
        "aof-rewrite-incremental-fsync",
        &["yes"],
        NotYet,
        INCREMENTAL,
    ),
    only(
        "aof-disable-auto-gc",
        &["no"],
        NotYet,
        "files a rewrite has replaced are always removed",
    ),
    // Replication.
    only("replicaof", &["", "no one"], Meaningless, REPLICATION),
    alias("slaveof", "replicaof"),
    only("masterauth", &[""], Meaningless, REPLICATION),
    only("masteruser", &[""], Meaningless, REPLICATION),
    only(
        "replica-serve-stale-data",
        &["yes"],
        Meaningless,
        REPLICATION,
    ),
    alias("slave-serve-stale-data", "replica-serve-stale-data"),
    only("replica-read-only", &["yes"], Meaningless, REPLICATION),
    alias("slave-read-only", "replica-read-only"),
    only("repl-diskless-sync", &["yes"], Meaningless, REPLICATION),
    only("repl-diskless-sync-delay", &["5"], Meaningless, REPLICATION),
    only(
        "repl-diskless-sync-max-replicas",
        &["0"],
        Meaningless,
        REPLICATION,
    ),
    only(
        "repl-diskless-load",
        &["disabled"],
        Meaningless,
        REPLICATION,
    ),
    only(
        "repl-ping-replica-period",
        &["10"],
        Meaningless,
        REPLICATION,
    ),
    alias("repl-ping-slave-period", "repl-ping-replica-period"),
    only("repl-timeout", &["60"], Meaningless, REPLICATION),
    only(
        "repl-disable-tcp-nodelay",
        &["no"],
        Meaningless,
        REPLICATION,
    ),
    only(
        "repl-backlog-size",
        &["1mb", "1048576"],
        Meaningless,
        REPLICATION,
    ),
    only("repl-backlog-ttl", &["3600"], Meaningless, REPLICATION),
    only("replica-priority", &["100"], Meaningless, REPLICATION),
    alias("slave-priority", "replica-priority"),
    only(
        "propagation-error-behavior",
        &["ignore"],
        Meaningless,
        REPLICATION,
    ),
    only(
        "replica-ignore-disk-write-errors",
        &["no"],
        Meaningless,
        REPLICATION,
    ),
    only("replica-announced", &["yes"], Meaningless, REPLICATION),
    only("replica-announce-ip", &[""], Meaningless, REPLICATION),
    alias("slave-announce-ip", "replica-announce-ip"),
    only("replica-announce-port", &["0"], Meaningless, REPLICATION),
    alias("slave-announce-port", "replica-announce-port"),
    only("min-replicas-to-write", &["0"], Meaningless, REPLICATION),
    alias("min-slaves-to-write", "min-replicas-to-write"),
    only("min-replicas-max-lag", &["10"], Meaningless, REPLICATION),
    alias("min-slaves-max-lag", "min-replicas-max-lag"),
    only(
        "replica-ignore-maxmemory",
        &["yes"],
        Meaningless,
        REPLICATION,
    ),
    alias("slave-ignore-maxmemory", "replica-ignore-maxmemory"),
    only("replica-lazy-flush", &["no"], Meaningless, REPLICATION),
    alias("slave-lazy-flush", "replica-lazy-flush"),
    // Security.
    engine("requirepass", ""),
    only("aclfile", &[""], NotYet, USERS),
    only("user", &[], NotYet, USERS),
    only("acllog-max-len", &["128"], NotYet, USERS),
    only("acl-pubsub-default", &["resetchannels"], NotYet, USERS),
    only(
        "rename-command",
        &[],
        NotYet,
        "commands cannot be renamed or taken away yet",
    ),
    only(
        "tracking-table-max-keys",
        &["1000000"],
        NotYet,
        "keys are not tracked for clients yet",
    ),
    // Memory.
    engine("maxmemory", "0"),
    engine("maxmemory-policy", "noeviction"),
    engine("maxmemory-samples", "5"),
    only(
        "maxmemory-eviction-tenacity",
        &["10"],
        NotYet,
        "eviction always works as hard as it has to",
    ),
    only(
        "maxmemory-clients",
        &["0"],
        NotYet,
        "clients are not evicted",
    ),
    engine("lfu-log-factor", "10"),
    engine("lfu-decay-time", "1"),
    only(
        "active-expire-effort",
        &["1"],
        NotYet,
        "keys expire at effort 1",
    ),
    only("lazyfree-lazy-eviction", &["no"], Meaningless, LAZY),
    only("lazyfree-lazy-expire", &["no"], Meaningless, LAZY),
    only("lazyfree-lazy-server-del", &["no"], Meaningless, LAZY),
    only("lazyfree-lazy-user-del", &["no"], Meaningless, LAZY),
    only("lazyfree-lazy-user-flush", &["no"], Meaningless, LAZY),
    only("activedefrag", &["no"], Meaningless, DEFRAGMENTATION),
    only(
        "active-defrag-ignore-bytes",
        &["100mb", "104857600"],
        Meaningless,
        DEFRAGMENTATION,
    ),
    only(
        "active-defrag-threshold-lower",
        &["10"],
        Meaningless,
        DEFRAGMENTATION,
    ),
    only(
        "active-defrag-threshold-upper",
        &["100"],
        Meaningless,
        DEFRAGMENTATION,
    ),
    only(
        "active-defrag-cycle-min",
        &["1"],
        Meaningless,
        DEFRAGMENTATION,
    ),
    only(
        "active-defrag-cycle-max",
        &["25"],
        Meaningless,
        DEFRAGMENTATION,
    ),
    only(
        "active-defrag-max-scan-fields",
        &["1000"],
        Meaningless,
        DEFRAGMENTATION,
    ),
    only(
        "jemalloc-bg-thread",
        &["yes", "no"],
        Meaningless,
        "memory comes from the system's allocator",
    ),
    only(
        "activerehashing",
        &["yes", "no"],
        Meaningless,
        "tables grow while they are written to",
    ),
    // Compact forms.
    engine("hash-max-listpack-entries", "512"),
    alias("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    engine("hash-max-listpack-value", "64"),
    alias("hash-max-ziplist-value", "hash-max-listpack-value"),
    engine("list-max-listpack-size", "-2"),
    alias("list-max-ziplist-size", "list-max-listpack-size"),
    only(
        "list-compress-depth",
        &["0"],
        NotYet,
        "lists are not compressed",
    ),
    engine("set-max-intset-entries", "512"),
    engine("zset-max-listpack-entries", "128"),
    alias("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    engine("zset-max-listpack-value", "64"),
    alias("zset-max-ziplist-value", "zset-max-listpack-value"),
    engine("hll-sparse-max-bytes", "3000"),
    only("stream-node-max-bytes", &["4096", "4kb"], NotYet, STREAMS),
    only("stream-node-max-entries", &["100"], NotYet, STREAMS),
    // Scripts.
    engine("busy-reply-threshold", "5000"),
    alias("lua-time-limit", "busy-reply-threshold"),
    // What can be watched.
    engine("slowlog-log-slower-than", "10000"),
    engine("slowlog-max-len", "128"),
    engine("latency-monitor-threshold", "0"),
    engine("latency-tracking", "yes"),
    engine("latency-tracking-info-percentiles", "50 99 99.9"),
    engine("notify-keyspace-events", ""),
    // Clusters.
    only("sentinel", &[], Meaningless, "it is no Sentinel"),
    only("cluster-enabled", &["no"], Meaningless, CLUSTER),
    only("cluster-config-file", &["nodes.conf"], Meaningless, CLUSTER),
    only("cluster-node-timeout", &["15000"], Meaningless, CLUSTER),
    only("cluster-port", &["0"], Meaningless, CLUSTER),
    only(
        "cluster-replica-validity-factor",
        &["10"],
        Meaningless,
        CLUSTER,
    ),
    alias(
        "cluster-slave-validity-factor",
        "cluster-replica-validity-factor",
    ),
    only("cluster-migration-barrier", &["1"], Meaningless, CLUSTER),
    only(
        "cluster-allow-replica-migration",
        &["yes"],
        Meaningless,
        CLUSTER,
    ),
    only(
        "cluster-require-full-coverage",
        &["yes"],
        Meaningless,
        CLUSTER,
    ),
    only("cluster-replica-no-failover", &["no"], Meaningless, CLUSTER),
    alias("cluster-slave-no-failover", "cluster-replica-no-failover"),
    only(
        "cluster-allow-reads-when-down",
        &["no"],
        Meaningless,
        CLUSTER,
    ),
    only(
        "cluster-allow-pubsubshard-when-down",
        &["yes"],
        Meaningless,
        CLUSTER,
    ),
    only("cluster-link-sendbuf-limit", &["0"], Meaningless, CLUSTER),
    only("cluster-announce-hostname", &[""], Meaningless, CLUSTER),
    only(
        "cluster-preferred-endpoint-type",
        &["ip"],
        Meaningless,
        CLUSTER,
    ),
    only("cluster-announce-ip", &[""], Meaningless, CLUSTER),
    only("cluster-announce-port", &["0"], Meaningless, CLUSTER),
    only("cluster-announce-tls-port", &["0"], Meaningless, CLUSTER),
    only("cluster-announce-bus-port", &["0"], Meaningless, CLUSTER),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_once_in_lower_case() {
        let mut names: Vec<_> = DIRECTIVES.iter().map(|directive| directive.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(names.iter().all(|name| *name == name.to_lowercase()));
    }

    #[test]
    fn an_alias_names_a_directive() {
        for directive in DIRECTIVES {
            let present = find(directive.present_name()).unwrap();
            assert!(
                !matches!(present.support, Support::Alias(_)),
                "{}",
                directive.name
            );
        }
    }

    #[test]
    fn what_is_the_case_anyway_is_accepted_in_any_case_of_letters() {
        let support = find("Cluster-Enabled").unwrap().support;
        assert!(support.accepts(b"NO") && !support.accepts(b"yes"));
    }
}
