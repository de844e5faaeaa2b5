//! How many files this process may open: every connection is one.

/// Files that are none of the clients'.
const RESERVED: u64 = 32;

/// Raises the limit of open files as far as `clients` connections need and the system allows.
/// Returns how many connections there can be.
#[cfg(unix)]
pub(crate) fn make_room(clients: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let found = getrlimit(Resource::Nofile);
    let current = found.current.unwrap_or(u64::MAX);
    let wanted = clients.saturating_add(RESERVED);
    if current >= wanted {
        return clients;
    }
    let possible = wanted.min(found.maximum.unwrap_or(u64::MAX));
    let raised = Rlimit {
        current: Some(possible),
        maximum: found.maximum,
    };
    let granted = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => possible,
        Err(_) => current,
    };
    clients.min(granted.saturating_sub(RESERVED).max(1))
}

/// Other systems have no such limit that a process could ask about.
#[cfg(not(unix))]
pub(crate) fn make_room(clients: u64) -> u64 {
    clients
}
