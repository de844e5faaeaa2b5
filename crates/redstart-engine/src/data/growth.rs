/// How many bytes to allocate where `used` are needed now and more will follow.
///
/// Small collections are many, so they waste little; from some size on, copying costs more than
/// room does. Always a whole number of the units in which allocators hand out memory anyway.
#[inline]
pub(super) fn capacity_for(used: usize) -> usize {
    let room = if used <= 256 { used / 8 } else { used / 4 };
    (used + room).next_multiple_of(16)
}

/// Whether so much of an allocation has come to be unused that it is worth to be replaced.
///
/// Far enough from [`capacity_for`] that no sequence of steps makes every other one copy.
#[inline]
pub(super) fn is_wasteful(used: usize, capacity: usize) -> bool {
    capacity > 128 && used < capacity / 4
}
