//! The connection itself: who the client is and how it wants to be spoken to.

use bytes::Bytes;
use redstart_protocol::{Resp, Value};

use super::args::{Args, integer, is};
use super::client::name;
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, monitor, pubsub, row, transaction};
use crate::state::config::Config;
use crate::state::session::Replies;

pub(super) const TABLE: &[Row] = &[
    row("auth", auth),
    row("hello", hello),
    row("ping", ping),
    row("echo", echo),
    row("select", select),
    row("reset", reset),
    row("quit", quit),
];

/// The version of Redis whose behaviour this engine has.
pub(super) const REDIS_VERSION: &str = "7.0.15";

fn auth(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let config = &ctx.env.config;
    match args {
        [_, password] => {
            if !config.has_password() {
                return Err(CommandError::NO_PASSWORD_SET);
            }
            check_password(config, b"default", password)?;
        }
        [_, user, password] => check_password(config, user, password)?,
        _ => return Err(CommandError::SYNTAX),
    }

    ctx.session.authenticated = true;

    Ok(Value::OK)
}

fn check_password(config: &Config, user: &[u8], password: &[u8]) -> Result<(), CommandError> {
    match user == b"default" && config.accepts_password(password) {
        true => Ok(()),
        false => Err(CommandError::WRONG_PASSWORD),
    }
}

fn hello(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    const NOT_A_VERSION: &str = "ERR Protocol version is not an integer or out of range";
    let mut words = Args::new(args);
    let resp = match words.try_next() {
        None => None,
        Some(version) => match integer(version) {
            Ok(2) => Some(Resp::V2),
            Ok(3) => Some(Resp::V3),
            Ok(_) => return Err(CommandError::NO_SUCH_PROTOCOL),
            Err(_) => return Err(CommandError::new(NOT_A_VERSION)),
        },
    };
    // As in Redis, what stands before a flaw has been done.
    while let Some(option) = words.try_next() {
        match option {
            _ if is(option, "AUTH") && words.left() >= 2 => {
                check_password(&ctx.env.config, words.next()?, words.next()?)?;
                ctx.session.authenticated = true;
            }
            _ if is(option, "SETNAME") && words.left() >= 1 => {
                ctx.session.info.words.lock().name = name::checked(words.next()?)?;
            }
            _ => {
                return Err(CommandError::quoting(
                    "ERR Syntax error in HELLO option '",
                    option,
                    "'",
                ));
            }
        }
    }
    if !ctx.session.authenticated && ctx.env.config.has_password() {
        return Err(CommandError::HELLO_WITHOUT_AUTH);
    }

    if let Some(resp) = resp {
        ctx.session.set_resp(resp);
        ctx.resp = resp;
    }

    Ok(greeting(ctx))
}

/// The server says `redis`, because clients read features from name and version; INFO says what it
/// is.
fn greeting(ctx: &Ctx<'_>) -> Value {
    let version = match ctx.session.resp {
        Resp::V2 => 2,
        Resp::V3 => 3,
    };
    let pairs = [
        ("server", Value::bulk("redis")),
        ("version", Value::bulk(REDIS_VERSION)),
        ("proto", Value::Integer(version)),
        ("id", Value::Integer(ctx.session.info.id as i64)),
        ("mode", Value::bulk("standalone")),
        ("role", Value::bulk("master")),
        ("modules", Value::Array(Vec::new())),
    ];
    Value::Map(
        pairs
            .into_iter()
            .map(|(name, value)| (Value::bulk(name), value))
            .collect(),
    )
}

fn ping(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let message = match args {
        [_] => None,
        [_, message] => Some(Value::bulk(message)),
        _ => return Err(CommandError::arity("ping")),
    };

    // A RESP2 subscriber reads messages only, so the reply has the form of one.
    let in_messages = ctx.resp == Resp::V2 && ctx.session.subscriptions() > 0;
    Ok(match (in_messages, message) {
        (true, message) => {
            let message = message.unwrap_or(Value::bulk(b""));
            Value::Array(vec![Value::bulk("pong"), message])
        }
        (false, Some(message)) => message,
        (false, None) => Value::simple("PONG"),
    })
}

fn echo(_: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    Ok(Value::bulk(args[1]))
}

fn select(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    const NOT_AN_INT: &str =
        "ERR value is out of range, value must between -2147483648 and 2147483647";
    let number = i32::try_from(integer(args[1])?).map_err(|_| CommandError::new(NOT_AN_INT))?;
    if ctx.env.options.cluster_strict && number != 0 {
        return Err(CommandError::SELECT_IN_CLUSTER);
    }
    let exists = |db: &u8| *db < ctx.env.options.databases;
    let db = u8::try_from(number).ok().filter(exists);
    let db = db.ok_or(CommandError::DB_OUT_OF_RANGE)?;

    ctx.session.set_db(db);

    Ok(Value::OK)
}

fn reset(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    let session = &mut *ctx.session;
    transaction::abandon(session);
    pubsub::leave_all(ctx.env, session);
    monitor::leave(ctx.env, session);
    session.set_db(0);
    session.set_resp(Resp::V2);
    ctx.resp = Resp::V2;
    session.replies = Replies::On;
    session.authenticated = session.trusted || !ctx.env.config.has_password();
    // What library the client is stays true.
    session.info.words.lock().name = Bytes::new();
    Ok(Value::simple("RESET"))
}

fn quit(ctx: &mut Ctx<'_>, _: &[&[u8]]) -> Result<Value, CommandError> {
    ctx.session.closing = true;
    Ok(Value::OK)
}

#[cfg(test)]
mod tests {
    use redstart_protocol::Value;

    use crate::{Client, Engine, Outbox, Peer};

    fn outsider(engine: &Engine) -> Client {
        engine.connect(
            Outbox::values(|| {}),
            Peer::remote("10.0.0.1:5", "10.0.0.2:6379"),
        )
    }

    #[test]
    fn a_client_from_outside_has_to_give_the_password() {
        let engine = Engine::builder().password(b"secret").build();
        let mut client = outsider(&engine);
        let refused = Value::error("NOAUTH Authentication required.");
        assert_eq!(client.call(&[b"PING"]), refused);
        assert_eq!(
            client.call(&[b"AUTH", b"guess"]),
            Value::error("WRONGPASS invalid username-password pair or user is disabled.")
        );
        assert_eq!(client.call(&[b"AUTH", b"default", b"secret"]), Value::OK);
        assert_eq!(client.call(&[b"PING"]), Value::simple("PONG"));
        assert_eq!(client.call(&[b"RESET"]), Value::simple("RESET"));
        assert_eq!(client.call(&[b"PING"]), refused);
    }

    #[test]
    fn a_client_of_this_process_needs_no_password_even_after_reset() {
        let engine = Engine::builder().password(b"secret").build();
        let mut client = engine.connect_embedded();
        client.call(&[b"RESET"]);
        assert_eq!(client.call(&[b"PING"]), Value::simple("PONG"));
    }

    #[test]
    fn a_password_set_later_is_asked_of_newcomers_only() {
        let engine = Engine::builder().build();
        let (mut first, pong) = (outsider(&engine), Value::simple("PONG"));
        assert_eq!(
            first.call(&[b"CONFIG", b"SET", b"requirepass", b"secret"]),
            Value::OK
        );
        let mut second = outsider(&engine);
        assert!(second.call(&[b"PING"]).is_error());
        assert_eq!(first.call(&[b"PING"]), pong);
        assert_eq!(
            first.call(&[b"CONFIG", b"SET", b"requirepass", b""]),
            Value::OK
        );
        assert_eq!(second.call(&[b"PING"]), pong);
    }

    #[test]
    fn hello_logs_in_names_and_chooses_the_protocol() {
        let engine = Engine::builder().password(b"secret").build();
        let mut client = outsider(&engine);
        let refused = client.call(&[b"HELLO", b"3"]);
        assert!(matches!(refused, Value::Error(text) if text.starts_with(b"NOAUTH HELLO must be")));
        let hello: &[&[u8]] = &[
            b"HELLO", b"3", b"AUTH", b"default", b"secret", b"SETNAME", b"worker",
        ];
        let Value::Map(pairs) = client.call(hello) else {
            panic!("not a map")
        };
        assert_eq!(pairs[2], (Value::bulk("proto"), Value::Integer(3)));
        assert_eq!(client.call(&[b"CLIENT", b"GETNAME"]), Value::bulk("worker"));
    }

    #[test]
    fn hello_with_a_flaw_leaves_the_protocol_as_it_was() {
        let engine = Engine::builder().build();
        let mut client = outsider(&engine);
        let reply = client.call(&[b"HELLO", b"3", b"SETNAME", b"worker", b"NOSUCH"]);
        assert_eq!(
            reply,
            Value::error("ERR Syntax error in HELLO option 'NOSUCH'")
        );
        assert_eq!(client.resp(), crate::Resp::V2);
    }

    #[test]
    fn a_strict_engine_has_one_database_only() {
        let engine = Engine::builder().cluster_strict(true).build();
        let mut client = engine.connect_embedded();
        assert_eq!(client.call(&[b"SELECT", b"0"]), Value::OK);
        assert_eq!(
            client.call(&[b"SELECT", b"1"]),
            Value::error("ERR SELECT is not allowed in cluster mode")
        );
    }
}
