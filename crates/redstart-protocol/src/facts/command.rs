//! A command and its facts; and the words in which the tables state them.

use super::category::Categories;
use super::flags::Flags;
use super::key_spec::{BeginSearch, FindKeys, KeyFlags, KeySpec};
use super::keys::{ArgumentRule, FlagRule, KeyRule};
use super::replay::{Replay, ReplayRule};

/// What is known about a command without running it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Command {
    /// In lower case; a subcommand's with its container's, as in `config|get`.
    pub name: &'static str,
    /// How many arguments a request has, the name included; if negative, that many or more.
    pub arity: i32,
    /// When and where it may run.
    pub flags: Flags,
    /// Which ACL categories it is in.
    pub categories: Categories,
    /// The first argument that is a key at a fixed place, or 0.
    pub first_key: i32,
    /// The last one; if negative, counted from the end.
    pub last_key: i32,
    /// Every how many arguments there is a key between the two.
    pub step: i32,
    /// Where its keys stand and what happens to them.
    pub key_specs: &'static [KeySpec],
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    /// What it is about.
    pub group: Group,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// How its time grows.
    pub complexity: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Since when and for what it is out of favour.
    pub deprecated: Option<Deprecated>,
    /// Whether it is for servers among themselves and not for clients.
    pub is_internal: bool,
    /// Its subcommands.
    pub subcommands: &'static [Command],
    pub(super) replay: ReplayRule,
    pub(super) key_rule: KeyRule,
}

/// That a command is out of favour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// The version of Redis that said so.
    pub since: &'static str,
    /// What to use instead.
    pub replaced_by: &'static str,
}

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // The names say it.
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    PubSub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Command {
    /// The name without its container's.
    pub fn own_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, own)| own)
    }

    /// Whether a request with so many arguments, the name included, may be right.
    #[inline]
    pub fn accepts(&self, arguments: usize) -> bool {
        let required = self.arity.unsigned_abs() as usize;
        if self.arity < 0 {
            arguments >= required
        } else {
            arguments == required
        }
    }

    /// The subcommand of this name, whatever its case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        let same = |sub: &&Command| sub.own_name().as_bytes().eq_ignore_ascii_case(name);
        self.subcommands.iter().find(same)
    }

    /// Whether the only key of every request is its first argument.
    pub fn has_one_key(&self) -> bool {
        match self.key_rule {
            KeyRule::OnlyFirst(_) | KeyRule::OnlyFirstBy(_) => true,
            KeyRule::Specs | KeyRule::ByArguments(_) => false,
        }
    }

    /// What repeating this request would do. For a container, of the subcommand that is named.
    pub fn replay(&self, args: &[&[u8]]) -> Replay {
        if let Some(sub) = args.get(1).and_then(|name| self.subcommand(name)) {
            return sub.replay(args);
        }
        match self.replay {
            ReplayRule::Always(replay) => replay,
            ReplayRule::ByArguments(rule) => rule(args),
        }
    }
}

impl Group {
    /// The name as COMMAND DOCS prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Bitmap => "bitmap",
            Group::Cluster => "cluster",
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::HyperLogLog => "hyperloglog",
            Group::List => "list",
            Group::PubSub => "pubsub",
            Group::Scripting => "scripting",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::Transactions => "transactions",
        }
    }

    /// The category in which a command of this group is unless its row says otherwise.
    const fn category(self) -> Categories {
        match self {
            Group::Bitmap => Categories::BITMAP,
            Group::Connection => Categories::CONNECTION,
            Group::Generic => Categories::KEYSPACE,
            Group::Geo => Categories::GEO,
            Group::Hash => Categories::HASH,
            Group::HyperLogLog => Categories::HYPERLOGLOG,
            Group::List => Categories::LIST,
            Group::Scripting => Categories::SCRIPTING,
            Group::Set => Categories::SET,
            Group::SortedSet => Categories::SORTED_SET,
            Group::Stream => Categories::STREAM,
            Group::String => Categories::STRING,
            Group::Transactions => Categories::TRANSACTION,
            Group::Cluster | Group::PubSub | Group::Server => Categories::EMPTY,
        }
    }
}

/// The words of the tables. What follows from something else is not stated in a row: categories
/// follow from group and flags, the range of keys and `movablekeys` from the key specifications.
impl Command {
    pub(super) const fn new(group: Group, name: &'static str, arity: i32) -> Command {
        Command {
            name,
            arity,
            flags: Flags::EMPTY,
            categories: group.category().union(Categories::SLOW),
            first_key: 0,
            last_key: 0,
            step: 0,
            key_specs: &[],
            tips: &[],
            group,
            since: "",
            complexity: "",
            summary: "",
            deprecated: None,
            is_internal: false,
            subcommands: &[],
            replay: ReplayRule::Always(Replay::Never),
            key_rule: KeyRule::Specs,
        }
    }

    /// A command that reads data. Repeating it changes nothing.
    pub(super) const fn read(group: Group, name: &'static str, arity: i32) -> Command {
        let mut command = Command::new(group, name, arity)
            .flags(Flags::READONLY)
            .replay_as(Replay::Read);
        // Scripts that only read have the flag and not the category.
        if !matches!(group, Group::Scripting) {
            command = command.also_in(Categories::READ);
        }
        command
    }

    /// A command that may change data. Repeating it is wrong unless the row says otherwise.
    pub(super) const fn write(group: Group, name: &'static str, arity: i32) -> Command {
        Command::new(group, name, arity)
            .flags(Flags::WRITE)
            .also_in(Categories::WRITE)
    }

    /// A command that only holds subcommands.
    pub(super) const fn container(
        group: Group,
        name: &'static str,
        subcommands: &'static [Command],
    ) -> Command {
        let mut command = Command::new(group, name, -2).instead_in(Categories::EMPTY);
        command.complexity = "by subcommand";
        command.subcommands = subcommands;
        command
    }

    /// A container that is a command without a subcommand, too.
    pub(super) const fn or_alone(mut self) -> Command {
        self.arity = -1;
        self
    }

    pub(super) const fn says(mut self, summary: &'static str) -> Command {
        self.summary = summary;
        self
    }

    pub(super) const fn costs(mut self, complexity: &'static str) -> Command {
        self.complexity = complexity;
        self
    }

    pub(super) const fn since(mut self, version: &'static str) -> Command {
        self.since = version;
        self
    }

    pub(super) const fn tips(mut self, tips: &'static [&'static str]) -> Command {
        self.tips = tips;
        self
    }

    pub(super) const fn deprecated(
        mut self,
        since: &'static str,
        replaced_by: &'static str,
    ) -> Command {
        self.deprecated = Some(Deprecated { since, replaced_by });
        self
    }

    pub(super) const fn internal(mut self) -> Command {
        self.is_internal = true;
        self
    }

    pub(super) const fn replay_as(mut self, replay: Replay) -> Command {
        self.replay = ReplayRule::Always(replay);
        self
    }

    pub(super) const fn replay_by(mut self, rule: fn(&[&[u8]]) -> Replay) -> Command {
        self.replay = ReplayRule::ByArguments(rule);
        self
    }

    /// Instead of the category of its group.
    pub(super) const fn instead_in(mut self, categories: Categories) -> Command {
        self.categories = self
            .categories
            .difference(self.group.category())
            .union(categories);
        self
    }

    pub(super) const fn also_in(mut self, categories: Categories) -> Command {
        self.categories = self.categories.union(categories);
        self
    }

    pub(super) const fn fast(self) -> Command {
        let mut command = self.flags(Flags::FAST).also_in(Categories::FAST);
        command.categories = command.categories.difference(Categories::SLOW);
        command
    }

    pub(super) const fn deny_oom(self) -> Command {
        self.flags(Flags::DENY_OOM)
    }

    pub(super) const fn blocking(self) -> Command {
        self.flags(Flags::BLOCKING).also_in(Categories::BLOCKING)
    }

    pub(super) const fn admin(self) -> Command {
        self.flags(Flags::ADMIN)
            .also_in(Categories::ADMIN.union(Categories::DANGEROUS))
    }

    pub(super) const fn pubsub(self) -> Command {
        self.flags(Flags::PUBSUB).also_in(Categories::PUBSUB)
    }

    pub(super) const fn no_script(self) -> Command {
        self.flags(Flags::NO_SCRIPT)
    }

    pub(super) const fn loading(self) -> Command {
        self.flags(Flags::LOADING)
    }

    pub(super) const fn stale(self) -> Command {
        self.flags(Flags::STALE)
    }

    pub(super) const fn no_async_loading(self) -> Command {
        self.flags(Flags::NO_ASYNC_LOADING)
    }

    pub(super) const fn no_multi(self) -> Command {
        self.flags(Flags::NO_MULTI)
    }

    pub(super) const fn no_auth(self) -> Command {
        self.flags(Flags::NO_AUTH)
    }

    pub(super) const fn no_mandatory_keys(self) -> Command {
        self.flags(Flags::NO_MANDATORY_KEYS)
    }

    pub(super) const fn allow_busy(self) -> Command {
        self.flags(Flags::ALLOW_BUSY)
    }

    pub(super) const fn skip_monitor(self) -> Command {
        self.flags(Flags::SKIP_MONITOR)
    }

    pub(super) const fn skip_slowlog(self) -> Command {
        self.flags(Flags::SKIP_SLOWLOG)
    }

    pub(super) const fn may_replicate(self) -> Command {
        self.flags(Flags::MAY_REPLICATE)
    }

    pub(super) const fn asking(self) -> Command {
        self.flags(Flags::ASKING)
    }

    pub(super) const fn keys(mut self, specs: &'static [KeySpec]) -> Command {
        self.key_specs = specs;
        (self.first_key, self.last_key, self.step) = fixed_range(specs);
        if let [
            KeySpec {
                begin: BeginSearch::Index(1),
                find: FindKeys::Range { last: 0, .. },
                flags,
            },
        ] = specs
            && !flags.contains(KeyFlags::NOT_KEY)
        {
            self.key_rule = KeyRule::OnlyFirst(*flags);
        }
        let mut index = 0;
        while index < specs.len() {
            if !matches!(
                (specs[index].begin, specs[index].find),
                (BeginSearch::Index(_), FindKeys::Range { .. })
            ) {
                self.flags = self.flags.union(Flags::MOVABLE_KEYS);
            }
            index += 1;
        }
        self
    }

    /// For options that decide about keys. Stands behind `keys`.
    pub(super) const fn keys_by(mut self, rule: ArgumentRule) -> Command {
        self.key_rule = KeyRule::ByArguments(rule);
        self
    }

    /// For options that decide what happens to the only key. Stands behind `keys`.
    pub(super) const fn key_flags_by(mut self, rule: FlagRule) -> Command {
        self.key_rule = KeyRule::OnlyFirstBy(rule);
        self
    }

    const fn flags(mut self, flags: Flags) -> Command {
        self.flags = self.flags.union(flags);
        self
    }
}

/// First key, last key and step, as clients knew them before key specifications: the union of all
/// ranges that begin at a fixed argument and follow each other.
const fn fixed_range(specs: &[KeySpec]) -> (i32, i32, i32) {
    let mut fixed = (0, 0, 0);
    let mut index = 0;
    while index < specs.len() {
        if let (BeginSearch::Index(first), FindKeys::Range { last, step, .. }) =
            (specs[index].begin, specs[index].find)
        {
            let last = if last < 0 { last } else { first + last };
            if fixed.0 == 0 {
                fixed = (first, last, step);
            } else if first == fixed.1 + 1 {
                fixed.1 = last;
            }
        }
        index += 1;
    }
    fixed
}
