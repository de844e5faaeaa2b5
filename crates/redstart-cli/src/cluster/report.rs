//! A survey as tables and as JSON.

use std::ops::RangeInclusive;

use redstart_testkit::ClusterNode;
use serde_json::{Value, json};

use super::survey::{SLOTS, Survey, Surveyed, ids_of_primaries};
use super::table::table;
use crate::output::Style;

/// How much of a node's id is shown to people.
const ID_SHOWN: usize = 8;

/// `redstart cluster info`.
pub(super) fn info(survey: &Survey, style: Style) -> Vec<String> {
    let figures = Figures::of(survey);
    let state = match figures.state {
        "ok" => style.green("ok"),
        other => style.red(other),
    };
    let line = |label: &str, text: String| format!("{:<8}{text}", label);
    vec![
        line("state", state),
        line("slots", format!("{} of {SLOTS} served", figures.covered)),
        line(
            "nodes",
            format!(
                "{} of {} answer: {} primaries, {} replicas",
                figures.answering,
                survey.nodes.len(),
                figures.primaries,
                survey.nodes.len() - figures.primaries,
            ),
        ),
        line("keys", figures.keys.to_string()),
        line("epoch", figures.epoch.to_string()),
    ]
}

/// The same as JSON.
pub(super) fn info_json(survey: &Survey) -> Value {
    let figures = Figures::of(survey);
    json!({
        "state": figures.state,
        "slots": { "served": figures.covered, "all": SLOTS },
        "nodes": {
            "known": survey.nodes.len(),
            "answering": figures.answering,
            "primaries": figures.primaries,
            "replicas": survey.nodes.len() - figures.primaries,
        },
        "keys": figures.keys,
        "epoch": figures.epoch,
        "disagreements": survey.disagreements,
    })
}

/// `redstart cluster nodes`.
pub(super) fn nodes(survey: &Survey, style: Style) -> Vec<String> {
    let header = ["node", "role", "slots", "keys", "epoch", "id", "state"];
    let rows: Vec<Vec<String>> = by_shard(survey)
        .into_iter()
        .map(|node| {
            let known = &node.known;
            let role = match primary_of(survey, known) {
                Some(primary) => format!("replica of {primary}"),
                None => "primary".to_owned(),
            };
            vec![
                node.endpoint.clone(),
                role,
                ranges(&known.slots),
                keys_of(node).map_or("?".to_owned(), |keys| keys.to_string()),
                known.config_epoch.to_string(),
                known.id.chars().take(ID_SHOWN).collect(),
                state_of(node).to_owned(),
            ]
        })
        .collect();
    table(&header, &rows, style)
}

/// The same as JSON.
pub(super) fn nodes_json(survey: &Survey) -> Value {
    let nodes: Vec<Value> = by_shard(survey)
        .into_iter()
        .map(|node| {
            let known = &node.known;
            json!({
                "node": node.endpoint,
                "id": known.id,
                "role": if known.primary.is_some() { "replica" } else { "primary" },
                "primary": primary_of(survey, known),
                "slots": pairs(&known.slots),
                "keys": keys_of(node),
                "epoch": known.config_epoch,
                "flags": known.flags.iter().filter(|flag| *flag != "myself").collect::<Vec<_>>(),
                "state": state_of(node),
            })
        })
        .collect();
    json!({ "nodes": nodes, "disagreements": survey.disagreements })
}

/// `redstart cluster slots`.
pub(super) fn slots(survey: &Survey, style: Style) -> Vec<String> {
    let header = ["slots", "count", "primary", "replicas"];
    let rows: Vec<Vec<String>> = shares(survey)
        .into_iter()
        .map(|share| {
            vec![
                ranges(std::slice::from_ref(&share.slots)),
                share.slots.len().to_string(),
                share.primary,
                share.replicas.join(" "),
            ]
        })
        .collect();
    let mut lines = table(&header, &rows, style);
    let moving = moving(survey);
    if !moving.is_empty() {
        lines.push(String::new());
        lines.push(style.bold("on the way"));
    }
    lines.extend(moving.into_iter().map(|(slot, from, to)| {
        let or_unknown = |node: Option<String>| node.unwrap_or("?".to_owned());
        format!("{slot}  {} to {}", or_unknown(from), or_unknown(to))
    }));
    lines
}

/// The same as JSON.
pub(super) fn slots_json(survey: &Survey) -> Value {
    let slots: Vec<Value> = shares(survey)
        .into_iter()
        .map(|share| {
            json!({
                "first": share.slots.start(),
                "last": share.slots.end(),
                "primary": share.primary,
                "replicas": share.replicas,
            })
        })
        .collect();
    let moving: Vec<Value> = moving(survey)
        .into_iter()
        .map(|(slot, from, to)| json!({ "slot": slot, "from": from, "to": to }))
        .collect();
    json!({ "slots": slots, "moving": moving, "disagreements": survey.disagreements })
}

struct Figures {
    state: &'static str,
    covered: usize,
    answering: usize,
    primaries: usize,
    keys: u64,
    epoch: u64,
}

impl Figures {
    fn of(survey: &Survey) -> Figures {
        let said = || {
            survey
                .nodes
                .iter()
                .filter_map(|node| node.said.as_ref().ok())
        };
        let primaries = survey
            .nodes
            .iter()
            .filter(|node| node.known.primary.is_none());
        Figures {
            state: match said().all(|said| said.is_ok) {
                true => "ok",
                false => "down",
            },
            covered: survey.covered(),
            answering: said().count(),
            primaries: ids_of_primaries(survey).len(),
            keys: primaries.filter_map(keys_of).sum(),
            epoch: said()
                .map(|said| said.current_epoch)
                .max()
                .unwrap_or_default(),
        }
    }
}

/// A range of slots and who serves it.
struct Share {
    slots: RangeInclusive<u16>,
    primary: String,
    replicas: Vec<String>,
}

fn shares(survey: &Survey) -> Vec<Share> {
    let share = |(slots, id): (RangeInclusive<u16>, &str)| {
        let replicas = survey
            .nodes
            .iter()
            .filter(|node| node.known.primary.as_deref() == Some(id));
        Share {
            slots,
            primary: survey.endpoint_of(id).unwrap_or(id).to_owned(),
            replicas: replicas.map(|node| node.endpoint.clone()).collect(),
        }
    };
    survey.common.slots().into_iter().map(share).collect()
}

/// Slots on their way, each once: from where and to where, as far as anybody says.
fn moving(survey: &Survey) -> Vec<(u16, Option<String>, Option<String>)> {
    let name = |id: &str| survey.endpoint_of(id).map(str::to_owned);
    let mut moving: Vec<(u16, Option<String>, Option<String>)> = Vec::new();
    for (id, own) in survey.own_words() {
        let leaving = own.migrating.iter();
        let leaving = leaving.map(|(slot, to)| (*slot, name(id), name(to)));
        let coming = own.importing.iter();
        let coming = coming.map(|(slot, from)| (*slot, name(from), name(id)));
        moving.extend(leaving.chain(coming));
    }
    moving.sort();
    moving.dedup();
    moving
}

/// Primaries in the order of their slots, each followed by its replicas.
fn by_shard(survey: &Survey) -> Vec<&Surveyed> {
    let mut nodes: Vec<&Surveyed> = survey.nodes.iter().collect();
    let first_slot = |id: &str| {
        let slots = survey.common.node(id).and_then(|node| node.slots.first());
        slots.map_or(SLOTS, |slots| *slots.start())
    };
    nodes.sort_by_key(|node| {
        let shard = node.known.primary.as_deref().unwrap_or(&node.known.id);
        (
            first_slot(shard),
            shard.to_owned(),
            node.known.primary.is_some(),
        )
    });
    nodes
}

fn primary_of(survey: &Survey, node: &ClusterNode) -> Option<String> {
    let id = node.primary.as_deref()?;
    Some(survey.endpoint_of(id).unwrap_or(id).to_owned())
}

fn keys_of(node: &Surveyed) -> Option<u64> {
    node.said.as_ref().ok().map(|said| said.keys)
}

/// The worst that is said of a node, by others or by itself.
fn state_of(node: &Surveyed) -> &'static str {
    match &node.said {
        _ if node.known.is("fail") => "failed",
        Err(_) => "silent",
        Ok(_) if node.known.is("fail?") => "doubted",
        Ok(said) if !said.is_ok => "down",
        Ok(_) => "ok",
    }
}

fn ranges(slots: &[RangeInclusive<u16>]) -> String {
    if slots.is_empty() {
        return "-".to_owned();
    }
    let words = slots.iter().map(|range| match range.len() {
        1 => range.start().to_string(),
        _ => format!("{}-{}", range.start(), range.end()),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn pairs(slots: &[RangeInclusive<u16>]) -> Vec<[u16; 2]> {
    slots
        .iter()
        .map(|range| [*range.start(), *range.end()])
        .collect()
}
