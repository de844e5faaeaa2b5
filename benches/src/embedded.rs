//! The engine inside the process, beside kevy-embedded and beside a bare locked map.
//!
//! Every subject does the same work on the same keys. Rounds of the subjects alternate, so that
//! what else the machine does meets them all; the median round counts.

use std::hint::black_box;
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use redstart_engine::{Client, Engine, Outbox, Peer};

use crate::report::{Better, Row, median};

const ROUND: Duration = Duration::from_millis(250);
const ROUNDS: usize = 7;
const HOT_KEYS: usize = 1_000;
const VALUE: &[u8] = b"sixteen bytes ok";
const PLAYERS: usize = 100_000;

/// One operation, repeated with a growing number.
type Work = Box<dyn FnMut(usize) + Send>;

/// Makes each thread's work; the number is the thread's.
type Maker<'a> = Box<dyn Fn(usize) -> Work + 'a>;

struct Subject<'a> {
    name: &'static str,
    maker: Maker<'a>,
}

/// Nanoseconds an operation takes a thread, with so many threads at once: one median a subject.
fn measure(threads: usize, subjects: &[Subject<'_>]) -> Vec<f64> {
    let mut rounds: Vec<Vec<f64>> = subjects.iter().map(|_| Vec::new()).collect();
    for round in 0..=ROUNDS {
        for (subject, results) in subjects.iter().zip(&mut rounds) {
            let took = run(threads, &subject.maker);
            // The first round warms up.
            if round > 0 {
                results.push(took);
            }
        }
    }
    rounds.into_iter().map(median).collect()
}

fn run(threads: usize, maker: &Maker<'_>) -> f64 {
    let barrier = Barrier::new(threads);
    let works: Vec<Work> = (0..threads).map(maker).collect();
    let took: Vec<f64> = std::thread::scope(|scope| {
        let handles: Vec<_> = works
            .into_iter()
            .map(|mut work| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    let (start, mut done) = (Instant::now(), 0usize);
                    while start.elapsed() < ROUND {
                        for _ in 0..1_000 {
                            work(done);
                            done += 1;
                        }
                    }
                    start.elapsed().as_nanos() as f64 / done as f64
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("a bench thread"))
            .collect()
    });
    took.iter().sum::<f64>() / took.len() as f64
}

pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for threads in [1, 2] {
        compare(threads, &mut rows);
    }
    rows
}

fn keys(thread: usize) -> Vec<Vec<u8>> {
    (0..HOT_KEYS)
        .map(|n| format!("key:{thread}:{n:010}").into_bytes())
        .collect()
}

fn players() -> Arc<Vec<Vec<u8>>> {
    Arc::new(
        (0..PLAYERS)
            .map(|n| format!("player:{n:09}").into_bytes())
            .collect(),
    )
}

/// A cheap sequence of scattered numbers.
fn scatter(n: usize) -> usize {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17) % PLAYERS
}

fn compare(threads: usize, rows: &mut Vec<Row>) {
    let engine = Engine::builder().build();
    let client = |fill: &dyn Fn(&mut Client)| {
        let mut client = engine.connect_embedded();
        fill(&mut client);
        client
    };
    let kevy = kevy_embedded::Store::open(
        kevy_embedded::Config::default()
            .without_aof()
            .with_shards(16),
    )
    .expect("kevy-embedded opens in memory");
    let map: Arc<Mutex<HashMap<Vec<u8>, Vec<u8>, foldhash::fast::RandomState>>> = Arc::default();
    let players = players();

    let mut row = |operation: &str, subjects: Vec<Subject<'_>>| {
        let medians = measure(threads, &subjects);
        for (subject, &peer) in subjects.iter().zip(&medians).skip(1) {
            rows.push(Row {
                name: format!("embedded, {threads} thread(s): {operation}"),
                ours: medians[0],
                peer,
                peer_name: subject.name,
                unit: "ns/op",
                better: Better::Lower,
            });
        }
    };
    macro_rules! ours {
        ($make:expr) => {
            Subject {
                name: "redstart",
                maker: Box::new($make),
            }
        };
    }
    macro_rules! kevy {
        ($make:expr) => {
            Subject {
                name: "kevy-embedded 1.16.0",
                maker: Box::new($make),
            }
        };
    }
    macro_rules! bare {
        ($make:expr) => {
            Subject {
                name: "bare locked map",
                maker: Box::new($make),
            }
        };
    }

    let fill_ours = |thread: usize| {
        client(&|client: &mut Client| {
            for key in keys(thread) {
                client.call(&[b"SET", &key, VALUE]);
            }
        })
    };
    let fill_kevy = |thread: usize| {
        for key in keys(thread) {
            kevy.set(&key, VALUE).expect("set");
        }
        kevy.clone()
    };
    let fill_map = |thread: usize| {
        for key in keys(thread) {
            map.lock().expect("map").insert(key, VALUE.to_vec());
        }
        Arc::clone(&map)
    };

    row(
        "GET 16 B, 1,000 hot keys",
        vec![
            ours!(|thread| {
                let (mut client, keys) = (fill_ours(thread), keys(thread));
                Box::new(move |n| drop(black_box(client.call(&[b"GET", &keys[n % HOT_KEYS]]))))
            }),
            kevy!(|thread| {
                let (store, keys) = (fill_kevy(thread), keys(thread));
                Box::new(move |n| drop(black_box(store.get(&keys[n % HOT_KEYS]))))
            }),
            bare!(|thread| {
                let (map, keys) = (fill_map(thread), keys(thread));
                Box::new(move |n| {
                    drop(black_box(
                        map.lock().expect("map").get(&keys[n % HOT_KEYS]).cloned(),
                    ))
                })
            }),
        ],
    );
    row(
        "SET 16 B, 1,000 hot keys",
        vec![
            ours!(|thread| {
                let (mut client, keys) = (fill_ours(thread), keys(thread));
                Box::new(move |n| {
                    drop(black_box(client.call(&[
                        b"SET",
                        &keys[n % HOT_KEYS],
                        VALUE,
                    ])))
                })
            }),
            kevy!(|thread| {
                let (store, keys) = (fill_kevy(thread), keys(thread));
                Box::new(move |n| drop(black_box(store.set(&keys[n % HOT_KEYS], VALUE))))
            }),
            bare!(|thread| {
                let (map, keys) = (fill_map(thread), keys(thread));
                Box::new(move |n| {
                    let mut map = map.lock().expect("map");
                    if let Some(value) = map.get_mut(&keys[n % HOT_KEYS]) {
                        *value = VALUE.to_vec();
                    }
                })
            }),
        ],
    );
    row(
        "INCR, one hot key a thread",
        vec![
            ours!(|thread| {
                let mut client = client(&|_| {});
                let key = format!("counter:{thread}").into_bytes();
                Box::new(move |_| drop(black_box(client.call(&[b"INCR", &key]))))
            }),
            kevy!(|thread| {
                let (store, key) = (kevy.clone(), format!("counter:{thread}").into_bytes());
                Box::new(move |_| drop(black_box(store.incr(&key))))
            }),
        ],
    );
    row(
        "HSET, one hot field",
        vec![
            ours!(|thread| {
                let mut client = client(&|_| {});
                let key = format!("hash:{thread}").into_bytes();
                Box::new(move |_| drop(black_box(client.call(&[b"HSET", &key, b"field", VALUE]))))
            }),
            kevy!(|thread| {
                let (store, key) = (kevy.clone(), format!("hash:{thread}").into_bytes());
                Box::new(move |_| drop(black_box(store.hset(&key, &[(b"field", VALUE)]))))
            }),
        ],
    );
    row(
        "ZADD, moving among 100,000",
        vec![
            ours!(|thread| {
                let key = format!("board:{thread}").into_bytes();
                let (fill, members) = (Arc::clone(&players), Arc::clone(&players));
                let mut client = client(&|client: &mut Client| {
                    for (n, member) in fill.iter().enumerate() {
                        client.call(&[b"ZADD", &key, n.to_string().as_bytes(), member]);
                    }
                });
                Box::new(move |n| {
                    let score = scatter(n * 7 + 3).to_string();
                    let member = &members[scatter(n)];
                    drop(black_box(client.call(&[
                        b"ZADD",
                        &key,
                        score.as_bytes(),
                        member,
                    ])));
                })
            }),
            kevy!(|thread| {
                let key = format!("board:{thread}").into_bytes();
                let (store, members) = (kevy.clone(), Arc::clone(&players));
                for (n, member) in players.iter().enumerate() {
                    store.zadd(&key, &[(n as f64, &**member)]).expect("zadd");
                }
                Box::new(move |n| {
                    // The same text is made and read as on our side, where a score is an argument.
                    let score: f64 = scatter(n * 7 + 3).to_string().parse().unwrap_or(0.0);
                    drop(black_box(
                        store.zadd(&key, &[(score, &*members[scatter(n)])]),
                    ));
                })
            }),
        ],
    );
    row(
        "ZRANK among 100,000",
        vec![
            ours!(|thread| {
                let key = format!("board:{thread}").into_bytes();
                let (mut client, members) = (client(&|_| {}), Arc::clone(&players));
                Box::new(move |n| {
                    drop(black_box(client.call(&[
                        b"ZRANK",
                        &key,
                        &members[scatter(n)],
                    ])));
                })
            }),
            kevy!(|thread| {
                let key = format!("board:{thread}").into_bytes();
                let (store, members) = (kevy.clone(), Arc::clone(&players));
                Box::new(move |n| drop(black_box(store.zrank(&key, &members[scatter(n)]))))
            }),
        ],
    );
    row(
        "LPUSH and RPOP",
        vec![
            ours!(|thread| {
                let mut client = client(&|_| {});
                let key = format!("list:{thread}").into_bytes();
                client.call(&[b"LPUSH", &key, VALUE]);
                Box::new(move |_| {
                    client.call(&[b"LPUSH", &key, VALUE]);
                    drop(black_box(client.call(&[b"RPOP", &key])));
                })
            }),
            kevy!(|thread| {
                let (store, key) = (kevy.clone(), format!("list:{thread}").into_bytes());
                store.lpush(&key, &[VALUE]).expect("lpush");
                Box::new(move |_| {
                    store.lpush(&key, &[VALUE]).expect("lpush");
                    drop(black_box(store.rpop(&key, 1)));
                })
            }),
        ],
    );
    row(
        "MULTI, five commands, EXEC",
        vec![
            ours!(|thread| {
                let mut client = client(&|_| {});
                let key = format!("{{tx:{thread}}}").into_bytes();
                Box::new(move |_| {
                    client.call(&[b"MULTI"]);
                    for _ in 0..5 {
                        client.call(&[b"INCR", &key]);
                    }
                    drop(black_box(client.call(&[b"EXEC"])));
                })
            }),
            kevy!(|thread| {
                // Its closure form needs a store of one shard.
                let config = kevy_embedded::Config::default().without_aof();
                let store =
                    kevy_embedded::Store::open(config).expect("kevy-embedded opens in memory");
                let key = format!("tx:{thread}").into_bytes();
                Box::new(move |_| {
                    let done = store.atomic(|tx| (0..5).try_for_each(|_| tx.incr(&key).map(drop)));
                    drop(black_box(done));
                })
            }),
        ],
    );
    row(
        "PUBLISH to one subscriber",
        vec![
            ours!(|thread| {
                let channel = format!("channel:{thread}").into_bytes();
                let outbox = Outbox::values(|| {});
                let mut subscriber = engine.connect(outbox.clone(), Peer::embedded());
                let _ = subscriber.execute(&[b"SUBSCRIBE", &channel]);
                let mut client = client(&|_| {});
                Box::new(move |_| {
                    client.call(&[b"PUBLISH", &channel, VALUE]);
                    drop(black_box(outbox.take_value()));
                    let _ = &subscriber;
                })
            }),
            kevy!(|thread| {
                let channel = format!("channel:{thread}").into_bytes();
                let store = kevy.clone();
                let subscription = store.subscribe(&[&channel]);
                Box::new(move |_| {
                    store.publish(&channel, VALUE);
                    drop(black_box(subscription.try_recv()));
                })
            }),
        ],
    );
    let sha = engine
        .connect_embedded()
        .load_operation("return redis.call('incr', KEYS[1])")
        .expect("the script compiles")
        .into_bytes();
    row(
        "cached script with one call",
        vec![
            ours!(|thread| {
                let (mut client, sha) = (client(&|_| {}), sha.clone());
                let key = format!("counter:{thread}").into_bytes();
                Box::new(move |_| drop(black_box(client.call(&[b"EVALSHA", &sha, b"1", &key]))))
            }),
            Subject {
                name: "the same call bare",
                maker: Box::new(|thread| {
                    let mut client = client(&|_| {});
                    let key = format!("counter:{thread}").into_bytes();
                    Box::new(move |_| drop(black_box(client.call(&[b"INCR", &key]))))
                }),
            },
        ],
    );
}
