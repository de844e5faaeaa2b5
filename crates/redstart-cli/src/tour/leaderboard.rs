//! Leaderboards: moving, ranking and listing among 100,000 players, against a plain model.

use std::time::Duration;

use super::{Finding, Stage, check, figures};

const PLAYERS: usize = 100_000;
const PLAYERS_PER_COMMAND: usize = 1_000;
const MEASURED: Duration = Duration::from_millis(300);
const TOP: usize = 10;

pub(super) async fn run(stage: &Stage) -> Finding {
    let key = stage.key("leaderboard", "season");
    let mut scores: Vec<u64> = (0..PLAYERS as u64).map(scatter).collect();
    stage.store.command(["UNLINK", &key]).await?;
    for (batch, chunk) in scores.chunks(PLAYERS_PER_COMMAND).enumerate() {
        let mut command = stage.store.command(["ZADD", &key]);
        for (index, score) in chunk.iter().enumerate() {
            command = command
                .arg(*score)
                .arg(name(batch * PLAYERS_PER_COMMAND + index));
        }
        command.await?;
    }

    let started = stage.now();
    let mut moves = 0;
    while stage.now() - started < MEASURED {
        for _ in 0..50 {
            let (player, points) = (scatter(moves) as usize % PLAYERS, moves % 50);
            let increment = stage
                .store
                .command(["ZINCRBY", &key])
                .arg(points)
                .arg(name(player));
            increment.await?;
            scores[player] += points;
            moves += 1;
        }
    }
    let moved = figures::rate(moves, stage.now() - started);

    let standings = standings(&scores);
    let started = stage.now();
    let mut ranked = 0;
    while stage.now() - started < MEASURED {
        for _ in 0..50 {
            let place = scatter(ranked) as usize % PLAYERS;
            let player = name(standings[place]);
            let found = stage
                .store
                .command(["ZREVRANK", &key, &player])
                .returning::<u64>()
                .await?;
            check(found == place as u64, || {
                format!("{player} is {found}th and not {place}th")
            })?;
            ranked += 1;
        }
    }
    let rank = figures::time(figures::each(stage.now() - started, ranked));

    let last = (TOP - 1).to_string();
    let started = stage.now();
    let mut listed = 0;
    while stage.now() - started < MEASURED / 3 {
        for _ in 0..20 {
            let command = stage.store.command(["ZREVRANGE", &key, "0", &last]);
            let top = command.returning::<Vec<String>>().await?;
            let right = standings
                .iter()
                .take(TOP)
                .map(|player| name(*player))
                .eq(top);
            check(right, || "the top 10 is not who it should be".into())?;
            listed += 1;
        }
    }
    let top = figures::time(figures::each(stage.now() - started, listed));
    let players = figures::count(PLAYERS as u64);
    Ok(format!(
        "{players} players: {moved} moves/s, a rank in {rank}, the top 10 in {top}"
    ))
}

/// The model: players from the best to the worst, equals by name from the last to the first.
fn standings(scores: &[u64]) -> Vec<usize> {
    let mut players: Vec<usize> = (0..scores.len()).collect();
    players.sort_unstable_by(|a, b| scores[*b].cmp(&scores[*a]).then(name(*b).cmp(&name(*a))));
    players
}

/// Names of one length, so that their order is the numbers' order.
fn name(player: usize) -> String {
    format!("player{player:06}")
}

/// Numbers below a million without any order to them, the same in every run (SplitMix64).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % 1_000_000
}
