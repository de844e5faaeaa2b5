//! A connection that hides nothing: bytes out, one raw reply in.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::address::Address;
use crate::deadline::Deadline;
use crate::frame::FrameScanner;
use crate::reply::Reply;

/// How long a read waits before it gives up.
const DEADLINE: Duration = Duration::from_secs(30);

/// A blocking connection that speaks bytes. Every read has a deadline, so that a server that says
/// nothing fails a test instead of hanging it.
#[derive(Debug)]
pub struct RawConnection {
    stream: Stream,
    buffer: Vec<u8>,
    deadline: Duration,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl RawConnection {
    /// Connects to `address`.
    pub fn open(address: &Address) -> io::Result<RawConnection> {
        let stream = match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, DEADLINE)?;
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
            Address::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
        };
        Ok(RawConnection {
            stream,
            buffer: Vec::new(),
            deadline: DEADLINE,
        })
    }

    /// Sets how long a read waits, 30 seconds at first.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Sends one command.
    pub fn send_command<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        let mut bytes = Vec::new();
        RawConnection::encode(args, &mut bytes);
        self.send(&bytes)
    }

    /// Appends a command in wire form, for sending several at once.
    pub fn encode<A: AsRef<[u8]>>(args: &[A], out: &mut Vec<u8>) {
        out.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
        for arg in args {
            let arg = arg.as_ref();
            out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            out.extend_from_slice(arg);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Reads the bytes of exactly one reply.
    pub fn receive_raw(&mut self) -> io::Result<Vec<u8>> {
        let until = Deadline::after(self.deadline);
        let mut scanner = FrameScanner::new();
        loop {
            let scanned = scanner.scan(&self.buffer);
            match scanned.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                Some(length) => return Ok(self.buffer.drain(..length).collect()),
                None => self.fill(until)?,
            }
        }
    }

    /// Reads one reply.
    pub fn receive(&mut self) -> io::Result<Reply> {
        let bytes = self.receive_raw()?;
        Reply::parse(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Reads until everything received so far ends with `end`, and returns it all. With the reply
    /// to a unique PING as `end`, this is everything the server had to say before it.
    pub fn receive_until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        let until = Deadline::after(self.deadline);
        while !self.buffer.ends_with(end) {
            self.fill(until)?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Reads until the server closes the connection, and returns what it had sent.
    pub fn receive_to_end(&mut self) -> io::Result<Vec<u8>> {
        let until = Deadline::after(self.deadline);
        loop {
            match self.fill(until) {
                Ok(()) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    return Ok(std::mem::take(&mut self.buffer));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends one command and reads its reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Reply> {
        self.send_command(args)?;
        self.receive()
    }

    /// Waits for bytes and adds them to the buffer.
    fn fill(&mut self, until: Deadline) -> io::Result<()> {
        let left = until.left();
        if left.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "no whole reply in time",
            ));
        }
        let mut chunk = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Tcp(stream) => {
                stream.set_read_timeout(Some(left))?;
                stream.read(&mut chunk)
            }
            Stream::Unix(stream) => {
                stream.set_read_timeout(Some(left))?;
                stream.read(&mut chunk)
            }
        };
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.buffer.extend_from_slice(&chunk[..length]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "no whole reply in time",
            )),
            Err(error) => Err(error),
        }
    }
}
