//! The payload of DUMP and RESTORE: the kind of a value, the value, the version of the format (u16,
//! little-endian), the checksum of all that.

use super::checksum::Checksum;
use super::encode::{Encoder, kind_of};
use super::format::{NEWEST_PAYLOAD_VERSION, VERSION};
use super::source::Source;
use super::value::{self, Forms, Loaded};
use crate::keyspace::object::Object;

/// Why a payload is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadError {
    /// It is of a newer version, or not what was written.
    Envelope,
    /// It holds no value that this engine could take.
    Value,
}

/// Version and checksum.
const TRAILER: usize = 10;

/// A value as a payload.
pub(crate) fn dump(object: &Object, encoder: &mut Encoder) -> Vec<u8> {
    let mut payload = vec![kind_of(object)];
    encoder
        .value(&mut payload, object)
        .expect("a vector takes every write");
    payload.extend((VERSION as u16).to_le_bytes());
    payload.extend(Checksum::of(&payload).to_le_bytes());
    payload
}

/// The value of a payload.
pub(crate) fn restore(payload: &[u8], forms: &Forms) -> Result<Object, PayloadError> {
    let value = open(payload).ok_or(PayloadError::Envelope)?;
    let (&kind, value) = value.split_first().ok_or(PayloadError::Value)?;
    let mut source = Source::with_buffer(value, value.len().min(64 * 1024));
    // Bytes behind the value are passed over, as by Redis.
    match value::read(&mut source, kind, forms) {
        Ok(Loaded::Value(object)) => Ok(object),
        _ => Err(PayloadError::Value),
    }
}

/// Whether a payload, which must be a valid one, can be read by Redis 7.0 as well.
pub(crate) fn is_for_redis_7_0(payload: &[u8]) -> bool {
    let version = payload.len().checked_sub(TRAILER).map(|at| &payload[at..]);
    version
        .and_then(|version| version.first_chunk())
        .is_some_and(|version| u32::from(u16::from_le_bytes(*version)) <= VERSION)
}

/// What a payload holds, if its version is known and its checksum right.
fn open(payload: &[u8]) -> Option<&[u8]> {
    let (value, trailer) = payload.split_at_checked(payload.len().checked_sub(TRAILER)?)?;
    let (version, checksum) = trailer.split_first_chunk()?;
    let checksum = u64::from_le_bytes(*checksum.first_chunk()?);
    let summed = &payload[..payload.len() - size_of::<u64>()];
    let is_known = u16::from_le_bytes(*version) <= NEWEST_PAYLOAD_VERSION;
    (is_known && checksum == Checksum::of(summed)).then_some(value)
}
