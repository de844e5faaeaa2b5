//! CLIENT: what clients say of themselves, and what they may do to each other.

mod kill;
mod list;
pub(super) mod name;
mod pause;
mod reply;

use std::sync::atomic::Ordering;

use redstart_protocol::Value;

use super::args::is;
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, help_of, row};
use crate::state::Outbox;
use crate::state::registry::ClientInfo;

pub(super) const TABLE: &[Row] = &[
    row("client|id", id),
    row("client|getname", name::getname),
    row("client|setname", name::setname),
    row("client|setinfo", name::setinfo),
    row("client|info", list::info),
    row("client|list", list::list),
    row("client|kill", kill::kill),
    row("client|no-evict", no_evict),
    row("client|reply", reply::reply),
    row("client|pause", pause::pause),
    row("client|unpause", pause::unpause),
    row("client|getredir", getredir),
    row("client|help", help),
];

fn id(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::Integer(ctx.session.info.id as i64))
}

/// Noted and shown; clients are never evicted here.
fn no_evict(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let spared = match args[2] {
        word if is(word, "ON") => true,
        word if is(word, "OFF") => false,
        _ => return Err(CommandError::SYNTAX),
    };
    ctx.session.info.no_evict.store(spared, Ordering::Relaxed);
    Ok(Value::OK)
}

/// Nobody's invalidations are redirected: keys are not tracked for clients yet.
fn getredir(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::Integer(-1))
}

fn help(_: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(help_of(
        "CLIENT",
        &[
            ("GETNAME", "The name of this connection."),
            (
                "GETREDIR",
                "Which connection gets the invalidations of this one: -1 for none.",
            ),
            ("ID", "The number of this connection."),
            ("INFO", "What is known about this connection."),
            ("KILL <address>", "Closes the connection from that address."),
            (
                "KILL <filter> <value> [<filter> <value> ...]",
                "Closes the connections that pass all filters: ID, TYPE, ADDR, LADDR, USER, SKIPME.",
            ),
            (
                "LIST [TYPE <type> | ID <id> ...]",
                "The open connections, a line each.",
            ),
            (
                "NO-EVICT (ON|OFF)",
                "Spares this connection when memory for clients runs out.",
            ),
            (
                "PAUSE <milliseconds> [WRITE|ALL]",
                "Holds back commands, or those that write.",
            ),
            (
                "REPLY (ON|OFF|SKIP)",
                "Switches the replies to this connection on or off.",
            ),
            (
                "SETINFO (LIB-NAME|LIB-VER) <value>",
                "Says which library this client uses.",
            ),
            ("SETNAME <name>", "Names this connection."),
            ("UNPAUSE", "Ends a pause."),
        ],
    ))
}

/// What a client is, as the TYPE filters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Normal,
    Replica,
    Master,
    Pubsub,
}

impl Type {
    fn parse(word: &[u8]) -> Result<Type, CommandError> {
        Ok(match word {
            _ if is(word, "normal") => Type::Normal,
            _ if is(word, "slave") || is(word, "replica") => Type::Replica,
            _ if is(word, "master") => Type::Master,
            _ if is(word, "pubsub") => Type::Pubsub,
            _ => {
                return Err(CommandError::quoting(
                    "ERR Unknown client type '",
                    word,
                    "'",
                ));
            }
        })
    }

    fn of(client: &ClientInfo) -> Type {
        match client.is_subscriber() {
            true => Type::Pubsub,
            false => Type::Normal,
        }
    }
}

/// A client and its outbox.
type Known<'a> = (&'a ClientInfo, &'a Outbox);

#[cfg(test)]
mod tests;
