//! Four ways to put Redis before an origin, behind one face.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use redis::Client;
use redis::aio::MultiplexedConnection;
use redstart::Store;
use redstart::cache::Cache;
use redstart::store::codec::Plain;

use super::Failure;

pub const TTL: Duration = Duration::from_secs(600);

/// Of redis.io's guide: how long its lock lasts, and how often those look who did not get it.
const LOCK: Duration = Duration::from_millis(2_000);
const POLL: Duration = Duration::from_millis(25);
const UNLOCK: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
                      return redis.call('DEL', KEYS[1]) end return 0";

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Redstart,
    Snippet,
    Guide,
    Cached,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Redstart, Kind::Snippet, Kind::Guide, Kind::Cached];

    pub const PEERS: [Kind; 3] = [Kind::Snippet, Kind::Guide, Kind::Cached];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Redstart => "redstart",
            Kind::Snippet => "the copied snippet",
            Kind::Guide => "redis.io's Rust guide",
            Kind::Cached => "cached 4.1",
        }
    }
}

/// A cache of one of them.
#[derive(Clone)]
pub enum Contestant {
    Redstart(Cache<u64, String>),
    Snippet(MultiplexedConnection),
    Guide(MultiplexedConnection),
    Cached(AsyncRedisCache<u64, String>),
}

impl Contestant {
    pub async fn connect(kind: Kind, url: &str) -> Result<Contestant, Failure> {
        Ok(match kind {
            Kind::Redstart => {
                let cache = Cache::builder(&Store::open(url).await?, "bench", Plain);
                Contestant::Redstart(cache.ttl(TTL).build()?)
            }
            Kind::Snippet => Contestant::Snippet(raw(url).await?),
            Kind::Guide => Contestant::Guide(raw(url).await?),
            Kind::Cached => Contestant::Cached(cached(url).await?),
        })
    }

    /// What is stored, or what the origin has.
    pub async fn read(&self, key: u64, origin: &Arc<Origin>) -> Result<String, Failure> {
        match self {
            Contestant::Redstart(cache) => {
                let origin = Arc::clone(origin);
                let load = move |_| async move { Ok::<_, Failure>(origin.load(key).await) };
                Ok(cache.get_or_load(&key, load).await?)
            }
            Contestant::Snippet(connection) => snippet(connection.clone(), key, origin).await,
            Contestant::Guide(connection) => guide(connection.clone(), key, origin).await,
            // What its macro makes of a function: nobody waits for anybody.
            Contestant::Cached(cache) => {
                if let Some(value) = cache.async_cache_get(&key).await? {
                    return Ok(value);
                }
                let value = origin.load(key).await;
                cache.async_cache_set(key, value.clone()).await?;
                Ok(value)
            }
        }
    }

    /// Returns when the invalidation has been acknowledged.
    pub async fn invalidate(&self, key: u64) -> Result<(), Failure> {
        match self {
            Contestant::Redstart(cache) => {
                cache.invalidate(&key).await?;
            }
            Contestant::Snippet(connection) | Contestant::Guide(connection) => {
                let mut del = redis::cmd("DEL");
                del.arg(name(key))
                    .exec_async(&mut connection.clone())
                    .await?;
            }
            Contestant::Cached(cache) => {
                cache.async_cache_delete(&key).await?;
            }
        }
        Ok(())
    }
}

/// A cache with patience, to be filled and measured rather than to be disturbed.
pub fn cache(store: &Store) -> Result<Cache<u64, String>, Failure> {
    let cache = Cache::builder(store, "bench", Plain).ttl(TTL);
    Ok(cache.deadline(Duration::from_secs(10)).build()?)
}

pub async fn cached(url: &str) -> Result<AsyncRedisCache<u64, String>, Failure> {
    let builder = AsyncRedisCache::builder("bench").ttl(TTL);
    Ok(builder.connection_string(url).build().await?)
}

pub async fn raw(url: &str) -> Result<MultiplexedConnection, Failure> {
    Ok(Client::open(url)?
        .get_multiplexed_async_connection()
        .await?)
}

/// The key of plain commands.
pub fn name(key: u64) -> String {
    format!("plain:{key}")
}

/// Look, load, store.
async fn snippet(
    mut connection: MultiplexedConnection,
    key: u64,
    origin: &Origin,
) -> Result<String, Failure> {
    let mut get = redis::cmd("GET");
    let found: Option<String> = get.arg(name(key)).query_async(&mut connection).await?;
    if let Some(value) = found {
        return Ok(value);
    }
    let value = origin.load(key).await;
    let mut set = redis::cmd("SETEX");
    set.arg(name(key)).arg(TTL.as_secs()).arg(&value);
    set.exec_async(&mut connection).await?;
    Ok(value)
}

/// A hash for each value and a lock for each load. Whoever has the lock stores what it brings,
/// whatever happened in the meantime; the others look again every 25 ms, for as long as a lock lasts,
/// and load themselves then.
async fn guide(
    mut connection: MultiplexedConnection,
    key: u64,
    origin: &Origin,
) -> Result<String, Failure> {
    let look = |mut connection: MultiplexedConnection| async move {
        let mut all = redis::cmd("HGETALL");
        let fields: Vec<String> = all.arg(name(key)).query_async(&mut connection).await?;
        Ok::<_, Failure>(fields.into_iter().nth(1))
    };
    if let Some(value) = look(connection.clone()).await? {
        return Ok(value);
    }
    static TOKENS: AtomicU64 = AtomicU64::new(0);
    let number = TOKENS.fetch_add(1, Ordering::Relaxed);
    let (lock, token) = (
        format!("lock:{}", name(key)),
        format!("{}:{number}", std::process::id()),
    );
    let mut take = redis::cmd("SET");
    take.arg(&lock).arg(&token).arg("NX");
    take.arg("PX").arg(LOCK.as_millis() as u64);
    let taken: Option<String> = take.query_async(&mut connection).await?;
    if taken.is_some() {
        let value = origin.load(key).await;
        let mut fill = redis::pipe();
        fill.atomic().cmd("DEL").arg(name(key));
        fill.cmd("HSET").arg(name(key)).arg("value").arg(&value);
        fill.cmd("EXPIRE").arg(name(key)).arg(TTL.as_secs());
        fill.exec_async(&mut connection).await?;
        let mut release = redis::cmd("EVAL");
        release.arg(UNLOCK).arg("1").arg(&lock).arg(&token);
        release.exec_async(&mut connection).await?;
        return Ok(value);
    }
    let began = Instant::now();
    while began.elapsed() < LOCK {
        tokio::time::sleep(POLL).await;
        if let Some(value) = look(connection.clone()).await? {
            return Ok(value);
        }
    }
    Ok(origin.load(key).await)
}

/// What is cached: values with versions, and a count of how often somebody came for one.
pub struct Origin {
    versions: Vec<AtomicU64>,
    loads: AtomicU64,
    takes: Duration,
}

impl Origin {
    pub fn new(keys: usize, takes: Duration) -> Arc<Origin> {
        Arc::new(Origin {
            versions: (0..keys).map(|_| AtomicU64::new(0)).collect(),
            loads: AtomicU64::new(0),
            takes,
        })
    }

    async fn load(&self, key: u64) -> String {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let version = self.of(key).load(Ordering::SeqCst);
        if !self.takes.is_zero() {
            tokio::time::sleep(self.takes).await;
        }
        value(version)
    }

    /// A new value; returns its version.
    pub fn commit(&self, key: u64) -> u64 {
        self.of(key).fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    fn of(&self, key: u64) -> &AtomicU64 {
        &self.versions[key as usize % self.versions.len()]
    }
}

/// 64 bytes that say which version they are.
pub fn value(version: u64) -> String {
    format!("{version:064}")
}
