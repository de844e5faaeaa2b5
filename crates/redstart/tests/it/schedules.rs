//! Random schedules on real servers behind a proxy that fails: what the store says of each request
//! is held against what the server has executed.
//!
//! Thousands of them run on simulated servers, where a seed decides everything
//! (`store/remote/simulation/`); these see to it that real servers are no different.
//! `REDSTART_REAL_SCHEDULES` says how many there are, `REDSTART_SCHEDULE_SEED` the seed of the first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::store::{Failure, Replay};
use redstart_testkit::{Cluster, Failover, FaultProxy, Faults, Reply, Server, wait_until};
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(30);

/// On a server. A cluster takes its time to agree on changes, so it plays fewer.
const SCHEDULES: u64 = 240;

/// Notes that it was executed, by a number that the request carries.
const NOTE: &str = "redis.call('HINCRBY', KEYS[1], ARGV[1], 1) return ARGV[1]";

/// SplitMix64: the same throws every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

/// One request, and what its caller came to know.
#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u64,
    replay: Replay,
    /// `None`: it was answered.
    failure: Option<Failure>,
}

impl Asked {
    fn check(&self, seed: u64, times: u64) {
        let most = if self.replay == Replay::Never {
            1
        } else {
            u64::MAX
        };
        let possible = match self.failure {
            None => 1..=most,
            Some(Failure::Unknown) => 0..=most,
            Some(_) => 0..=0,
        };
        assert!(
            possible.contains(&times),
            "{self:?} was executed {times} times, seed {seed}"
        );
    }
}

/// Tasks that ask until each has asked so often.
struct Callers {
    ended: Arc<AtomicU64>,
    tasks: JoinSet<Vec<Asked>>,
}

const TASKS: u64 = 6;
const REQUESTS: u64 = 12;

impl Callers {
    fn start(store: &Store, seed: u64, keys: &[String]) -> Callers {
        let ended: Arc<AtomicU64> = Arc::default();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (store, keys, ended) = (store.clone(), keys.to_vec(), Arc::clone(&ended));
            let mut dice = Dice(seed.wrapping_mul(TASKS).wrapping_add(task));
            tasks.spawn(async move {
                let mut asked = Vec::new();
                for step in 0..REQUESTS {
                    let key = &keys[dice.below(keys.len() as u64) as usize];
                    let number = task * REQUESTS + step;
                    let replay = match dice.below(2) {
                        0 => Replay::Never,
                        _ => Replay::Idempotent,
                    };
                    let failure = ask(&store, &mut dice, key, number, replay).await;
                    asked.push(Asked {
                        number,
                        replay,
                        failure,
                    });
                    ended.fetch_add(1, Ordering::Relaxed);
                }
                asked
            });
        }
        Callers { ended, tasks }
    }

    /// Waits until so many more requests have ended; says whether there are any left.
    async fn more(&self, count: u64) -> bool {
        let all = TASKS * REQUESTS;
        let goal = all.min(self.ended.load(Ordering::Relaxed) + count);
        while self.ended.load(Ordering::Relaxed) < goal {
            tokio::task::yield_now().await;
        }
        goal < all
    }

    async fn asked(self) -> Vec<Asked> {
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

/// How it failed, if it did.
async fn ask(
    store: &Store,
    dice: &mut Dice,
    key: &str,
    number: u64,
    replay: Replay,
) -> Option<Failure> {
    let within = Duration::from_millis([5, 50, 300][dice.below(3) as usize]);
    let text = number.to_string();
    let note = store
        .command(["EVAL", NOTE, "1", key, &text])
        .replay(replay);
    match note.within(within).returning::<String>().await {
        Ok(answer) => {
            assert_eq!(answer, text, "a reply of somebody else");
            None
        }
        Err(error) => Some(error.failure()),
    }
}

/// One kind of trouble on the way to a server.
fn trouble(proxy: &FaultProxy, server: &Server, dice: &mut Dice) {
    match dice.below(9) {
        0 => proxy.cut(),
        1 => proxy.set(Faults::none().frozen()),
        2 => proxy.set(Faults::none().dropping_requests()),
        3 => proxy.set(Faults::none().dropping_replies()),
        4 => proxy.set(Faults::none().delay(Duration::from_millis(dice.below(20)))),
        5 => proxy.set(Faults::none().pieces(1 + dice.below(9) as usize)),
        6 => proxy.refuse(),
        7 => proxy.heal(),
        _ => {
            let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
            server.call(&kill).unwrap();
        }
    }
}

/// How many there are.
fn schedules() -> u64 {
    from_environment("REDSTART_REAL_SCHEDULES", SCHEDULES)
}

/// Servers, and a proxy before each.
struct Behind<'s> {
    url: String,
    proxies: Vec<&'s FaultProxy>,
    servers: Vec<&'s Server>,
}

/// Plays schedules, with other changes than trouble on the way now and then.
async fn play(behind: &Behind<'_>, schedules: u64, change: impl Fn(&mut Dice)) -> String {
    let Behind {
        url,
        proxies,
        servers,
    } = behind;
    let first = from_environment("REDSTART_SCHEDULE_SEED", 1);
    let (mut answered, mut open, mut without_effect) = (0, 0, 0);
    for seed in first..first + schedules {
        let mut dice = Dice(seed);
        let store = Store::builder(url)
            .unresponsive_after(Duration::from_millis(50))
            .connect_within(Duration::from_millis(200))
            .lanes(1 + dice.below(3) as usize)
            .lazy();
        let store = store.open().await.unwrap();
        let keys: Vec<String> = (0..4).map(|key| format!("{{{key}}}:{seed}")).collect();
        let callers = Callers::start(&store, seed, &keys);
        while callers.more(1 + dice.below(12)).await {
            let at = dice.below(proxies.len() as u64) as usize;
            tokio::task::block_in_place(|| {
                trouble(proxies[at], servers[at], &mut dice);
                change(&mut dice);
            });
        }
        let asked = callers.asked().await;
        drop(store);
        let executed = tokio::task::block_in_place(|| {
            settle(proxies, servers);
            executed(servers, &keys)
        });
        for one in asked {
            one.check(seed, executed.get(&one.number).copied().unwrap_or(0));
            match one.failure {
                None => answered += 1,
                Some(Failure::Unknown) => open += 1,
                Some(_) => without_effect += 1,
            }
        }
    }
    assert!(answered > open && open > 0 && without_effect > 0);
    format!("{answered} answered, {open} open, {without_effect} without effect")
}

/// Whatever was on its way has arrived or never will.
fn settle(proxies: &[&FaultProxy], servers: &[&Server]) {
    for proxy in proxies {
        proxy.heal();
        proxy.cut();
    }
    for server in servers {
        wait_until("nobody else is connected", LONG, || {
            let list = server.call(&["CLIENT", "LIST", "TYPE", "normal"]).unwrap();
            let list = list.as_bytes().unwrap();
            list.iter().filter(|byte| **byte == b'\n').count() == 1
        });
    }
}

/// What the servers have executed, by number.
fn executed(servers: &[&Server], keys: &[String]) -> BTreeMap<u64, u64> {
    let mut executed = BTreeMap::new();
    let number = |reply: &Reply| {
        let text = String::from_utf8_lossy(reply.as_bytes().unwrap()).into_owned();
        text.parse::<u64>().unwrap()
    };
    for key in keys {
        // The other nodes say where it is.
        let answers = servers
            .iter()
            .filter_map(|server| server.call(&["HGETALL", key]).ok());
        let notes = answers.into_iter().find(|answer| !answer.is_error());
        for pair in notes
            .expect("one of them has it")
            .as_elements()
            .unwrap()
            .chunks(2)
        {
            *executed.entry(number(&pair[0])).or_default() += number(&pair[1]);
        }
    }
    executed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_executes_what_the_store_says_through_any_trouble() {
    let server = Server::from_path().unwrap().start().unwrap();
    let proxy = FaultProxy::start(server.address().clone()).unwrap();
    let behind = Behind {
        url: proxy.url(),
        proxies: vec![&proxy],
        servers: vec![&server],
    };
    println!("{}", play(&behind, schedules(), |_| {}).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_executes_what_the_store_says_through_any_trouble() {
    let cluster = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::from_path().unwrap();
        cluster.proxied().start().unwrap()
    });
    let cluster = cluster.await.unwrap();
    let behind = Behind {
        url: cluster.url(),
        proxies: cluster.proxies().iter().collect(),
        servers: cluster.nodes().iter().collect(),
    };
    let change = |dice: &mut Dice| {
        let slot = cluster.slot_of(&format!("{{{}}}", dice.below(4))).unwrap();
        let from = cluster.primary_of(slot).unwrap();
        match dice.below(60) {
            0 => {
                let replica = cluster.replicas_of(from).unwrap()[0];
                cluster.failover(replica, Failover::Coordinated).unwrap();
            }
            1..=2 => {
                let primary = |node: &usize| !cluster.replicas_of(*node).unwrap().is_empty();
                let to = (0..cluster.nodes().len())
                    .filter(primary)
                    .find(|node| *node != from);
                cluster.move_slot(slot, to.unwrap()).unwrap();
            }
            _ => {}
        }
    };
    println!("{}", play(&behind, schedules() / 8, change).await);
}
