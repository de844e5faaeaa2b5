//! How long a subscriber to many channels is deaf when its connection is cut: the store's finds out
//! and mends by itself, beside redis-rs' subscriber opened anew at once.

use std::time::{Duration, Instant};

use redis::Client;
use redstart::Store;
use redstart::store::Event;
use redstart_testkit::Server;
use tokio::runtime::Runtime;

use super::Failure;
use crate::report::{Better, Row, median};

const CHANNELS: usize = 10_000;
const TRIES: usize = 7;
const PATIENCE: Duration = Duration::from_secs(30);

pub fn row(runtime: &Runtime) -> Result<Row, Failure> {
    let server = Server::from_path()?.tcp().start()?;
    let channels: Vec<String> = (0..CHANNELS).map(|n| format!("channel:{n:08}")).collect();
    let (ours, peer) = runtime.block_on(measure(&server, &channels))?;
    Ok(Row {
        name: "connection cut: 10,000 channels confirmed".to_owned(),
        ours,
        peer,
        peer_name: "redis-rs, opened anew",
        unit: "ms",
        better: Better::Lower,
    })
}

async fn measure(server: &Server, channels: &[String]) -> Result<(f64, f64), Failure> {
    let store = Store::open(&server.url()).await?;
    let mut subscription = store.subscribe(channels).within(PATIENCE).await?;
    let client = Client::open(server.url())?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..TRIES {
        let cut = Instant::now();
        server.call(&["CLIENT", "KILL", "TYPE", "pubsub"])?;
        // The gap is told when the server has confirmed every channel again.
        match tokio::time::timeout(PATIENCE, subscription.next()).await? {
            Some(Event::Gap(_)) => ours.push(cut.elapsed().as_secs_f64() * 1e3),
            other => return Err(format!("{other:?} instead of a gap").into()),
        }
        let cut = Instant::now();
        let mut subscriber = client.get_async_pubsub().await?;
        subscriber.subscribe(channels).await?;
        peer.push(cut.elapsed().as_secs_f64() * 1e3);
    }
    Ok((median(ours), median(peer)))
}
