//! COMMAND: the commands that this engine carries out, and what is known of them.

use std::sync::LazyLock;

use redstart_protocol::Value;
use redstart_protocol::facts::{self, Categories, KeyPositions};

use super::args::{Args, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, help_of, row};
use crate::data::glob;

pub(super) const TABLE: &[Row] = &[
    row("command", command),
    row("command|count", count),
    row("command|info", info),
    row("command|docs", docs),
    row("command|list", list),
    row("command|getkeys", getkeys),
    row("command|getkeysandflags", getkeysandflags),
    row("command|help", help),
];

fn command(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::Array(
        SERVED.iter().map(facts::command_info).collect(),
    ))
}

fn count(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::from(SERVED.len()))
}

fn info(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if args.len() == 2 {
        return command(ctx, args);
    }
    let info = |name: &&[u8]| find(name).map_or(Value::Null, facts::command_info);
    Ok(Value::Array(args[2..].iter().map(info).collect()))
}

fn docs(_: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let wanted: Vec<_> = match &args[2..] {
        [] => SERVED.iter().collect(),
        names => names.iter().filter_map(|name| find(name)).collect(),
    };
    let docs = |command: &facts::Command| (Value::bulk(command.name), facts::command_docs(command));
    Ok(Value::Map(wanted.into_iter().map(docs).collect()))
}

fn list(_: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let filter = Filter::parse(&mut Args::at(args, 2))?;
    let names = SERVED
        .iter()
        .flat_map(|command| std::iter::once(command).chain(command.subcommands))
        .filter(|command| filter.includes(command))
        .map(|command| Value::bulk(command.name));
    Ok(Value::Array(names.collect()))
}

enum Filter<'a> {
    Everything,
    Nothing,
    Category(Categories),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Filter<'a>, CommandError> {
        if args.left() == 0 {
            return Ok(Filter::Everything);
        }
        if args.left() != 3 || !args.accept("FILTERBY") {
            return Err(CommandError::SYNTAX);
        }
        let (filter, value) = (args.next()?, args.next()?);
        Ok(match filter {
            // There are no modules.
            _ if is(filter, "MODULE") => Filter::Nothing,
            _ if is(filter, "ACLCAT") => {
                Categories::by_name(value).map_or(Filter::Nothing, Filter::Category)
            }
            _ if is(filter, "PATTERN") => Filter::Pattern(value),
            _ => return Err(CommandError::SYNTAX),
        })
    }

    fn includes(&self, command: &facts::Command) -> bool {
        match self {
            Filter::Everything => true,
            Filter::Nothing => false,
            Filter::Category(category) => command.categories.contains(*category),
            Filter::Pattern(pattern) => {
                glob::matches_ignoring_case(pattern, command.name.as_bytes())
            }
        }
    }
}

fn getkeys(_: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (request, keys) = keys_of(args)?;
    Ok(Value::Array(
        keys.iter()
            .map(|key| Value::bulk(request[key.index]))
            .collect(),
    ))
}

fn getkeysandflags(_: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let (request, keys) = keys_of(args)?;
    let entry = |key: &facts::KeyPosition| {
        let flags = Value::Set(key.flags.names().map(Value::simple).collect());
        Value::Array(vec![Value::bulk(request[key.index]), flags])
    };
    Ok(Value::Array(keys.iter().map(entry).collect()))
}

/// The request that is asked about, and its keys: a fact, whether the command is served or not.
fn keys_of<'a>(args: &'a [&'a [u8]]) -> Result<(&'a [&'a [u8]], KeyPositions), CommandError> {
    let request = &args[2..];
    let unknown = || CommandError::new("ERR Invalid command specified");
    let command = facts::resolve(request).ok_or_else(unknown)?;
    let keys = facts::get_keys(command, request);
    let keys = keys.map_err(|flaw| CommandError::new(format!("ERR {flaw}")))?;
    Ok((request, keys))
}

fn help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(help_of(
        "COMMAND",
        &[
            ("(no subcommand)", "The facts of every command."),
            ("COUNT", "How many commands there are."),
            ("DOCS [<name> ...]", "What commands are for, these or all."),
            ("GETKEYS <request>", "The keys in a request."),
            (
                "GETKEYSANDFLAGS <request>",
                "The keys in a request and what happens to them.",
            ),
            ("INFO [<name> ...]", "The facts of commands, these or all."),
            (
                "LIST [FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <pattern>)]",
                "The names of the commands, all or those that pass.",
            ),
        ],
    ))
}

/// The commands that have a handler, each with those of its subcommands that have one.
static SERVED: LazyLock<Vec<facts::Command>> = LazyLock::new(|| {
    let mut served: Vec<facts::Command> = Vec::new();
    let mut names: Vec<&str> = super::all().iter().map(|command| command.name).collect();
    names.sort_unstable();
    for name in &names {
        let top = name
            .split_once('|')
            .map_or(*name, |(container, _)| container);
        if served.iter().any(|known| known.name == top) {
            continue;
        }
        let mut command =
            *facts::find(top.as_bytes()).expect("a handler's command is in the facts");
        let subcommands = command.subcommands.iter().copied();
        let served_here = |sub: &facts::Command| names.contains(&sub.name);
        command.subcommands = subcommands.filter(served_here).collect::<Vec<_>>().leak();
        served.push(command);
    }
    served
});

/// The command or subcommand (`container|subcommand`) of this name, whatever its case.
fn find(name: &[u8]) -> Option<&'static facts::Command> {
    let mut parts = name.splitn(2, |&byte| byte == b'|');
    let (top, own) = (parts.next()?, parts.next());
    let command = SERVED
        .iter()
        .find(|command| command.name.as_bytes().eq_ignore_ascii_case(top))?;
    own.map_or(Some(command), |own| command.subcommand(own))
}

#[cfg(test)]
mod tests {
    use redstart_protocol::Value;

    use super::SERVED;
    use crate::{Client, Engine};

    fn command(client: &mut Client, line: &str) -> Value {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        client.call(&args)
    }

    fn bulks(words: &[&str]) -> Value {
        Value::Array(words.iter().map(Value::bulk).collect())
    }

    #[test]
    fn only_what_is_served_is_listed() {
        let engine = Engine::builder().build();
        let mut client = engine.connect_embedded();
        assert_eq!(
            command(&mut client, "COMMAND COUNT"),
            Value::from(SERVED.len())
        );
        let Value::Array(all) = command(&mut client, "COMMAND") else {
            panic!("no array")
        };
        assert_eq!(all.len(), SERVED.len());
        assert_eq!(
            command(&mut client, "COMMAND INFO replicaof"),
            Value::Array(vec![Value::Null])
        );
        assert_eq!(
            command(&mut client, "COMMAND LIST FILTERBY PATTERN CONFIG|*et"),
            bulks(&["config|get", "config|set"])
        );
        assert_eq!(
            command(&mut client, "COMMAND LIST FILTERBY ACLCAT Transaction"),
            bulks(&["discard", "exec", "multi", "unwatch", "watch"])
        );
        assert_eq!(
            command(&mut client, "COMMAND LIST FILTERBY MODULE any"),
            bulks(&[])
        );
    }

    #[test]
    fn subcommands_are_known_by_their_full_names() {
        let engine = Engine::builder().build();
        let mut client = engine.connect_embedded();
        let Value::Map(docs) = command(&mut client, "COMMAND DOCS Config|Get nosuch ping") else {
            panic!("no map")
        };
        let names: Vec<_> = docs.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [Value::bulk("config|get"), Value::bulk("ping")]);
    }

    #[test]
    fn keys_of_requests() {
        let engine = Engine::builder().build();
        let mut client = engine.connect_embedded();
        for (line, reply) in [
            ("COMMAND GETKEYS mset a 1 b 2", bulks(&["a", "b"])),
            (
                "COMMAND GETKEYS ping a",
                Value::error("ERR The command has no key arguments"),
            ),
            (
                "COMMAND GETKEYS get a b",
                Value::error("ERR Invalid number of arguments specified for command"),
            ),
            (
                "COMMAND GETKEYS nosuch a",
                Value::error("ERR Invalid command specified"),
            ),
            (
                "COMMAND GETKEYS config nosuch",
                Value::error("ERR Invalid command specified"),
            ),
        ] {
            assert_eq!(command(&mut client, line), reply, "{line}");
        }
        let flags = ["RW", "access", "update"].map(Value::simple).to_vec();
        let entry = Value::Array(vec![Value::bulk("k"), Value::Set(flags)]);
        assert_eq!(
            command(&mut client, "COMMAND GETKEYSANDFLAGS set k v GET"),
            Value::Array(vec![entry])
        );
    }
}
