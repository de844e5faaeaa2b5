//! What the fuzz targets do with their input. Each module is a target, and its `run` panics where
//! something is wrong.

pub mod commands;
pub mod reply_decoder;
pub mod request_decoder;
pub mod script_inputs;
mod session;

/// Every target: its name and what it does.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("request_decoder", request_decoder::run),
    ("reply_decoder", reply_decoder::run),
    ("commands", commands::run),
    ("script_inputs", script_inputs::run),
];
