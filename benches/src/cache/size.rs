//! What an entry weighs, in the server's memory and on the wire, beside plain SET and GET.

use redstart::Store;
use redstart_testkit::Server;
use tokio::runtime::Runtime;

use super::Failure;
use super::contestant::{TTL, cache, name, value};
use crate::report::{Better, Row};

const ENTRIES: u64 = 100_000;

pub fn rows(runtime: &Runtime, server: &Server) -> Result<Vec<Row>, Failure> {
    let row = |name: &str, ours, peer, peer_name| Row {
        name: name.to_owned(),
        ours,
        peer,
        peer_name,
        unit: "B/entry",
        better: Better::Lower,
    };
    let (ours, peer) = (
        runtime.block_on(weigh(server, true))?,
        runtime.block_on(weigh(server, false))?,
    );
    Ok(vec![
        row(
            "value of 64 B: memory",
            ours.memory,
            peer.memory,
            "SET with PX",
        ),
        row(
            "value of 64 B: wire, put",
            ours.write,
            peer.write,
            "SET with PX",
        ),
        row("value of 64 B: wire, hit", ours.read, peer.read, "GET"),
    ])
}

/// Bytes an entry.
struct Weight {
    memory: f64,
    write: f64,
    read: f64,
}

async fn weigh(server: &Server, cached: bool) -> Result<Weight, Failure> {
    server.call(&["FLUSHALL"])?;
    let store = Store::open(&server.url()).await?;
    let cache = cache(&store)?;
    let put = async |key: u64| -> Result<(), Failure> {
        if cached {
            cache.put(&key, &value(key)).await?;
        } else {
            let set = store.command(["SET", &name(key), &value(key), "PX"]);
            set.arg(TTL.as_millis() as u64).returning::<()>().await?;
        }
        Ok(())
    };
    // What is there once, and scripts, are not to be counted.
    put(ENTRIES).await?;
    let (memory, wire) = (info(server, "memory")?, info(server, "stats")?);
    for key in 0..ENTRIES {
        put(key).await?;
    }
    let (memory, written) = (info(server, "memory")? - memory, info(server, "stats")?);
    for key in 0..ENTRIES {
        let found = match cached {
            true => cache.get(&key).await?,
            false => store.command(["GET", &name(key)]).returning().await?,
        };
        found
            .filter(|found| *found == value(key))
            .ok_or("a wrong value")?;
    }
    let read = info(server, "stats")? - written;
    let each = |bytes: f64| bytes / ENTRIES as f64;
    Ok(Weight {
        memory: each(memory),
        write: each(written - wire),
        read: each(read),
    })
}

/// Bytes in use, or bytes that have gone in and out.
fn info(server: &Server, section: &str) -> Result<f64, Failure> {
    let reply = server.call(&["INFO", section])?;
    let text = String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned();
    let wanted = [
        "used_memory",
        "total_net_input_bytes",
        "total_net_output_bytes",
    ];
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let counted = fields.filter(|(field, _)| wanted.contains(field));
    let numbers = counted.map(|(_, number)| number.trim().parse::<f64>());
    Ok(numbers.sum::<Result<f64, _>>()?)
}
