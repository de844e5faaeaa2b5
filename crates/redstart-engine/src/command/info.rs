//! INFO: what the engine tells of itself, under Redis' names.
//!
//! What Redis has and this engine has not (a fork, a replica, an allocator of its own) is left out
//! unless clients and tools read it; then it says none.

mod calls;

use std::fmt::Display;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redstart_protocol::Value;

use super::args::is;
use super::connection::REDIS_VERSION;
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, row};
#[cfg(feature = "durable")]
use crate::durable::Purpose;
use crate::keyspace::shard::{Counters, DATABASES};
use crate::state::process;

pub(super) const TABLE: &[Row] = &[row("info", info).all_shards()];

fn info(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let wanted: Vec<&Section> = SECTIONS
        .iter()
        .filter(|section| section.is_among(&args[1..]))
        .collect();

    let mut report = Report::default();
    for section in wanted {
        report.begin(section.title);
        (section.tell)(ctx, &mut report);
    }

    Ok(Value::Verbatim(*b"txt", report.0.into()))
}

/// A part of the report.
struct Section {
    /// What it can be asked for by.
    names: &'static [&'static str],
    title: &'static str,
    /// Whether it is told to those who ask for nothing in particular.
    is_default: bool,
    tell: fn(&Ctx<'_>, &mut Report),
}

/// In Redis' order. Those that tell of every command are told only to those who ask.
const SECTIONS: &[Section] = &[
    section(&["server"], "Server", server),
    section(&["clients"], "Clients", clients),
    section(&["memory"], "Memory", memory),
    section(&["persistence"], "Persistence", persistence),
    section(&["stats"], "Stats", stats),
    section(&["replication"], "Replication", replication),
    section(&["cpu"], "CPU", cpu),
    section(&["modules", "module_list"], "Modules", |_, _| {}),
    on_demand(&["commandstats"], "Commandstats", calls::command_stats),
    section(&["errorstats"], "Errorstats", calls::error_stats),
    on_demand(&["latencystats"], "Latencystats", calls::latency_stats),
    section(&["cluster"], "Cluster", cluster),
    section(&["keyspace"], "Keyspace", keyspace),
];

const fn section(
    names: &'static [&'static str],
    title: &'static str,
    tell: fn(&Ctx<'_>, &mut Report),
) -> Section {
    Section {
        names,
        title,
        is_default: true,
        tell,
    }
}

const fn on_demand(
    names: &'static [&'static str],
    title: &'static str,
    tell: fn(&Ctx<'_>, &mut Report),
) -> Section {
    Section {
        names,
        title,
        is_default: false,
        tell,
    }
}

impl Section {
    fn is_among(&self, asked_for: &[&[u8]]) -> bool {
        let is_asked_for = |asked: &&[u8]| {
            self.names.iter().any(|name| is(asked, name))
                || is(asked, "all")
                || is(asked, "everything")
                || (self.is_default && is(asked, "default"))
        };
        match asked_for {
            [] => self.is_default,
            _ => asked_for.iter().any(is_asked_for),
        }
    }
}

#[derive(Default)]
struct Report(String);

impl Report {
    fn begin(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        self.0.push_str(&format!("# {title}\r\n"));
    }

    fn field(&mut self, name: &str, value: impl Display) {
        self.0.push_str(&format!("{name}:{value}\r\n"));
    }

    fn fields(&mut self, fields: &[(&str, &dyn Display)]) {
        for (name, value) in fields {
            self.field(name, value);
        }
    }

    /// A number of bytes, and the same again for the eye.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.field(&format!("{name}_human"), human(bytes));
    }
}

fn server(ctx: &Ctx<'_>, report: &mut Report) {
    static EXECUTABLE: LazyLock<String> = LazyLock::new(|| {
        std::env::current_exe()
            .map(|path| path.display().to_string())
            .unwrap_or_default()
    });
    let now_us = ctx.space.now_us();
    let uptime_s = now_us.saturating_sub(ctx.env.started_us) / 1_000_000;
    let hz = ctx.env.connections.hz.load(Ordering::Relaxed);
    let host = ctx.env.host.read();
    let config_file = host.file().unwrap_or(Path::new("")).display();
    report.fields(&[
        ("redis_version", &REDIS_VERSION),
        ("server_name", &"redstart"),
        ("redstart_version", &env!("CARGO_PKG_VERSION")),
        ("redis_mode", &"standalone"),
        ("os", &process::system()),
        ("arch_bits", &usize::BITS),
        ("process_id", &std::process::id()),
        ("run_id", &ctx.env.run_id),
        ("tcp_port", &ctx.env.listening.read().port),
        ("server_time_usec", &now_us),
        ("uptime_in_seconds", &uptime_s),
        ("uptime_in_days", &(uptime_s / (24 * 60 * 60))),
        ("hz", &hz),
        ("configured_hz", &hz),
        ("lru_clock", &((now_us / 1_000_000) & 0xFF_FFFF)),
        ("executable", &*EXECUTABLE),
        ("config_file", &config_file),
    ]);
}

fn clients(ctx: &Ctx<'_>, report: &mut Report) {
    report.fields(&[
        ("connected_clients", &ctx.env.registry.len()),
        ("cluster_connections", &0),
        (
            "maxclients",
            &ctx.env.connections.max_clients.load(Ordering::Relaxed),
        ),
        ("blocked_clients", &0),
        ("tracking_clients", &0),
        ("clients_in_timeout_table", &0),
    ]);
}

/// `used_memory` is what `maxmemory` is compared with: keys, values and their tables. The process
/// itself and whatever else lives in it are in `used_memory_rss`, so the ratio of the two, which
/// Redis calls fragmentation, would tell nothing.
fn memory(ctx: &Ctx<'_>, report: &mut Report) {
    let used = ctx.space.memory() as u64;
    let peak = ctx.env.stats.note_memory(used);
    let outboxes = ctx.env.registry.pending_output();
    report.bytes("used_memory", used);
    if let Some(resident) = process::resident_memory() {
        report.bytes("used_memory_rss", resident);
    }
    report.bytes("used_memory_peak", peak);
    report.field("used_memory_peak_perc", Percent(used, peak));
    report.field("used_memory_overhead", 0);
    report.field("used_memory_startup", 0);
    report.field("used_memory_dataset", used);
    report.field("used_memory_dataset_perc", "100.00%");
    if let Some(total) = process::system_memory() {
        report.bytes("total_system_memory", total);
    }
    report.bytes(
        "maxmemory",
        ctx.env.config.maxmemory.load(Ordering::Relaxed),
    );
    report.field("maxmemory_policy", ctx.env.config.policy().name());
    report.fields(&[
        ("mem_not_counted_for_evict", &outboxes),
        ("mem_clients_slaves", &0),
        ("mem_clients_normal", &outboxes),
        ("mem_aof_buffer", &0),
        ("mem_allocator", &"rust"),
        ("active_defrag_running", &0),
        ("lazyfree_pending_objects", &0),
        ("lazyfreed_objects", &0),
    ]);
}

/// What goes on, and how it went. Fields that tell of a forked process say there is none.
#[cfg(feature = "durable")]
fn persistence(ctx: &Ctx<'_>, report: &mut Report) {
    let Some(durable) = &ctx.env.durable else {
        return no_persistence(ctx, report);
    };
    let (saves, now_us) = (durable.saves(), ctx.env.clock.monotonic_us());
    let seconds = |took: Option<u64>| took.map_or(-1, |seconds| seconds as i64);
    let status = |is_ok: bool| if is_ok { "ok" } else { "err" };
    let running_s = |is_it: bool| match saves.running {
        Some((_, since_us)) if is_it => (now_us.saturating_sub(since_us) / 1_000_000) as i64,
        _ => -1,
    };
    let (saving, rewriting) = (saves.is_saving(), saves.is_rewriting());
    let scheduled = |purpose| u8::from(saves.scheduled.contains(&purpose));
    let keys = if saves.running.is_some() {
        saves.keys
    } else {
        0
    };
    report.fields(&[
        ("loading", &u8::from(durable.is_loading())),
        ("async_loading", &0),
        ("current_cow_peak", &0),
        ("current_cow_size", &0),
        ("current_cow_size_age", &0),
        ("current_fork_perc", &"0.00"),
        ("current_save_keys_processed", &keys),
        ("current_save_keys_total", &0),
        ("rdb_changes_since_last_save", &durable.changes()),
        ("rdb_bgsave_in_progress", &u8::from(saving)),
        ("rdb_last_save_time", &saves.last_save_s),
        ("rdb_last_bgsave_status", &status(saves.save.is_ok)),
        ("rdb_last_bgsave_time_sec", &seconds(saves.save.took_s)),
        ("rdb_current_bgsave_time_sec", &running_s(saving)),
        ("rdb_saves", &saves.save.completed),
        ("rdb_last_cow_size", &0),
        ("rdb_last_load_keys_expired", &0),
        ("rdb_last_load_keys_loaded", &durable.loaded()),
        ("aof_enabled", &u8::from(durable.wants_log())),
        ("aof_rewrite_in_progress", &u8::from(rewriting)),
        ("aof_rewrite_scheduled", &scheduled(Purpose::Rewrite)),
        ("aof_last_rewrite_time_sec", &seconds(saves.rewrite.took_s)),
        ("aof_current_rewrite_time_sec", &running_s(rewriting)),
        ("aof_last_bgrewrite_status", &status(saves.rewrite.is_ok)),
        ("aof_rewrites", &saves.rewrite.completed),
        ("aof_rewrites_consecutive_failures", &saves.failures()),
        (
            "aof_last_write_status",
            &status(!durable.journal().is_failed()),
        ),
        ("aof_last_cow_size", &0),
        ("module_fork_in_progress", &0),
        ("module_fork_last_cow_size", &0),
    ]);
    if durable.wants_log() {
        report.fields(&[
            ("aof_current_size", &durable.log_bytes()),
            ("aof_base_size", &durable.rewritten_bytes()),
            ("aof_pending_rewrite", &0),
            ("aof_buffer_length", &durable.journal().pending_bytes()),
            ("aof_pending_bio_fsync", &0),
            ("aof_delayed_fsync", &0),
        ]);
    }
}

#[cfg(not(feature = "durable"))]
fn persistence(ctx: &Ctx<'_>, report: &mut Report) {
    no_persistence(ctx, report);
}

/// What a server without snapshots and without an append-only file says.
fn no_persistence(ctx: &Ctx<'_>, report: &mut Report) {
    report.fields(&[
        ("loading", &0),
        ("async_loading", &0),
        ("rdb_bgsave_in_progress", &0),
        ("rdb_last_save_time", &(ctx.env.started_us / 1_000_000)),
        ("rdb_last_bgsave_status", &"ok"),
        ("rdb_last_bgsave_time_sec", &-1),
        ("rdb_current_bgsave_time_sec", &-1),
        ("aof_enabled", &0),
        ("aof_rewrite_in_progress", &0),
        ("aof_rewrite_scheduled", &0),
        ("aof_last_rewrite_time_sec", &-1),
        ("aof_current_rewrite_time_sec", &-1),
        ("aof_last_bgrewrite_status", &"ok"),
        ("aof_last_write_status", &"ok"),
    ]);
}

fn stats(ctx: &Ctx<'_>, report: &mut Report) {
    let stats = &ctx.env.stats;
    let per_second = stats.per_second();
    let (received, sent) = stats.traffic();
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    let totals = ctx
        .space
        .shards()
        .fold(Counters::default(), |sum, shard| Counters {
            hits: sum.hits + shard.counters.hits,
            misses: sum.misses + shard.counters.misses,
            expired: sum.expired + shard.counters.expired,
            evicted: sum.evicted + shard.counters.evicted,
        });
    let (channels, shard_channels) = ctx.env.pubsub.channels();
    report.fields(&[
        (
            "total_connections_received",
            &ctx.env.registry.total_accepted(),
        ),
        ("total_commands_processed", &calls::total(ctx)),
        ("instantaneous_ops_per_sec", &per_second.commands),
        ("total_net_input_bytes", &received),
        ("total_net_output_bytes", &sent),
        ("total_net_repl_input_bytes", &0),
        ("total_net_repl_output_bytes", &0),
        (
            "instantaneous_input_kbps",
            &kilobytes(per_second.received_bytes),
        ),
        (
            "instantaneous_output_kbps",
            &kilobytes(per_second.sent_bytes),
        ),
        ("rejected_connections", &stats.rejected_connections()),
        ("sync_full", &0),
        ("sync_partial_ok", &0),
        ("sync_partial_err", &0),
        ("expired_keys", &totals.expired),
        ("evicted_keys", &totals.evicted),
        ("evicted_clients", &0),
        ("keyspace_hits", &totals.hits),
        ("keyspace_misses", &totals.misses),
        ("pubsub_channels", &channels),
        ("pubsub_patterns", &ctx.env.pubsub.patterns()),
        ("pubsubshard_channels", &shard_channels),
        ("latest_fork_usec", &0),
        ("total_forks", &0),
        ("migrate_cached_sockets", &0),
        ("tracking_total_keys", &0),
        ("tracking_total_items", &0),
        ("tracking_total_prefixes", &0),
        ("unexpected_error_replies", &0),
        ("total_error_replies", &ctx.env.calls.failures().total),
    ]);
}

/// A master that nobody follows.
fn replication(ctx: &Ctx<'_>, report: &mut Report) {
    report.field("role", "master");
    #[cfg(feature = "durable")]
    let offset = replicas(ctx, report);
    #[cfg(not(feature = "durable"))]
    let offset = {
        report.field("connected_slaves", 0);
        0
    };
    report.fields(&[
        ("master_failover_state", &"no-failover"),
        ("master_replid", &ctx.env.run_id),
        ("master_replid2", &"0".repeat(40)),
        ("master_repl_offset", &offset),
        ("second_repl_offset", &-1),
        ("repl_backlog_active", &0),
        ("repl_backlog_size", &0),
        ("repl_backlog_first_byte_offset", &0),
        ("repl_backlog_histlen", &0),
    ]);
}

/// Those who follow; how far they should be.
#[cfg(feature = "durable")]
fn replicas(ctx: &Ctx<'_>, report: &mut Report) -> u64 {
    let replicas = ctx.env.replicas.all();
    report.field("connected_slaves", replicas.len());
    let now_s = ctx.env.monotonic_s();
    for (index, replica) in replicas.iter().enumerate() {
        let state = match replica.is_online() {
            true => "online",
            false => "send_bulk",
        };
        let line = format!(
            "ip={},port={},state={state},offset={},lag={}",
            replica.ip(),
            replica.port,
            replica.acknowledged(),
            replica.lag_s(now_s),
        );
        report.field(&format!("slave{index}"), line);
    }
    ctx.env.replicas.offset()
}

fn cpu(_: &Ctx<'_>, report: &mut Report) {
    let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
    if let Some((kernel, user)) = process::processor_time() {
        report.field("used_cpu_sys", seconds(kernel));
        report.field("used_cpu_user", seconds(user));
    }
    report.field("used_cpu_sys_children", seconds(Duration::ZERO));
    report.field("used_cpu_user_children", seconds(Duration::ZERO));
}

/// A strict engine refuses what a cluster would, but it is none.
fn cluster(_: &Ctx<'_>, report: &mut Report) {
    report.field("cluster_enabled", 0);
}

/// The mean time to live is not measured; Redis too says zero until it has sampled it.
fn keyspace(ctx: &Ctx<'_>, report: &mut Report) {
    for db in 0..DATABASES {
        let (keys, volatile) = (ctx.space.len(db), ctx.space.volatile_len(db));
        if keys > 0 {
            let line = format_args!("keys={keys},expires={volatile},avg_ttl=0");
            report.field(&format!("db{db}"), line);
        }
    }
}

struct Percent(u64, u64);

impl Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}%", self.0 as f64 * 100.0 / self.1.max(1) as f64)
    }
}

/// Bytes in the largest unit of which there is one.
fn human(bytes: u64) -> String {
    let units = ["K", "M", "G", "T", "P"];
    let power = bytes.checked_ilog2().unwrap_or(0) as usize / 10;
    match power.checked_sub(1).and_then(|power| units.get(power)) {
        None => format!("{bytes}B"),
        Some(unit) => format!("{:.2}{unit}", bytes as f64 / (1u64 << (10 * power)) as f64),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use redstart_protocol::Value;

    use super::human;
    use crate::{Client, Engine, SimulatedClock};

    fn info(client: &mut Client, sections: &[&[u8]]) -> String {
        match client.call(&[&[&b"INFO"[..]], sections].concat()) {
            Value::Verbatim(_, text) => String::from_utf8_lossy(&text).into(),
            other => panic!("no text: {other:?}"),
        }
    }

    #[test]
    fn sections_come_in_order_once_and_unknown_ones_not_at_all() {
        let engine = Engine::builder().build();
        let mut client = engine.connect_embedded();
        let text = info(
            &mut client,
            &[b"nosuch", b"KEYSPACE", b"Cluster", b"keyspace"],
        );
        assert_eq!(text, "# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n");
        assert_eq!(info(&mut client, &[b"nosuch"]), "");
        let titles = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(titles(&info(&mut client, &[])), 11);
        assert_eq!(titles(&info(&mut client, &[b"default"])), 11);
        assert_eq!(titles(&info(&mut client, &[b"everything"])), 13);
    }

    #[test]
    fn figures_are_of_this_engine() {
        let clock = SimulatedClock::new(1_700_000_000_000_000);
        let engine = Engine::builder().clock(clock.clone()).build();
        let mut client = engine.connect_embedded();
        client.call(&[b"SET", b"a", b"1", b"PX", b"500"]);
        client.call(&[b"SET", b"b", b"1", b"EX", b"1000"]);
        client.call(&[b"SELECT", b"2"]);
        client.call(&[b"SET", b"c", b"1"]);
        client.call(&[b"GET", b"c"]);
        client.call(&[b"GET", b"nosuch"]);
        clock.advance(Duration::from_secs(86_400 + 5));
        engine.tick();
        let text = info(&mut client, &[]);
        for line in [
            "redis_version:7.0.15",
            "server_name:redstart",
            "uptime_in_seconds:86405",
            "uptime_in_days:1",
            "connected_clients:1",
            "total_commands_processed:6",
            "keyspace_hits:1",
            "keyspace_misses:1",
            "expired_keys:2",
            "db2:keys=1,expires=0,avg_ttl=0",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in {text}"
            );
        }
        client.call(&[b"CONFIG", b"RESETSTAT"]);
        let text = info(&mut client, &[b"stats"]);
        for line in [
            "keyspace_hits:0",
            "expired_keys:0",
            "total_commands_processed:1",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in {text}"
            );
        }
    }

    #[test]
    fn sizes_for_the_eye() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1_572_864, "1.50M"),
            (1 << 30, "1.00G"),
            (u64::MAX, "18446744073709551615B"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }
}
