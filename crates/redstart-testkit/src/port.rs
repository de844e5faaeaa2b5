//! Ports that are free, for servers that must know each other's before they start.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// What a node of a cluster adds to its port for the port its fellows use.
pub(crate) const BUS_OFFSET: u16 = 10_000;

/// Where servers behind proxies connect from, so that a proxy can tell them from clients.
pub(crate) const PEERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Below the ports that systems hand out for outgoing connections, and with the port of the
/// cluster's bus below them too: what is free here is not taken by chance a moment later.
const FIRST: u16 = 10_240;
const LAST: u16 = 22_700;

/// How many ports are looked at before giving up.
const LOOKS: u64 = 2_000;

/// The address of a port on this machine.
pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// So many different ports that are free, with the ports of the cluster's bus free as well.
pub(crate) fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let chance = RandomState::new();
    let span = u64::from(LAST - FIRST);
    let mut ports = Vec::with_capacity(count);
    for look in 0..LOOKS {
        if ports.len() == count {
            return Ok(ports);
        }
        let offset = u16::try_from(chance.hash_one(look) % span).unwrap_or_default();
        let port = FIRST + offset;
        if !ports.contains(&port) && is_free(port) && is_free(port + BUS_OFFSET) {
            ports.push(port);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        format!("fewer than {count} free ports between {FIRST} and {LAST}"),
    ))
}

/// Whether nobody listens there.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(local(port)).is_ok()
}
