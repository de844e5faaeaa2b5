//! Replies as people and programs read them.

mod json;
mod raw;
mod text;

pub(crate) use json::to_json;
pub(crate) use raw::to_raw;
pub(crate) use text::to_text;
