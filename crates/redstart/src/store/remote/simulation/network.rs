//! Connections to simulated nodes: pipes, and whoever answers at their other end.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use redstart_protocol::{RequestDecoder, Value};
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
            match fate {
                Fate::CutBefore => return Ok(()),
                Fate::Refuse(error) => client.say(Value::error(error)),
                _ => world.execute(client, &words),
            }
            tell(world, client, stream, fate).await?;
        }
        tokio::select! {
            biased;
            () = client.has_output.notified() => {
                world.until_thawed(client.node).await;
                let fate = world.fate_of_a_push();
                tell(world, client, stream, fate).await?;
            }
            read = stream.read_buf(&mut unread) => {
                if read? == 0 {
                    return Ok(());
                }
            }
        }
    }
}

/// Writes what there is for a client, as well as its fate allows. It fails if the connection is to
/// end; not if nobody listens any more: what was sent is executed all the same.
async fn tell(
    world: &World,
    client: &Client,
    stream: &mut DuplexStream,
    fate: Fate,
) -> io::Result<()> {
    if let Fate::DelayAfter(delay) = fate {
        world.time.sleep(delay).await;
    }
    let mut bytes = client.take_output();
    match fate {
        Fate::CutBefore | Fate::CutAfter => return Err(io::ErrorKind::BrokenPipe.into()),
        Fate::CutWithin => {
            bytes.truncate(world.random.below(bytes.len() as u64) as usize);
            let _ = stream.write_all(&bytes).await;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Fate::Torn => {
            for byte in bytes {
                let _ = stream.write_all(&[byte]).await;
                world.time.sleep(up_to(Fate::PAUSE, &world.random)).await;
            }
        }
        _ => {
            let _ = stream.write_all(&bytes).await;
        }
    }
    Ok(())
}
