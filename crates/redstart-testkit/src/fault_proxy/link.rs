//! One connection on its way through a proxy.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::trap::{ArmedTrap, Strike};
use super::{Faults, Shared};
use crate::address::Address;
use crate::deadline::Deadline;
use crate::frame::FrameScanner;

/// The most that is held back in order to see a whole request or reply.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// What the proxy knows of a connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) wire: Arc<Wire>,
    /// Its own faults, instead of everybody's.
    pub(super) faults: Option<Faults>,
    /// Whether it is between servers.
    pub(super) spared: bool,
}

/// Both ends.
#[derive(Debug)]
pub(super) struct Wire {
    client: TcpStream,
    server: Upstream,
    /// Whoever writes to the client holds this, so that replies keep their order. It is taken before
    /// the count, and never by a request that just passes: a client that sends much before it reads
    /// must not be kept from it.
    turn: Mutex<()>,
    count: Mutex<Count>,
}

#[derive(Debug)]
enum Upstream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Which reply answers which request.
#[derive(Debug, Default)]
struct Count {
    /// How many requests have gone to the server.
    forwarded: u64,
    /// How many of its replies have gone to the client.
    answered: u64,
    /// Replies that are not the server's, each to be given after so many of the server's.
    due: VecDeque<(u64, Vec<u8>)>,
    /// What happens instead of the reply with this number.
    trap: Option<(u64, Arc<ArmedTrap>)>,
}

/// What becomes of the connection after something has passed.
#[derive(Debug)]
enum Fate {
    Goes,
    IsCut,
    IsFrozen(Arc<ArmedTrap>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

impl Wire {
    pub(super) fn open(client: TcpStream, target: &Address) -> io::Result<Wire> {
        client.set_nodelay(true)?;
        let server = match target {
            Address::Tcp(address) => {
                let server = TcpStream::connect(address)?;
                server.set_nodelay(true)?;
                Upstream::Tcp(server)
            }
            Address::Unix(path) => Upstream::Unix(UnixStream::connect(path)?),
        };
        Ok(Wire {
            client,
            server,
            turn: Mutex::default(),
            count: Mutex::default(),
        })
    }

    pub(super) fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = match &self.server {
            Upstream::Tcp(server) => server.shutdown(Shutdown::Both),
            Upstream::Unix(server) => server.shutdown(Shutdown::Both),
        };
    }

    fn read(&self, direction: Direction, chunk: &mut [u8]) -> io::Result<usize> {
        match (direction, &self.server) {
            (Direction::ToServer, _) => (&self.client).read(chunk),
            (Direction::ToClient, Upstream::Tcp(server)) => { server }.read(chunk),
            (Direction::ToClient, Upstream::Unix(server)) => { server }.read(chunk),
        }
    }

    fn write(&self, direction: Direction, bytes: &[u8], faults: Faults) -> io::Result<()> {
        let piece = faults.piece.map_or(bytes.len().max(1), usize::from);
        for bytes in bytes.chunks(piece) {
            match (direction, &self.server) {
                (Direction::ToClient, _) => (&self.client).write_all(bytes)?,
                (Direction::ToServer, Upstream::Tcp(server)) => { server }.write_all(bytes)?,
                (Direction::ToServer, Upstream::Unix(server)) => { server }.write_all(bytes)?,
            }
            if faults.piece.is_some() {
                // A chance for the reader to find this piece alone.
                thread::yield_now();
            }
        }
        Ok(())
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts to carry both ways. Whichever way ends first ends the other.
pub(super) fn carry(shared: &Arc<Shared>, id: u64, wire: &Arc<Wire>) -> io::Result<()> {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let (carrying, wire) = (shared.clone(), wire.clone());
        let spawned = thread::Builder::new()
            .name("fault-proxy".to_owned())
            .spawn(move || {
                let _ = carry_one_way(&carrying, id, &wire, direction);
                carrying.cut(id);
            });
        if let Err(error) = spawned {
            shared.cut(id);
            return Err(error);
        }
    }
    Ok(())
}

/// Carries until either end closes, or the connection is cut (`None`).
fn carry_one_way(shared: &Shared, id: u64, wire: &Wire, direction: Direction) -> Option<()> {
    let mut chunk = vec![0; 16 * 1024];
    let mut frames = Frames::default();
    let mut has_lost_some = false;
    loop {
        let length = match wire.read(direction, &mut chunk) {
            Ok(0) => return None,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        let bytes = &chunk[..length];
        let Some(faults) = shared.pass(id)? else {
            wire.write(direction, bytes, Faults::none()).ok()?;
            continue;
        };
        let dropped = match direction {
            Direction::ToServer => faults.drops_requests,
            Direction::ToClient => faults.drops_replies,
        };
        if dropped {
            has_lost_some = true;
            continue;
        }
        if has_lost_some {
            return None;
        }
        frames.add(bytes);
        while let Some(frame) = frames.next() {
            let fate = match direction {
                Direction::ToServer => wire.carry_request(&frame, shared, faults),
                Direction::ToClient => wire.carry_reply(&frame, faults),
            };
            match fate.ok()? {
                Fate::Goes => {}
                Fate::IsCut => return None,
                Fate::IsFrozen(trap) => {
                    shared.change(|state| {
                        let link = state.links.get_mut(&id)?;
                        link.faults = Some(faults.frozen());
                        Some(())
                    })?;
                    trap.spring();
                    // What the trap has held back comes out when it is healed.
                    shared.pass(id)?;
                    wire.carry_reply(&frame, faults).ok()?;
                }
            }
        }
    }
}

impl Shared {
    /// Waits as long as the faults of the moment demand, and returns them; `Some(None)` for a
    /// connection that is spared, `None` for one that is cut.
    fn pass(&self, id: u64) -> Option<Option<Faults>> {
        let mut state = self.lock();
        let mut late: Option<Deadline> = None;
        loop {
            let link = state.links.get(&id)?;
            if link.spared {
                return Some(None);
            }
            let faults = link.faults.unwrap_or(state.faults);
            if faults.frozen {
                let woken = self.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let until = *late.get_or_insert_with(|| Deadline::after(faults.delay));
            if faults.delay.is_zero() || until.is_over() {
                return Some(Some(faults));
            }
            let woken = self.changed.wait_timeout(state, until.left());
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The trap that this request springs.
    fn sprung_by(&self, request: &[u8]) -> Option<Arc<ArmedTrap>> {
        let mut state = self.lock();
        let sprung = state
            .traps
            .iter()
            .position(|trap| trap.armed.matches(request))?;
        let armed = state.traps[sprung].armed.clone();
        if !armed.is_lasting {
            state.traps.remove(sprung);
        }
        Some(armed)
    }
}

impl Wire {
    fn carry_request(&self, frame: &Frame, shared: &Shared, faults: Faults) -> io::Result<Fate> {
        if frame.is_whole {
            let mut count = self.count();
            let trap = match &count.trap {
                Some((_, trap)) if trap.strike == Strike::FreezeBeforeReply => None,
                // The connection is as good as gone: nobody sees what comes after the strike.
                Some(_) => return Ok(Fate::Goes),
                None => shared.sprung_by(&frame.bytes),
            };
            if let Some(trap) = trap {
                let number = count.forwarded + 1;
                match &trap.strike {
                    Strike::Answer(bytes) => {
                        let after = count.forwarded;
                        count.due.push_back((after, bytes.clone()));
                        drop(count);
                        trap.spring();
                        let turn = self.turn();
                        return self.give_due(&turn, faults).map(|()| Fate::Goes);
                    }
                    Strike::CutBeforeRequest if count.answered == count.forwarded => {
                        trap.spring();
                        return Ok(Fate::IsCut);
                    }
                    Strike::CutBeforeRequest => {
                        count.trap = Some((number, trap));
                        return Ok(Fate::Goes);
                    }
                    _ => count.trap = Some((number, trap)),
                }
            }
            count.forwarded += 1;
        }
        self.write(Direction::ToServer, &frame.bytes, faults)?;
        Ok(Fate::Goes)
    }

    fn carry_reply(&self, frame: &Frame, faults: Faults) -> io::Result<Fate> {
        let turn = self.turn();
        // Messages and invalidations answer nothing.
        if frame.is_whole && frame.bytes.first() == Some(&b'>') {
            self.write(Direction::ToClient, &frame.bytes, faults)?;
            return Ok(Fate::Goes);
        }
        let mut count = self.count();
        // Where replies can no longer be counted, any may be the one in question.
        let number = count.answered + 1;
        let is_next = |(at, _): &mut (u64, Arc<ArmedTrap>)| *at == number || !frame.is_whole;
        let struck = count.trap.take_if(is_next);
        drop(count);
        if let Some((_, trap)) = struck {
            if trap.strike == Strike::FreezeBeforeReply {
                return Ok(Fate::IsFrozen(trap));
            }
            if trap.strike == Strike::CutWithinReply {
                let half = &frame.bytes[..frame.bytes.len() / 2];
                self.write(Direction::ToClient, half, faults)?;
            }
            trap.spring();
            return Ok(Fate::IsCut);
        }
        self.write(Direction::ToClient, &frame.bytes, faults)?;
        if !frame.is_whole {
            return Ok(Fate::Goes);
        }
        let mut count = self.count();
        count.answered = number;
        // The request that was not sent would be the next to be answered.
        let is_never_answered = |(at, trap): &mut (u64, Arc<ArmedTrap>)| {
            *at == number + 1 && trap.strike == Strike::CutBeforeRequest
        };
        let struck = count.trap.take_if(is_never_answered);
        drop(count);
        match struck {
            Some((_, trap)) => {
                trap.spring();
                Ok(Fate::IsCut)
            }
            None => self.give_due(&turn, faults).map(|()| Fate::Goes),
        }
    }

    /// Gives the client what is due to it after the replies it has had.
    fn give_due(&self, _turn: &MutexGuard<'_, ()>, faults: Faults) -> io::Result<()> {
        loop {
            let mut count = self.count();
            let answered = count.answered;
            let Some((_, bytes)) = count.due.pop_front_if(|(after, _)| *after <= answered) else {
                return Ok(());
            };
            drop(count);
            self.write(Direction::ToClient, &bytes, faults)?;
        }
    }
}

/// Cuts a stream of bytes where requests or replies end.
#[derive(Default)]
struct Frames {
    held: Vec<u8>,
    scanner: FrameScanner,
    /// Whether the ends are lost, because something was too long or no RESP.
    is_lost: bool,
}

struct Frame {
    bytes: Vec<u8>,
    /// Whether this is one request or one reply, or bytes of which nothing is known.
    is_whole: bool,
}

impl Frames {
    fn add(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Option<Frame> {
        if !self.is_lost && !self.held.is_empty() {
            match self.scanner.scan(&self.held) {
                Ok(Some(length)) => {
                    self.scanner = FrameScanner::new();
                    return Some(Frame {
                        bytes: self.held.drain(..length).collect(),
                        is_whole: true,
                    });
                }
                Ok(None) if self.held.len() <= HELD_BYTES_MAX => return None,
                _ => self.is_lost = true,
            }
        }
        let bytes = std::mem::take(&mut self.held);
        (!bytes.is_empty()).then_some(Frame {
            bytes,
            is_whole: false,
        })
    }
}
