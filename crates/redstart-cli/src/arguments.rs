//! What `redstart` can be told on the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::logging::LogFormat;
use crate::output::print_raw;
use crate::redis_server::BindAddress;
use crate::{check, exec, import, serve, tour, welcome};
#[cfg(unix)]
use crate::{cluster, up};

const ABOUT: &str = "Redis patterns in Rust: inside your process, on Redis or Valkey in production";

const LONG_ABOUT: &str = "\
Redis patterns in Rust: they start inside your process and run on Redis or Valkey in production.

Without a command, redstart takes you on a tour of the patterns, measured live on an engine inside \
this process, and then serves that engine to Redis clients until Ctrl-C.

What is served keeps its data in ./redstart-data, in Redis' own files, unless --store says \
otherwise. The engine is for development, tests and single-process applications; it has no \
replication and is no replacement for a Redis or Valkey server.";

const AFTER_HELP: &str = "\
Examples:
  redstart                            The tour, then a server on port 6379
  redstart --once                     The tour alone; status 1 if a claim fails
  redstart serve --port 7000          A server on exactly this port
  redstart serve --config redis.conf  One that is set up by a redis.conf
  redstart serve --store memory:      One that keeps nothing on disk
  redstart serve --store 'memory:?cluster=strict'
                                      One that refuses what a cluster refuses
  redstart exec memory: -- SET greeting hello
  redstart exec redis://127.0.0.1:6379 -- INFO server
  redstart tour --store redis://127.0.0.1:6379
                                      The same tour on a server of yours
  redstart up cluster                 A real cluster of redis-servers, on ports from 7000
  redstart cluster nodes redis://127.0.0.1:7000
                                      What its nodes say, and where they disagree
  redstart completions zsh > ~/.zfunc/_redstart

Exit status:
  0  Done
  1  The server answered with an error, the tour did not keep a claim, or nodes disagree
  2  The command line is wrong
  3  The store cannot be reached

Environment:
  REDSTART_PASSWORD  The password for --requirepass, without showing it in a process list
  NO_COLOR           Set to anything: no colours

To start a server the way redis-server is started, see redstart-server --help.";

/// The command line of `redstart`.
#[derive(Debug, Parser)]
#[command(
    name = "redstart",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = AFTER_HELP,
    styles = STYLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100,
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// End after the tour, with status 1 if one of its claims fails
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    serve: ServeArguments,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().bold())
    .usage(AnsiColor::Cyan.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Yellow.on_default());

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the embedded engine to Redis clients, without the tour
    #[command(long_about = SERVE_ABOUT)]
    Serve(ServeArguments),
    /// Run one command on a store and print its reply as redis-cli does
    #[command(long_about = EXEC_ABOUT)]
    Exec(ExecArguments),
    /// Show what each pattern does, measured live
    #[command(long_about = TOUR_ABOUT)]
    Tour(TourArguments),
    /// Start real servers for development: one, Sentinel or a Cluster
    #[cfg(unix)]
    #[command(long_about = UP_ABOUT)]
    Up(UpArguments),
    /// Look at a cluster: what its nodes say, and where they disagree
    #[cfg(unix)]
    #[command(long_about = CLUSTER_ABOUT, subcommand)]
    Cluster(ClusterCommand),
    /// Bring the data of a Redis or Valkey server into a store, from its files
    #[command(long_about = IMPORT_ABOUT)]
    Import(ImportArguments),
    /// Say whether files of data are sound, without starting a server
    #[command(long_about = CHECK_ABOUT)]
    Check(CheckArguments),
    /// Print a completion script for a shell
    #[command(long_about = COMPLETIONS_ABOUT)]
    Completions {
        /// The shell to complete in
        shell: Shell,
    },
}

const SERVE_ABOUT: &str = "\
Serve the embedded engine to Redis clients, without the tour.

Any Redis client can connect: redis-cli, redis-py, redis-rs, redis-benchmark. The log goes to \
standard error. The first SIGINT or SIGTERM lets clients finish, the second ends at once.

Without --port, port 6379 is taken, or the next free one if somebody listens there. Without \
--store, data is kept in ./redstart-data: an append-only log that is made safe every second.";

const EXEC_ABOUT: &str = "\
Run one command on a store and print its reply.

On a terminal the reply looks as in redis-cli; in a pipe it is the bytes themselves; with --json \
it is one JSON value. The exit status is 1 when the reply is an error.

  redstart exec memory: -- INCR visits
  redstart exec redis://:secret@cache.example:6379/2 -- GET greeting
  redstart exec redis+unix:///run/redis.sock --json -- HGETALL user:1";

const TOUR_ABOUT: &str = "\
Show what each pattern does, measured live, in about five seconds.

Where it can, a line is a race between the snippet that everybody copies and Redstart, over the \
same store. Every line checks what it says; one that does not hold is marked, and the exit status \
is 1.

On a server of yours, the tour works under the keys `redstart-tour:*` and removes them at its end.";

#[cfg(unix)]
const UP_ABOUT: &str = "\
Start real servers for development: one server, a primary with replicas and sentinels, or a cluster.

They are the redis-server or valkey-server that is installed here, listen on 127.0.0.1 only, on the \
port given and those that follow, and are ready when the URL is printed. Their logs follow on \
standard error, each line marked with its server's port. Ctrl-C or SIGTERM ends them all.

  redstart up standalone
  redstart up sentinel --port 7100
  redstart up cluster --dir ./cluster      the same cluster again, next time
  redstart up cluster --server valkey-server";

#[cfg(unix)]
const CLUSTER_ABOUT: &str = "\
Look at a cluster: every node is asked what it believes, and whoever disagrees is named.

The URL names one node or several to begin with: redis://127.0.0.1:7000, or \
redis+cluster://user:password@host,host:7001. The exit status is 1 when nodes disagree, cannot be \
asked or say that the cluster is down, and 3 when no node can be reached.";

const IMPORT_ABOUT: &str = "\
Bring the data of a Redis or Valkey server into a store, from its files.

Reads RDB files of Redis 1.2 to 7.4 and of Valkey up to 8, old encodings included, and append-only \
files, alone or with a manifest. Keys of an RDB file go into the databases they were in and replace \
what has their name; their times to live stay as they were. Commands of an append-only file are \
carried out in their order.

Streams, functions and values of modules are not supported: meeting one ends the import, unless \
--skip-unsupported leaves it out.

  redstart import dump.rdb --into redis://127.0.0.1:6379
  redstart import /var/lib/redis/appendonlydir --into redis+unix:///run/valkey.sock";

const CHECK_ABOUT: &str = "\
Say whether files of data are sound, without starting a server.

Every value of an RDB file and every command of an append-only file is read to its last byte, and \
checksums are compared where there are any. A damaged file is named with the byte at which it stops making \
sense, and the exit status is 1.

  redstart check dump.rdb
  redstart check /var/lib/redis --json";

const COMPLETIONS_ABOUT: &str = "\
Print a completion script for a shell.

  redstart completions bash > ~/.local/share/bash-completion/completions/redstart
  redstart completions zsh > ~/.zfunc/_redstart
  redstart completions fish > ~/.config/fish/completions/redstart.fish";

/// How to serve.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServeArguments {
    /// A redis.conf to start with; the other options come after it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// The TCP port; 0 for none. Without it: 6379, or the next free one
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// An address to listen on, `*` for all of IPv4; may be given several times. Without it: the
    /// loopback addresses
    #[arg(long, value_name = "IP", value_parser = parse_bind)]
    pub(crate) bind: Vec<String>,

    /// A unix socket to listen on as well
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) unixsocket: Option<PathBuf>,

    /// The password clients have to give
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "REDSTART_PASSWORD",
        hide_env_values = true
    )]
    pub(crate) requirepass: Option<String>,

    /// The store to serve: `file:./data`, `file:./data?fsync=always`, `memory:`,
    /// `memory:?cluster=strict`. Without it: file:./redstart-data
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,

    /// Bytes of keys above which room is made, such as 100mb
    #[arg(long, value_name = "BYTES")]
    pub(crate) maxmemory: Option<String>,

    /// Which keys go then, such as allkeys-lru
    #[arg(long, value_name = "POLICY", requires = "maxmemory")]
    pub(crate) maxmemory_policy: Option<String>,

    /// Connections at the same time
    #[arg(long, value_name = "COUNT")]
    pub(crate) maxclients: Option<u32>,

    /// What the log looks like
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Human)]
    pub(crate) log_format: LogFormat,

    /// How much is logged: error, warn, info, debug or trace. Without it: info
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<tracing::Level>,

    /// Serve DEBUG, for tests of clients
    #[arg(long)]
    pub(crate) enable_debug_command: bool,
}

/// What to execute, and where.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExecArguments {
    /// The store: memory:, redis://host:port/db, redis+unix:///path …
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Print one JSON value
    #[arg(long, conflicts_with = "raw")]
    pub(crate) json: bool,

    /// Print the bytes as they are, on a terminal too
    #[arg(long)]
    pub(crate) raw: bool,

    /// The command and its arguments, after `--`
    #[arg(value_name = "COMMAND", last = true, required = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}

/// What to import, and where to.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArguments {
    /// An RDB file, an append-only file, a manifest, or a directory with such files
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,

    /// The store: redis://host:port, redis+unix:///path …
    #[arg(long, value_name = "URL")]
    pub(crate) into: String,

    /// Leave out what is not supported: streams, functions, values of modules
    #[arg(long)]
    pub(crate) skip_unsupported: bool,
}

/// What to check.
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArguments {
    /// An RDB file, an append-only file, a manifest, or a directory with such files
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,

    /// Print one JSON value
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where to give the tour.
#[derive(Clone, Debug, Args)]
pub(crate) struct TourArguments {
    /// The store to run on
    #[arg(long, value_name = "URL", default_value = "memory:")]
    pub(crate) store: String,
}

/// What to start, and where.
#[cfg(unix)]
#[derive(Clone, Debug, Args)]
pub(crate) struct UpArguments {
    /// How the servers are deployed
    #[arg(value_enum)]
    pub(crate) topology: UpTopology,

    /// The first port; those that follow are used too
    #[arg(long, value_name = "PORT", default_value_t = 7000, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,

    /// Keep keys and configuration in this directory, and go on with what is there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,

    /// The server to run, by name or path. Without it: redis-server, else valkey-server
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::CommandName)]
    pub(crate) server: Option<PathBuf>,

    /// Do not show the servers' logs
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How servers can be deployed.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum UpTopology {
    /// One server
    Standalone,
    /// A primary, two replicas, three sentinels
    Sentinel,
    /// Three primaries, three replicas
    Cluster,
}

/// What to show of a cluster.
#[cfg(unix)]
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Whether it works: state, slots, nodes, keys
    Info(ClusterArguments),
    /// Its nodes: roles, slots, keys, epochs
    Nodes(ClusterArguments),
    /// Its slots: who serves them, and which are on their way
    Slots(ClusterArguments),
}

#[cfg(unix)]
impl ClusterCommand {
    /// Which cluster, and how to print.
    pub(crate) fn arguments(&self) -> &ClusterArguments {
        match self {
            ClusterCommand::Info(arguments)
            | ClusterCommand::Nodes(arguments)
            | ClusterCommand::Slots(arguments) => arguments,
        }
    }
}

/// Which cluster, and how to print.
#[cfg(unix)]
#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterArguments {
    /// One node or several: redis://host:port, redis+cluster://host,host:port
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Print one JSON value
    #[arg(long)]
    pub(crate) json: bool,
}

/// Does what this process was told.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        None => welcome::run(&arguments.serve, arguments.once),
        Some(Command::Serve(serve)) => serve::run(&serve),
        Some(Command::Exec(exec)) => exec::run(&exec),
        Some(Command::Tour(tour)) => tour::run(&tour.store),
        #[cfg(unix)]
        Some(Command::Up(arguments)) => up::run(&arguments),
        #[cfg(unix)]
        Some(Command::Cluster(command)) => cluster::run(&command),
        Some(Command::Import(import)) => import::run(&import),
        Some(Command::Check(check)) => check::run(&check),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "redstart", &mut script);
            print_raw(&script);
            ExitCode::SUCCESS
        }
    }
}

fn parse_bind(word: &str) -> Result<String, String> {
    match BindAddress::parse(word) {
        Some(_) => Ok(word.to_owned()),
        None => Err("not an IP address".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
