//! Connections to simulated nodes: pipes, and whoever answers at their other end.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use redstart_protocol::{RequestDecoder, Resp, Value, encode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::fate::{Door, Fate, up_to};
use super::world::{Client, World};
use crate::store::url::Endpoint;

/// What a store connects to instead of the operating system's network.
#[derive(Clone, Debug)]
pub(crate) struct Network(Arc<World>);

impl Network {
    pub(super) fn of(world: &Arc<World>) -> Network {
        Network(Arc::clone(world))
    }

    /// A pipe to the node there.
    pub(crate) async fn dial(&self, endpoint: &Endpoint) -> io::Result<DuplexStream> {
        let world = &self.0;
        let node = world.node_at(endpoint);
        match world.door(node) {
            Door::Open => {
                // Few bytes at a time, so that both requests and replies often come in pieces.
                let (near, far) = duplex(64 + world.random.below(1024) as usize);
                let client = Client::new(node);
                world.let_in(&client);
                tokio::spawn(serve(Arc::clone(world), client, far));
                Ok(near)
            }
            Door::Closed => Err(io::ErrorKind::ConnectionRefused.into()),
            Door::Silent => std::future::pending().await,
        }
    }
}

async fn serve(world: Arc<World>, client: Arc<Client>, mut stream: DuplexStream) {
    tokio::select! {
        biased;
        () = client.cut.notified() => {}
        _ = converse(&world, &client, &mut stream) => {}
    }
    world.let_go(&client);
}

/// Answers one request after the other, until the connection ends or is to end.
async fn converse(world: &World, client: &Client, stream: &mut DuplexStream) -> io::Result<()> {
    let mut decoder = RequestDecoder::default();
    let mut unread = BytesMut::new();
    loop {
        while let Some(request) = decoder.decode(&mut unread).map_err(io::Error::other)? {
            let words = request.args();
            world.until_thawed(client.node).await;
            let fate = world.fate(client, &words);
            if let Fate::DelayBefore(delay) = fate {
                world.time.sleep(delay).await;
            }
            let reply = match fate {
                Fate::CutBefore => return Ok(()),
                Fate::Refuse(error) => Value::error(error),
                _ => world.execute(client, &words),
            };
            let mut bytes = BytesMut::new();
            encode(&reply, Resp::V3, &mut bytes);
            match fate {
                Fate::CutAfter => return Ok(()),
                Fate::CutWithin => {
                    bytes.truncate(world.random.below(bytes.len() as u64) as usize);
                    return stream.write_all(&bytes).await;
                }
                Fate::Torn => {
                    for byte in bytes {
                        // Nobody listens any more: what was sent is executed all the same.
                        let _ = stream.write_all(&[byte]).await;
                        world.time.sleep(up_to(Fate::PAUSE, &world.random)).await;
                    }
                    continue;
                }
                Fate::DelayAfter(delay) => world.time.sleep(delay).await,
                _ => {}
            }
            let _ = stream.write_all(&bytes).await;
        }
        if stream.read_buf(&mut unread).await? == 0 {
            return Ok(());
        }
    }
}
