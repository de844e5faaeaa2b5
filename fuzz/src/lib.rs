//! What the fuzz targets do with their input. Each module is a target, and its `run` panics where
//! something is wrong.

pub mod aof_load;
pub mod commands;
pub mod rdb_load;
pub mod redis_conf;
pub mod reply_decoder;
pub mod request_decoder;
pub mod restore_payload;
pub mod script_inputs;
mod session;

/// What a target does with an input.
pub type Target = fn(&[u8]);

/// Every target and its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("request_decoder", request_decoder::run),
    ("reply_decoder", reply_decoder::run),
    ("commands", commands::run),
    ("script_inputs", script_inputs::run),
    ("redis_conf", redis_conf::run),
    ("rdb_load", rdb_load::run),
    ("restore_payload", restore_payload::run),
    ("aof_load", aof_load::run),
];
