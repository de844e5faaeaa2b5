//! The facts of every command of Redis 7.0: name, arity, flags, categories, keys, and whether a
//! request may be repeated.
//!
//! One table a group, in plain rows; nothing else in the project lists commands. A test compares
//! the tables with what a redis-server says about itself.

mod arguments;
mod bits;
mod category;
mod command;
mod find;
mod flags;
mod key_spec;
mod keys;
mod render;
mod replay;

mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scripting;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
mod transactions;
mod users;

pub use category::Categories;
pub use command::{Command, Deprecated, Group};
pub use find::{all, find, resolve};
pub use flags::Flags;
pub use key_spec::{BeginSearch, FindKeys, KeyFlags, KeySpec};
pub use keys::{KeyPosition, KeyPositions, KeysError, get_keys, keys, slot_arguments};
pub use render::{command_docs, command_info};
pub use replay::Replay;

/// Every group's table, in reading order.
const TABLES: &[&[Command]] = &[
    string::COMMANDS,
    generic::COMMANDS,
    hash::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    bitmap::COMMANDS,
    hyperloglog::COMMANDS,
    geo::COMMANDS,
    pubsub::COMMANDS,
    transactions::COMMANDS,
    scripting::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
    cluster::COMMANDS,
];

const COUNT: usize = {
    let (mut table, mut count) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};
