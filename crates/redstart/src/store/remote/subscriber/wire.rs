//! A subscriber's connection: bytes out, values in, neither waiting for the other.

use bytes::BytesMut;
use redstart_protocol::{ReplyDecoder, ReplyError, ReplyLimits, Value, encode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

use crate::store::error::{Disconnect, Error, OperationName};
use crate::store::remote::greeting::{self, Login};

/// Read at a time. Large payloads share what was read at once with what else came in it.
const READ_BYTES: usize = 16 * 1024;

/// What servers push is flat; what they answer to the greeting is nearly so.
const LIMITS: ReplyLimits = ReplyLimits {
    bulk_len_max: 512 << 20,
    elements_max: 1024,
    depth_max: 8,
    reply_len_max: 513 << 20,
};

/// A stream of any kind.
pub(in crate::store::remote) trait Stream:
    AsyncRead + AsyncWrite + Send + Unpin
{
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(in crate::store::remote) struct Wire {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    decoder: ReplyDecoder,
    input: BytesMut,
    output: BytesMut,
    /// Not all of it was written, or a layer of the connection may still hold some.
    unwritten: bool,
}

impl Wire {
    /// Logs in. Subscriptions belong to no database, so none is selected.
    pub(in crate::store::remote) async fn greet(
        stream: Box<dyn Stream>,
        login: Login<'_>,
    ) -> Result<Wire, Disconnect> {
        let (reader, writer) = split(stream);
        let mut wire = Wire {
            reader,
            writer,
            decoder: ReplyDecoder::new(LIMITS),
            input: BytesMut::new(),
            output: BytesMut::new(),
            unwritten: false,
        };
        let mut hello: Vec<&[u8]> = vec![b"HELLO", b"3"];
        if let Some((username, password)) = login.credentials() {
            hello.extend([b"AUTH", username.as_bytes(), password.as_bytes()]);
        }
        match wire.call(&hello).await? {
            Ok(_) => {}
            Err(refusal) if refusal.code() == Some("NOPROTO") => {
                return Err(greeting::no_resp3());
            }
            Err(refusal) => return Err(why_not(&refusal)),
        }
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        // Only newer servers want to know.
        for (what, value) in [(&b"LIB-NAME"[..], &b"redstart"[..]), (b"LIB-VER", version)] {
            let _ = wire.call(&[b"CLIENT", b"SETINFO", what, value]).await?;
        }
        // The answers to PING tell the answers to everything else apart.
        match wire.call(&[b"PING"]).await? {
            Ok(_) => Ok(wire),
            Err(refusal) => Err(why_not(&refusal)),
        }
    }

    /// Bytes to be written by [`exchange`](Wire::exchange).
    pub(super) fn output(&mut self) -> &mut BytesMut {
        self.unwritten = true;
        &mut self.output
    }

    /// Writes what there is to write, and completes when something was read. A dropped future
    /// loses nothing.
    pub(super) async fn exchange(&mut self) -> std::io::Result<()> {
        loop {
            self.input.reserve(READ_BYTES);
            tokio::select! {
                read = self.reader.read_buf(&mut self.input) => {
                    return match read? {
                        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
                        _ => Ok(()),
                    };
                }
                written = write(&mut self.writer, &mut self.output), if self.unwritten => {
                    written?;
                    self.unwritten = false;
                }
            }
        }
    }

    pub(super) fn decode(&mut self) -> Result<Option<Value>, ReplyError> {
        self.decoder.decode(&mut self.input)
    }

    /// One command, one reply, before anything is subscribed to.
    async fn call(&mut self, command: &[&[u8]]) -> Result<Result<Value, Error>, Disconnect> {
        let output = self.output();
        encode::array_header(command.len(), output);
        for argument in command {
            encode::bulk(argument, output);
        }
        let unreachable = |why: String| Disconnect::Unreachable(why.into());
        loop {
            match self.decode() {
                Ok(Some(Value::Push(_))) => {}
                Ok(Some(Value::Error(text))) => {
                    let operation = OperationName::command(command[0]);
                    return Ok(Err(Error::server(&operation, &text)));
                }
                Ok(Some(reply)) => return Ok(Ok(reply)),
                Ok(None) => {
                    let exchanged = self.exchange().await;
                    exchanged.map_err(|error| unreachable(error.to_string()))?;
                }
                Err(_) => return Err(unreachable("the server speaks no RESP".into())),
            }
        }
    }
}

/// A dropped future loses nothing.
async fn write(
    writer: &mut WriteHalf<Box<dyn Stream>>,
    output: &mut BytesMut,
) -> std::io::Result<()> {
    writer.write_all_buf(output).await?;
    writer.flush().await
}

fn why_not(refusal: &Error) -> Disconnect {
    match refusal {
        Error::Server { code, text, .. } => greeting::refusal(code, text),
        other => Disconnect::Unreachable(other.to_string().into()),
    }
}
