//! CLIENT KILL: closing connections.

use redstart_protocol::Value;

use super::Type;
use crate::command::args::{Args, integer, is};
use crate::command::ctx::Ctx;
use crate::command::error::CommandError;
use crate::state::registry::ClientInfo;

pub(super) fn kill(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    if let [_, _, address] = args {
        let victims = Victims {
            address: Some(address),
            ..Victims::default()
        };
        return match close(ctx, &victims) {
            0 => Err(CommandError::new("ERR No such client")),
            _ => Ok(Value::OK),
        };
    }
    let victims = Victims::parse(&mut Args::at(args, 2))?;

    let closed = close(ctx, &victims);

    Ok(Value::Integer(closed))
}

/// Which connections are closed: those that pass every filter.
#[derive(Default)]
struct Victims<'a> {
    id: Option<u64>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    kind: Option<Type>,
    spares_caller: bool,
}

impl<'a> Victims<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Victims<'a>, CommandError> {
        let mut victims = Victims {
            spares_caller: true,
            ..Victims::default()
        };
        while let Some(filter) = args.try_next() {
            let value = args.next()?;
            match filter {
                _ if is(filter, "ID") => {
                    let id = integer(value).ok().filter(|&id| id > 0);
                    let flaw = || CommandError::new("ERR client-id should be greater than 0");
                    victims.id = Some(id.ok_or_else(flaw)? as u64);
                }
                _ if is(filter, "TYPE") => victims.kind = Some(Type::parse(value)?),
                _ if is(filter, "ADDR") => victims.address = Some(value),
                _ if is(filter, "LADDR") => victims.local_address = Some(value),
                // Everybody is the one user there is.
                _ if is(filter, "USER") => {
                    if value != b"default" {
                        return Err(CommandError::quoting("ERR No such user '", value, "'"));
                    }
                }
                _ if is(filter, "SKIPME") && is(value, "yes") => victims.spares_caller = true,
                _ if is(filter, "SKIPME") && is(value, "no") => victims.spares_caller = false,
                _ => return Err(CommandError::SYNTAX),
            }
        }
        Ok(victims)
    }

    fn include(&self, client: &ClientInfo) -> bool {
        let is_at = |wanted: Option<&[u8]>, address: &str| {
            wanted.is_none_or(|wanted| wanted == address.as_bytes())
        };
        is_at(self.address, &client.address)
            && is_at(self.local_address, &client.local_address)
            && self.kind.is_none_or(|kind| kind == Type::of(client))
            && self.id.is_none_or(|id| id == client.id)
    }
}

/// Closes what it may; how many. The caller's own connection is closed behind its reply.
fn close(ctx: &mut Ctx<'_>, victims: &Victims<'_>) -> i64 {
    let own_id = ctx.session.info.id;
    let mut closed = 0;
    for (client, outbox) in ctx.env.registry.all() {
        let own = client.id == own_id;
        if !victims.include(&client) || (own && victims.spares_caller) {
            continue;
        }
        match own {
            true => ctx.session.closing = true,
            false => outbox.close(),
        }
        closed += 1;
    }
    closed
}
