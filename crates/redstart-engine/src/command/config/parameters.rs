//! The table of parameters.

use std::sync::atomic::AtomicBool;

#[cfg(feature = "durable")]
use super::keeping::{Keeping, Kind};
#[cfg(not(feature = "durable"))]
use super::setting::check_snapshots;
use super::setting::{Number, Setting, Syntax, check_switch};
#[cfg(feature = "durable")]
use crate::durable::Persistence;
use crate::state::Environment;

pub(super) struct Parameter {
    /// In lower case.
    pub(super) name: &'static str,
    pub(super) setting: Setting,
}

const INT: i128 = i32::MAX as i128;
const LONG: i128 = i64::MAX as i128;
const MIB: i128 = 1 << 20;

pub(super) const PARAMETERS: &[Parameter] = &[
    // Memory.
    bytes(
        "maxmemory",
        |env| &env.config.maxmemory,
        0,
        u64::MAX as i128,
    ),
    parameter("maxmemory-policy", Setting::Policy),
    number(
        "maxmemory-samples",
        |env| &env.config.maxmemory_samples,
        1,
        INT,
    ),
    number("lfu-log-factor", |env| &env.config.lfu_log_factor, 0, INT),
    number("lfu-decay-time", |env| &env.config.lfu_decay_time, 0, INT),
    only("maxmemory-clients", "0"),
    only_switch("activedefrag", "no"),
    only_switch("lazyfree-lazy-eviction", "no"),
    only_switch("lazyfree-lazy-expire", "no"),
    only_switch("lazyfree-lazy-server-del", "no"),
    only_switch("lazyfree-lazy-user-del", "no"),
    only_switch("lazyfree-lazy-user-flush", "no"),
    // Compact forms.
    number(
        "hash-max-listpack-entries",
        |env| &env.config.hash_max_listpack_entries,
        0,
        LONG,
    ),
    number(
        "hash-max-ziplist-entries",
        |env| &env.config.hash_max_listpack_entries,
        0,
        LONG,
    ),
    bytes(
        "hash-max-listpack-value",
        |env| &env.config.hash_max_listpack_value,
        0,
        LONG,
    ),
    bytes(
        "hash-max-ziplist-value",
        |env| &env.config.hash_max_listpack_value,
        0,
        LONG,
    ),
    number(
        "zset-max-listpack-entries",
        |env| &env.config.zset_max_listpack_entries,
        0,
        LONG,
    ),
    number(
        "zset-max-ziplist-entries",
        |env| &env.config.zset_max_listpack_entries,
        0,
        LONG,
    ),
    bytes(
        "zset-max-listpack-value",
        |env| &env.config.zset_max_listpack_value,
        0,
        LONG,
    ),
    bytes(
        "zset-max-ziplist-value",
        |env| &env.config.zset_max_listpack_value,
        0,
        LONG,
    ),
    number(
        "set-max-intset-entries",
        |env| &env.config.set_max_intset_entries,
        0,
        LONG,
    ),
    bytes(
        "hll-sparse-max-bytes",
        |env| &env.config.hll_sparse_max_bytes,
        0,
        LONG,
    ),
    number(
        "list-max-listpack-size",
        |env| &env.config.list_max_listpack_size,
        -INT - 1,
        INT,
    ),
    number(
        "list-max-ziplist-size",
        |env| &env.config.list_max_listpack_size,
        -INT - 1,
        INT,
    ),
    only("list-compress-depth", "0"),
    // Connections.
    parameter("requirepass", Setting::Password),
    number(
        "maxclients",
        |env| &env.connections.max_clients,
        1,
        u32::MAX as i128,
    ),
    number("timeout", |env| &env.connections.idle_timeout_s, 0, INT),
    number(
        "tcp-keepalive",
        |env| &env.connections.tcp_keepalive_s,
        0,
        INT,
    ),
    switch("protected-mode", |env| &env.connections.protected_mode),
    bytes(
        "proto-max-bulk-len",
        |env| &env.config.proto_max_bulk_len,
        MIB,
        LONG,
    ),
    bytes(
        "client-query-buffer-limit",
        |env| &env.connections.query_buffer_bytes,
        MIB,
        LONG,
    ),
    parameter("client-output-buffer-limit", Setting::OutputLimits),
    settled("port", |env| env.listening.read().port.to_string()),
    settled("bind", |env| env.listening.read().addresses.clone()),
    settled("unixsocket", |env| env.listening.read().unix_socket.clone()),
    // The work of every moment.
    number(
        "busy-reply-threshold",
        |env| &env.config.busy_reply_threshold_ms,
        0,
        LONG,
    ),
    number(
        "lua-time-limit",
        |env| &env.config.busy_reply_threshold_ms,
        0,
        LONG,
    ),
    parameter(
        "hz",
        Setting::Number {
            at: |env| &env.connections.hz,
            syntax: Syntax::Clamped(1, 500),
            least: 0,
            most: INT,
        },
    ),
    settled("databases", |env| env.options.databases.to_string()),
    settled("enable-debug-command", |env| {
        yes_or_no(env.options.debug_commands)
    }),
    settled("enable-module-command", |_| yes_or_no(false)),
    settled("enable-protected-configs", |_| yes_or_no(false)),
    settled("cluster-enabled", |_| yes_or_no(false)),
    // What is watched.
    number(
        "slowlog-log-slower-than",
        |env| &env.config.slowlog_slower_than_us,
        -1,
        LONG,
    ),
    number(
        "slowlog-max-len",
        |env| &env.config.slowlog_max_len,
        0,
        LONG,
    ),
    number(
        "latency-monitor-threshold",
        |env| &env.latency.threshold_ms,
        0,
        LONG,
    ),
    switch("latency-tracking", |env| &env.config.latency_tracking),
    parameter("latency-tracking-info-percentiles", Setting::Percentiles),
    parameter("notify-keyspace-events", Setting::Notices),
    // How data is kept.
    #[cfg(feature = "durable")]
    keeping("appendonly", "no", Kind::AppendOnly),
    #[cfg(feature = "durable")]
    keeping("appendfsync", "everysec", Kind::AppendFsync),
    #[cfg(feature = "durable")]
    keeping("save", "", Kind::SavePoints),
    #[cfg(feature = "durable")]
    keeping(
        "auto-aof-rewrite-percentage",
        "100",
        Kind::Number {
            at: |durable| durable.rewrite_percentage(),
            syntax: Syntax::Plain,
            most: INT,
        },
    ),
    #[cfg(feature = "durable")]
    keeping(
        "auto-aof-rewrite-min-size",
        "67108864",
        Kind::Number {
            at: |durable| durable.rewrite_min_size(),
            syntax: Syntax::Bytes,
            most: LONG,
        },
    ),
    #[cfg(feature = "durable")]
    keeping(
        "stop-writes-on-bgsave-error",
        "yes",
        Kind::Switch(Persistence::stop_writes_on_error),
    ),
    #[cfg(feature = "durable")]
    keeping("rdbcompression", "yes", Kind::Switch(Persistence::compress)),
    #[cfg(feature = "durable")]
    keeping(
        "aof-load-truncated",
        "yes",
        Kind::Settled(|kept| kept.aof_load_truncated),
    ),
    // What there is not.
    #[cfg(not(feature = "durable"))]
    checked("save", "", check_snapshots),
    #[cfg(not(feature = "durable"))]
    only_switch("appendonly", "no"),
    only("replicaof", ""),
    only("slaveof", ""),
];

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.into()
}

const fn parameter(name: &'static str, setting: Setting) -> Parameter {
    Parameter { name, setting }
}

const fn number(
    name: &'static str,
    at: fn(&Environment) -> &dyn Number,
    least: i128,
    most: i128,
) -> Parameter {
    parameter(
        name,
        Setting::Number {
            at,
            syntax: Syntax::Plain,
            least,
            most,
        },
    )
}

const fn bytes(
    name: &'static str,
    at: fn(&Environment) -> &dyn Number,
    least: i128,
    most: i128,
) -> Parameter {
    parameter(
        name,
        Setting::Number {
            at,
            syntax: Syntax::Bytes,
            least,
            most,
        },
    )
}

const fn switch(name: &'static str, at: fn(&Environment) -> &AtomicBool) -> Parameter {
    parameter(name, Setting::Switch(at))
}

const fn settled(name: &'static str, show: fn(&Environment) -> String) -> Parameter {
    parameter(name, Setting::Settled(show))
}

#[cfg(feature = "durable")]
const fn keeping(name: &'static str, without: &'static str, kind: Kind) -> Parameter {
    parameter(name, Setting::Keeping(Keeping { kind, without }))
}

const fn only(name: &'static str, value: &'static str) -> Parameter {
    checked(name, value, |_| Ok(()))
}

const fn only_switch(name: &'static str, value: &'static str) -> Parameter {
    checked(name, value, check_switch)
}

const fn checked(
    name: &'static str,
    value: &'static str,
    check: fn(&[u8]) -> Result<(), String>,
) -> Parameter {
    parameter(name, Setting::Only { value, check })
}
