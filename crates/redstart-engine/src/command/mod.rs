//! The language of Redis: parse, act, reply.
//!
//! Each family file opens with its `TABLE`: the handlers it attaches to the facts of
//! `redstart_protocol`. A handler is three paragraphs (parse, act, reply) and parses everything
//! before its first write, so a command is done wholly or not at all.
//!
//! Sees `state`, `keyspace` and `data`. Never a lock, never a socket.

pub(crate) mod args;
mod bitfield;
mod bitmap;
#[cfg(all(test, feature = "script", feature = "durable"))]
mod catalogue;
mod client;
mod command_info;
mod config;
mod connection;
pub(crate) mod ctx;
mod debug;
mod dump;
pub(crate) mod error;
mod expire;
mod expiry;
mod geo;
mod hash;
mod hyperloglog;
mod info;
mod keys;
mod latency;
mod lcs;
mod list;
mod measure;
mod memory;
mod monitor;
mod persistence;
mod pubsub;
mod redact;
mod replication;
#[cfg(feature = "script")]
mod scripting;
mod server;
mod set;
mod slowlog;
mod sort;
mod sorted_set;
mod string;
mod transaction;

use std::sync::LazyLock;

use hashbrown::HashMap;
use redstart_protocol::Value;
use redstart_protocol::facts::{self, Flags};

use ctx::Ctx;
use error::CommandError;

use crate::data::Element;
use crate::state::Environment;
use crate::state::session::Session;

/// What carries a command out.
pub(crate) type Handler = fn(&mut Ctx<'_>, &[&[u8]]) -> Result<Value, CommandError>;

/// One row of a family's table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The name the facts know, `container|subcommand` for a subcommand.
    name: &'static str,
    handler: Handler,
    scope: Scope,
    is_for_debugging: bool,
}

/// Which shards a command needs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// Those of its keys: none for a command without keys.
    Keys,
    /// All: it looks at a whole database, or at keys it does not name.
    All,
    /// All if this says so of the arguments, or else those of its keys.
    AllIf(fn(&[&[u8]]) -> bool),
    /// What a script needs: all, unless the script is known to declare its keys.
    #[cfg(feature = "script")]
    Script,
}

const fn row(name: &'static str, handler: Handler) -> Row {
    Row {
        name,
        handler,
        scope: Scope::Keys,
        is_for_debugging: false,
    }
}

impl Row {
    const fn all_shards(mut self) -> Row {
        self.scope = Scope::All;
        self
    }

    /// All shards if `reaches_further`, which is asked of the arguments.
    const fn all_shards_if(mut self, reaches_further: fn(&[&[u8]]) -> bool) -> Row {
        self.scope = Scope::AllIf(reaches_further);
        self
    }

    /// Served only where the engine was built with `debug_commands`.
    const fn for_debugging(mut self) -> Row {
        self.is_for_debugging = true;
        self
    }

    #[cfg(feature = "script")]
    const fn runs_scripts(mut self) -> Row {
        self.scope = Scope::Script;
        self
    }
}

/// Every family, in reading order.
const FAMILIES: &[&[Row]] = &[
    keys::TABLE,
    dump::TABLE,
    expire::TABLE,
    string::TABLE,
    bitmap::TABLE,
    bitfield::TABLE,
    hash::TABLE,
    list::TABLE,
    set::TABLE,
    sorted_set::TABLE,
    sort::TABLE,
    geo::TABLE,
    hyperloglog::TABLE,
    transaction::TABLE,
    #[cfg(feature = "script")]
    scripting::TABLE,
    pubsub::TABLE,
    connection::TABLE,
    client::TABLE,
    server::TABLE,
    persistence::TABLE,
    replication::TABLE,
    info::TABLE,
    slowlog::TABLE,
    latency::TABLE,
    monitor::TABLE,
    memory::TABLE,
    config::TABLE,
    command_info::TABLE,
    debug::TABLE,
];

/// A command this engine carries out.
pub(crate) struct Command {
    pub(crate) facts: &'static facts::Command,
    /// Its full name, `container|subcommand` for a subcommand.
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    /// Its place in [`all`].
    pub(crate) index: u32,
    /// The only key of every call is its first argument.
    pub(crate) has_one_key: bool,
    /// A second word tells it from others, or is there to do so.
    pub(crate) is_of_container: bool,
    /// It is EXEC, whose locks are those of what was queued.
    pub(crate) is_exec: bool,
    /// It is served only to those who asked for it when the engine was built.
    pub(crate) is_for_debugging: bool,
    /// Between MULTI and EXEC it is carried out at once, not queued.
    pub(crate) runs_at_once: bool,
    /// A RESP2 client may call it while it is subscribed.
    pub(crate) serves_subscribers: bool,
    /// It may have an effect that others must not see while writes are paused.
    pub(crate) may_replicate: bool,
    /// It is short by nature: of its calls only some are timed.
    pub(crate) is_short: bool,
    /// The effects of one call belong together.
    pub(crate) is_atomic_batch: bool,
    handler: Handler,
}

impl Command {
    fn new(row: &Row, facts: &'static facts::Command, index: u32) -> Command {
        let name = row.name;
        let is_exec = name == "exec";
        Command {
            facts,
            name,
            scope: row.scope,
            index,
            has_one_key: facts.has_one_key(),
            is_of_container: !facts.subcommands.is_empty() || name.contains('|'),
            is_exec,
            is_for_debugging: row.is_for_debugging,
            runs_at_once: is_exec
                || matches!(name, "discard" | "multi" | "watch" | "quit" | "reset"),
            serves_subscribers: matches!(name, "ping" | "quit" | "reset")
                || name.ends_with("subscribe"),
            may_replicate: is_exec
                || facts.flags.contains(Flags::WRITE)
                || facts.flags.contains(Flags::MAY_REPLICATE),
            is_short: measure::is_short(name, facts.flags),
            is_atomic_batch: is_exec || name.starts_with("eval"),
            handler: row.handler,
        }
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

struct Commands {
    all: Vec<Command>,
    /// For each command of the facts, the place of its carrier in `all`.
    by_facts: Vec<Option<u32>>,
    /// Containers of which some subcommand is served, and where each of those is in `all`.
    containers: HashMap<&'static str, Vec<(&'static str, usize)>, foldhash::fast::FixedState>,
}

static COMMANDS: LazyLock<Commands> = LazyLock::new(|| {
    let mut commands = Commands {
        all: Vec::new(),
        by_facts: vec![None; facts::all().len()],
        containers: HashMap::with_hasher(Default::default()),
    };
    for row in FAMILIES.iter().copied().flatten() {
        let facts = facts_of(row.name).expect("every handler's command is in the facts");
        let index = commands.all.len();
        match row.name.split_once('|') {
            None => commands.by_facts[place_in_facts(facts)] = Some(index as u32),
            Some((container, subcommand)) => {
                commands
                    .containers
                    .entry(container)
                    .or_default()
                    .push((subcommand, index));
            }
        }
        commands.all.push(Command::new(row, facts, index as u32));
    }
    commands
});

/// The place of a top-level command in the facts' own list.
fn place_in_facts(command: &'static facts::Command) -> usize {
    let offset = std::ptr::from_ref(command).addr() - facts::all().as_ptr().addr();
    offset / size_of::<facts::Command>()
}

fn facts_of(name: &str) -> Option<&'static facts::Command> {
    match name.split_once('|') {
        None => facts::find(name.as_bytes()),
        Some((container, subcommand)) => {
            facts::find(container.as_bytes())?.subcommand(subcommand.as_bytes())
        }
    }
}

/// Every command this engine carries out, subcommands included.
pub(crate) fn all() -> &'static [Command] {
    &COMMANDS.all
}

/// The command that `args` call, or why there is none.
#[inline]
pub(crate) fn find(args: &[&[u8]]) -> Result<&'static Command, CommandError> {
    let facts = args.first().and_then(|name| facts::find(name));
    let Some(facts) = facts else {
        return Err(CommandError::unknown_command(args));
    };
    match COMMANDS.by_facts[place_in_facts(facts)] {
        Some(index) if facts.subcommands.is_empty() || args.len() == 1 => {
            Ok(&COMMANDS.all[index as usize])
        }
        _ => find_subcommand(facts, args),
    }
}

fn find_subcommand(
    container: &'static facts::Command,
    args: &[&[u8]],
) -> Result<&'static Command, CommandError> {
    let Some(served) = COMMANDS.containers.get(container.name) else {
        return Err(CommandError::unknown_command(args));
    };
    let Some(name) = args.get(1) else {
        return Err(CommandError::arity(container.name));
    };
    let found = served.iter().find(|(served, _)| args::is(name, served));
    let unknown = || CommandError::unknown_subcommand(container.name, name);
    found
        .map(|&(_, index)| &COMMANDS.all[index])
        .ok_or_else(unknown)
}

impl Command {
    /// An error unless the number of arguments is right.
    #[inline]
    pub(crate) fn check_arity(&self, args: &[&[u8]]) -> Result<(), CommandError> {
        match self.facts.accepts(args.len()) {
            true => Ok(()),
            false => Err(CommandError::arity(self.name)),
        }
    }

    /// Whether it may touch keys that its arguments do not name.
    pub(crate) fn reaches_further(&self, args: &[&[u8]]) -> bool {
        match self.scope {
            Scope::Keys => false,
            Scope::All => true,
            Scope::AllIf(reaches_further) => reaches_further(args),
            #[cfg(feature = "script")]
            Scope::Script => true,
        }
    }

    /// Whether it reads keys, writes them, or may do so.
    pub(crate) fn touches_keys(&self) -> bool {
        self.has(Flags::READONLY) || (self.may_replicate && !self.is_exec)
    }

    pub(crate) fn has(&self, flag: Flags) -> bool {
        self.facts.flags.contains(flag)
    }
}

/// Carries a command out under locks that cover its keys, and logs its effect.
#[inline(always)]
pub(crate) fn invoke(ctx: &mut Ctx<'_>, command: &Command, args: &[&[u8]]) -> Value {
    let started_us = measure::begin(ctx, command, args);
    let changes = ctx.space.changes();
    ctx.space.begin();
    ctx.effect_logged = false;

    let result = (command.handler)(ctx, args);

    let changed = ctx.space.changes() != changes;
    if changed && ctx.space.is_logging() && !ctx.effect_logged && command.has(Flags::WRITE) {
        ctx.space.log(ctx.session.db, args);
    }
    let value = result.unwrap_or_else(CommandError::into_value);
    measure::end(ctx, command, args, started_us, &value);
    value
}

pub(crate) use measure::{show, turned_away};

/// A command was refused before it could run or be queued: the transaction it was meant for will
/// not be carried out. That EXEC itself was refused ends it.
pub(crate) fn refused(session: &mut Session, args: &[&[u8]]) {
    if find(args).is_ok_and(|command| command.is_exec) {
        transaction::abandon(session);
    } else if let Some(transaction) = &mut session.transaction {
        transaction.aborted = true;
    }
}

/// The client is gone: ends what it left open.
pub(crate) fn leave(env: &Environment, session: &mut Session) {
    pubsub::leave_all(env, session);
    monitor::leave(env, session);
    #[cfg(feature = "durable")]
    env.replicas.detach(session.info.id);
    session.forget_watched();
}

/// An element of an aggregate as a bulk string.
fn element(element: Element<'_>) -> Value {
    Value::bulk(&*element.to_bytes())
}

/// The reply of a container's HELP: its usage and what each subcommand does.
fn help_of(container: &str, subcommands: &[(&str, &str)]) -> Value {
    let title = format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let lines = subcommands
        .iter()
        .flat_map(|(usage, text)| [(*usage).to_owned(), format!("    {text}")])
        .chain(["HELP".to_owned(), "    Print this help.".to_owned()]);
    Value::Array(
        std::iter::once(title)
            .chain(lines)
            .map(|line| Value::Simple(line.into_bytes().into()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_stands_twice() {
        let mut names: Vec<_> = all().iter().map(|command| command.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
