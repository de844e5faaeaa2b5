//! Values this engine has no type for, read only as far as it takes to find their end.

use std::io::Read;

use super::error::RdbError;
use super::format::kind;
use super::source::Source;

/// Bytes of a stream entry's id.
const ID: u64 = 16;
/// Bytes of a moment in milliseconds.
const MOMENT: u64 = 8;

/// A stream: its entries, and the groups that read it.
pub(super) fn stream<R: Read>(source: &mut Source<R>, kind: u8) -> Result<(), RdbError> {
    for _ in 0..source.length()? {
        source.string()?;
        source.string()?;
    }
    // How many entries, and the last id; later the first one, the last one deleted, and how many
    // there ever were.
    lengths(source, if kind == kind::STREAM { 3 } else { 8 })?;
    for _ in 0..source.length()? {
        source.string()?;
        lengths(source, if kind == kind::STREAM { 2 } else { 3 })?;
        for _ in 0..source.length()? {
            source.skip(ID + MOMENT)?;
            source.length()?;
        }
        for _ in 0..source.length()? {
            source.string()?;
            source.skip(if kind == kind::STREAM_3 {
                2 * MOMENT
            } else {
                MOMENT
            })?;
            for _ in 0..source.length()? {
                source.skip(ID)?;
            }
        }
    }
    Ok(())
}

/// A value of a module, or what it keeps beside the keys: the module's id and a series of items that
/// say what they are.
pub(super) fn module<R: Read>(source: &mut Source<R>) -> Result<(), RdbError> {
    source.length()?;
    module_items(source)
}

/// What a module keeps beside the keys.
pub(super) fn module_aux<R: Read>(source: &mut Source<R>) -> Result<(), RdbError> {
    source.length()?;
    lengths(source, 2)?;
    module_items(source)
}

fn module_items<R: Read>(source: &mut Source<R>) -> Result<(), RdbError> {
    loop {
        match source.length()? {
            0 => return Ok(()),
            1 | 2 => {
                source.length()?;
            }
            3 => source.skip(4)?,
            4 => source.skip(8)?,
            5 => {
                source.string()?;
            }
            _ => return Err(source.corrupt("an item of a module in no known form")),
        }
    }
}

/// A hash of Redis 7.4 whose fields expire each at its own time.
pub(super) fn hash_of_mortals<R: Read>(source: &mut Source<R>, kind: u8) -> Result<(), RdbError> {
    source.skip(MOMENT)?;
    if kind == kind::HASH_LISTPACK_OF_MORTALS {
        source.string()?;
        return Ok(());
    }
    for _ in 0..source.length()? {
        source.length()?;
        source.string()?;
        source.string()?;
    }
    Ok(())
}

fn lengths<R: Read>(source: &mut Source<R>, count: usize) -> Result<(), RdbError> {
    (0..count).try_for_each(|_| source.length().map(drop))
}
