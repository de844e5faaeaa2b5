//! Slots of a cluster move while rows are read and changed: those of entries and their leases, of
//! tags, and of the numbers that order all invalidations.

use redstart_testkit::Cluster;

use super::versions::{CLOCK, ROWS, Traffic, entry_of, tag_of};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stale_is_read_and_nothing_is_loaded_twice_while_slots_move() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::from_path().unwrap().start().unwrap());
    let cluster = cluster.await.unwrap();
    let open = async || {
        let store = Store::builder(&cluster.url()).deadline(PATIENCE);
        store.open().await.unwrap()
    };
    let processes = [open().await, open().await];
    let traffic = Traffic::start(&[&processes[0], &processes[1]]);
    traffic.more(2_000).await;

    let mut moved = 0;
    for row in 0..ROWS {
        for place in [entry_of(row), tag_of(row), CLOCK.to_owned()] {
            let slot = cluster.slot_of(&place).unwrap();
            let from = cluster.primary_of(slot).unwrap();
            let to = (0..3).find(|node| *node != from).unwrap();
            let moving = cluster.begin_move(slot, to).unwrap();
            traffic.more(100).await;
            // Scripts of two keys wait while one has moved; with the numbers of all in that state,
            // everything that loads waits.
            while moving.migrate(1).unwrap() > 0 {
                moved += 1;
                if place != CLOCK {
                    traffic.more(50).await;
                }
            }
            moving.finish().unwrap();
            traffic.more(50).await;
        }
    }
    let tally = traffic.stop().await;
    println!("{moved} keys moved: {tally:?}");
    assert!(moved >= 2 * ROWS, "the numbers of all moved {moved} times");
    assert_eq!(tally.errors, 0);
}
