//! Ours and the peer behind one face.

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{Client as RedisClient, IntoConnectionInfo};
use redstart::Store;

use super::Failure;

/// Keys of a read of many.
pub const MANY: usize = 100;

/// What is asked again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Get,
    Set,
    Evalsha,
    GetMany,
}

impl Work {
    pub const ALL: [Work; 4] = [Work::Get, Work::Set, Work::Evalsha, Work::GetMany];

    pub fn name(self) -> &'static str {
        match self {
            Work::Get => "GET",
            Work::Set => "SET",
            Work::Evalsha => "EVALSHA",
            Work::GetMany => "100 keys",
        }
    }
}

/// A handle of one of the contestants.
#[derive(Clone)]
pub enum Client {
    Store(Store),
    Raw(MultiplexedConnection),
    RawCluster(ClusterConnection),
}

/// What requests are made of.
#[derive(Debug)]
pub struct Material {
    pub keys: Vec<String>,
    pub value: String,
    pub sha: String,
}

impl Material {
    /// [`MANY`] keys, this one and others from all over.
    fn many(&self, at: usize) -> impl Iterator<Item = &String> {
        (0..MANY).map(move |n| &self.keys[(at + n * 97) % self.keys.len()])
    }
}

impl Client {
    pub async fn store(url: &str) -> Result<Client, Failure> {
        Ok(Client::Store(Store::open(url).await?))
    }

    /// redis-rs as it comes, but for Nagle's algorithm, which the store does not use either.
    pub async fn raw(url: &str) -> Result<Client, Failure> {
        let info = url.into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = RedisClient::open(info)?;
        let connection = client.get_multiplexed_async_connection().await?;
        Ok(Client::Raw(connection))
    }

    /// The same for a cluster.
    pub async fn raw_cluster(url: &str) -> Result<Client, Failure> {
        let hosts = url.trim_start_matches("redis+cluster://").split(',');
        let seeds = hosts.map(|host| format!("redis://{host}"));
        let client = ClusterClientBuilder::new(seeds)
            .tcp_settings(TcpSettings::default().set_nodelay(true))
            .build()?;
        Ok(Client::RawCluster(client.get_async_connection().await?))
    }

    /// One request and its reply, taken out of its envelope as a program would.
    pub async fn ask(&mut self, work: Work, with: &Material, at: usize) -> Result<(), Failure> {
        let key = &with.keys[at % with.keys.len()];
        match self {
            Client::Store(store) => ask_store(store, work, with, key, at).await,
            Client::Raw(connection) => ask_raw(connection, work, with, key, at).await,
            Client::RawCluster(connection) => ask_raw(connection, work, with, key, at).await,
        }
    }

    /// A write that any server takes who is a primary.
    pub async fn write(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        match self {
            Client::Store(store) => store.command(["SET", key, value]).returning().await?,
            Client::Raw(raw) => write_raw(raw, key, value).await?,
            Client::RawCluster(raw) => write_raw(raw, key, value).await?,
        }
        Ok(())
    }
}

async fn ask_store(
    store: &Store,
    work: Work,
    with: &Material,
    key: &str,
    at: usize,
) -> Result<(), Failure> {
    match work {
        Work::Get => {
            let read = store.command(["GET", key]).returning::<Vec<u8>>().await?;
            expect(read.len() == with.value.len())
        }
        Work::Set => {
            let set = store.command(["SET", key, &with.value]);
            Ok(set.returning::<()>().await?)
        }
        Work::Evalsha => {
            let call = store.command(["EVALSHA", &with.sha, "1", key]);
            expect(call.returning::<i64>().await? == 1)
        }
        Work::GetMany => {
            let mut read = 0;
            for value in store.get_many(with.many(at)).await? {
                read += value?.map_or(0, |bytes| bytes.len());
            }
            expect(read == MANY * with.value.len())
        }
    }
}

async fn ask_raw(
    connection: &mut impl redis::aio::ConnectionLike,
    work: Work,
    with: &Material,
    key: &str,
    at: usize,
) -> Result<(), Failure> {
    match work {
        Work::Get => {
            let mut get = redis::cmd("GET");
            let read: Vec<u8> = get.arg(key).query_async(connection).await?;
            expect(read.len() == with.value.len())
        }
        Work::Set => Ok(write_raw(connection, key, &with.value).await?),
        Work::Evalsha => {
            let mut call = redis::cmd("EVALSHA");
            call.arg(&with.sha).arg("1").arg(key);
            let answer: i64 = call.query_async(connection).await?;
            expect(answer == 1)
        }
        Work::GetMany => {
            let mut get = redis::cmd("MGET");
            for key in with.many(at) {
                get.arg(key);
            }
            let read: Vec<Vec<u8>> = get.query_async(connection).await?;
            expect(read.iter().map(Vec::len).sum::<usize>() == MANY * with.value.len())
        }
    }
}

async fn write_raw(
    connection: &mut impl redis::aio::ConnectionLike,
    key: &str,
    value: &str,
) -> redis::RedisResult<()> {
    let mut set = redis::cmd("SET");
    set.arg(key).arg(value).query_async(connection).await
}

fn expect(right: bool) -> Result<(), Failure> {
    match right {
        true => Ok(()),
        false => Err("a reply is not what was stored".into()),
    }
}
