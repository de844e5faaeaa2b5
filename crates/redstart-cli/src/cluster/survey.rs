//! Every node of a cluster, asked what it believes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use redstart::Store;
use redstart::store::Error;
use redstart_testkit::{ClusterNode, ClusterView};

use super::seeds::Seeds;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// More nodes than any cluster has; a limit on what a node can make us ask.
const NODES_MAX: usize = 2_000;

/// How many slots there are.
pub(super) const SLOTS: u16 = 16_384;

/// What every node says.
#[derive(Debug)]
pub(super) struct Survey {
    /// Every node that any node knows, in the order of their endpoints.
    pub(super) nodes: Vec<Surveyed>,
    /// What most of them believe.
    pub(super) common: ClusterView,
    /// Where nodes differ from that, in words that name them.
    pub(super) disagreements: Vec<String>,
}

/// One node.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) endpoint: String,
    /// What it is in the common view.
    pub(super) known: ClusterNode,
    /// What it says, or why it says nothing.
    pub(super) said: Result<Said, String>,
}

/// What one node says.
#[derive(Clone, Debug)]
pub(super) struct Said {
    view: ClusterView,
    pub(super) is_ok: bool,
    pub(super) current_epoch: u64,
    pub(super) keys: u64,
}

/// Why there is no survey.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SurveyError {
    /// The URL is wrong.
    Url(String),
    /// No seed can be reached; what the last one's trouble was.
    Unreachable(String),
    /// A seed answered, and is no node of a cluster.
    NotACluster(String),
    /// This process is in trouble.
    System(String),
}

impl fmt::Display for SurveyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SurveyError::Url(reason)
            | SurveyError::Unreachable(reason)
            | SurveyError::NotACluster(reason)
            | SurveyError::System(reason) => out.write_str(reason),
        }
    }
}

impl Survey {
    /// Begins at the first seed that answers, and asks every node that anybody knows.
    pub(super) async fn of(seeds: Seeds) -> Result<Survey, SurveyError> {
        let (first, said) = first_answer(&seeds).await?;
        let mut answers = BTreeMap::from([(said.own_id().to_owned(), (first, Ok(said)))]);
        loop {
            let unasked = unasked(&answers);
            if unasked.is_empty() {
                break;
            }
            let asking = unasked.into_iter().map(|(id, endpoint)| {
                let url = seeds.url_of(&endpoint);
                let asked = tokio::spawn(async move { ask(&url).await });
                (id, endpoint, asked)
            });
            // All are asked before the first is waited for.
            for (id, endpoint, asked) in asking.collect::<Vec<_>>() {
                let said = match asked.await {
                    Ok(Ok(said)) => Ok(said),
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                answers.insert(id, (endpoint, said));
            }
        }
        Ok(Survey::compare(answers))
    }

    /// How many slots somebody serves.
    pub(super) fn covered(&self) -> usize {
        let slots = self.common.slots();
        slots.iter().map(|(range, _)| range.len()).sum()
    }

    /// What each node that answers says of itself.
    pub(super) fn own_words(&self) -> impl Iterator<Item = (&str, &ClusterNode)> {
        self.nodes.iter().filter_map(|node| {
            let own = node.said.as_ref().ok()?.view.myself()?;
            Some((node.known.id.as_str(), own))
        })
    }

    /// The endpoint of the node with this id.
    pub(super) fn endpoint_of(&self, id: &str) -> Option<&str> {
        let found = self.nodes.iter().find(|node| node.known.id == id);
        found.map(|node| node.endpoint.as_str())
    }

    fn compare(answers: BTreeMap<String, (String, Result<Said, String>)>) -> Survey {
        let views: Vec<&ClusterView> = answers
            .values()
            .filter_map(|(_, said)| said.as_ref().ok().map(|said| &said.view))
            .collect();
        let common = common_view(&views);
        let mut nodes: Vec<Surveyed> = answers
            .iter()
            .filter_map(|(id, (endpoint, said))| {
                // A node that the common view lacks is described by itself or whoever knows it.
                let known = common
                    .node(id)
                    .or_else(|| views.iter().find_map(|view| view.node(id)))?;
                Some(Surveyed {
                    endpoint: endpoint.clone(),
                    known: known.clone(),
                    said: said.clone(),
                })
            })
            .collect();
        nodes.sort_by_key(|node| (node.known.host.clone(), node.known.port));
        let mut survey = Survey {
            nodes,
            common,
            disagreements: Vec::new(),
        };
        survey.disagreements = survey.find_disagreements();
        survey
    }

    fn find_disagreements(&self) -> Vec<String> {
        let mut found = Vec::new();
        for node in &self.nodes {
            let name = &node.endpoint;
            match &node.said {
                Err(reason) => found.push(format!("{name} cannot be asked: {reason}")),
                Ok(said) => {
                    if !said.is_ok {
                        found.push(format!("{name} says that the cluster is down"));
                    }
                    self.find_differences(name, &said.view, &mut found);
                }
            }
        }
        let covered = self.covered();
        if covered < usize::from(SLOTS) {
            let missing = usize::from(SLOTS) - covered;
            found.push(format!("{missing} slots are nobody's"));
        }
        found
    }

    /// What one node believes otherwise than most.
    fn find_differences(&self, name: &str, view: &ClusterView, found: &mut Vec<String>) {
        let name_of = |id: &str| self.endpoint_of(id).unwrap_or(id).to_owned();
        for node in &self.nodes {
            let id = node.known.id.as_str();
            let other = &node.endpoint;
            let (Some(common), Some(own)) = (self.common.node(id), view.node(id)) else {
                let knows = view.node(id).is_some();
                let is_known = self.common.node(id).is_some();
                if knows != is_known {
                    let does = if knows { "knows" } else { "does not know" };
                    let others = if knows { "do not" } else { "do" };
                    found.push(format!("{name} {does} {other}, most {others}"));
                }
                continue;
            };
            let role = |node: &ClusterNode| match &node.primary {
                Some(primary) => format!("a replica of {}", name_of(primary)),
                None => "a primary".to_owned(),
            };
            if common.primary != own.primary {
                let (own, common) = (role(own), role(common));
                found.push(format!("{name} takes {other} for {own}, most for {common}"));
            }
            for trouble in ["fail", "fail?", "handshake", "noaddr"] {
                if own.is(trouble) {
                    found.push(format!("{name} marks {other} as {trouble}"));
                }
            }
        }
        for (slots, own, common) in differing_slots(view, &self.common) {
            let who = |id: Option<&str>| id.map_or("nobody".to_owned(), name_of);
            let (own, common) = (who(own), who(common));
            found.push(format!("{name} gives {slots} to {own}, most to {common}"));
        }
    }
}

impl Said {
    fn own_id(&self) -> &str {
        self.view.myself().map_or("", |node| &node.id)
    }
}

/// The first seed that answers as a node of a cluster.
async fn first_answer(seeds: &Seeds) -> Result<(String, Said), SurveyError> {
    let mut last = SurveyError::Url("host: missing".to_owned());
    for seed in &seeds.endpoints {
        match ask(&seeds.url_of(seed)).await {
            Ok(said) => return Ok((seed.clone(), said)),
            Err(error) => {
                let reason = format!("{seed}: {error}");
                last = match error {
                    AskError::Store(error) if error.is_unavailable() => {
                        SurveyError::Unreachable(reason)
                    }
                    _ => SurveyError::NotACluster(reason),
                };
            }
        }
    }
    Err(last)
}

/// The nodes that somebody knows and nobody has asked, with the endpoints they are known by.
fn unasked(answers: &BTreeMap<String, (String, Result<Said, String>)>) -> BTreeMap<String, String> {
    let said = answers.values().filter_map(|(_, said)| said.as_ref().ok());
    let known = said.flat_map(|said| &said.view.nodes);
    known
        .filter(|node| !node.host.is_empty() && !answers.contains_key(&node.id))
        // In a handshake a node goes by an id that is not its own.
        .filter(|node| !node.is("handshake") && node.port != 0)
        .take(NODES_MAX.saturating_sub(answers.len()))
        .map(|node| {
            let host = match node.host.contains(':') {
                true => format!("[{}]", node.host),
                false => node.host.clone(),
            };
            (node.id.clone(), format!("{host}:{}", node.port))
        })
        .collect()
}

/// Why a node has not answered as one.
enum AskError {
    Store(Error),
    Nonsense(String),
}

impl From<Error> for AskError {
    fn from(error: Error) -> AskError {
        AskError::Store(error)
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Store(error) => error.fmt(out),
            AskError::Nonsense(what) => out.write_str(what),
        }
    }
}

async fn ask(url: &str) -> Result<Said, AskError> {
    let builder = Store::builder(url)
        .deadline(PATIENCE)
        .connect_within(PATIENCE);
    let store = builder.lanes(1).open().await?;
    let nodes: String = store.command(["CLUSTER", "NODES"]).returning().await?;
    let info: String = store.command(["CLUSTER", "INFO"]).returning().await?;
    let keys: u64 = store.command(["DBSIZE"]).returning().await?;
    let field = |name: &str| {
        let mut lines = info.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let view = ClusterView::parse(&nodes).map_err(|error| AskError::Nonsense(error.to_string()))?;
    if view.myself().is_none() {
        return Err(AskError::Nonsense("it does not know itself".to_owned()));
    }
    Ok(Said {
        view,
        is_ok: field("cluster_state") == Some("ok"),
        current_epoch: field("cluster_current_epoch")
            .and_then(|epoch| epoch.parse().ok())
            .unwrap_or_default(),
        keys,
    })
}

/// The view whose layout most nodes share; among equals, that of the highest epoch.
fn common_view(views: &[&ClusterView]) -> ClusterView {
    let epoch = |view: &ClusterView| view.nodes.iter().map(|node| node.config_epoch).max();
    let best = views.iter().max_by_key(|view| {
        let layout = view.layout();
        let followers = views.iter().filter(|other| other.layout() == layout);
        (followers.count(), epoch(view))
    });
    let nodes = best.map(|view| view.nodes.clone());
    ClusterView {
        nodes: nodes.unwrap_or_default(),
    }
}

/// The slots that two views give to different nodes: in words, and the owners' ids.
fn differing_slots<'a>(
    own: &'a ClusterView,
    common: &'a ClusterView,
) -> Vec<(String, Option<&'a str>, Option<&'a str>)> {
    let (own, common) = (owners(own), owners(common));
    let mut differing: Vec<(u16, u16, Option<&str>, Option<&str>)> = Vec::new();
    for slot in 0..SLOTS {
        let pair = (own[usize::from(slot)], common[usize::from(slot)]);
        if pair.0 == pair.1 {
            continue;
        }
        match differing.last_mut() {
            Some((_, last, one, other)) if (*one, *other) == pair && *last + 1 == slot => {
                *last = slot;
            }
            _ => differing.push((slot, slot, pair.0, pair.1)),
        }
    }
    let in_words = |(first, last, own, common)| match first == last {
        true => (format!("slot {first}"), own, common),
        false => (format!("slots {first}-{last}"), own, common),
    };
    differing.into_iter().map(in_words).collect()
}

fn owners(view: &ClusterView) -> Vec<Option<&str>> {
    let mut owners = vec![None; usize::from(SLOTS)];
    for (range, id) in view.slots() {
        let (first, last) = (usize::from(*range.start()), usize::from(*range.end()));
        if let Some(owned) = owners.get_mut(first..=last) {
            owned.fill(Some(id));
        }
    }
    owners
}

/// The ids of the nodes that are primaries.
pub(super) fn ids_of_primaries(survey: &Survey) -> BTreeSet<&str> {
    let primaries = survey
        .nodes
        .iter()
        .filter(|node| node.known.primary.is_none());
    primaries.map(|node| node.known.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        Said {
            view: ClusterView::parse(text).expect("a view"),
            is_ok: true,
            current_epoch: 1,
            keys: 0,
        }
    }

    /// A cluster of three primaries as one of them sees it, with one line exchanged.
    fn seen_by(who: usize, replace: (usize, &str)) -> Said {
        let mut lines: Vec<String> = ["0-5460", "5461-10922", "10923-16383"]
            .iter()
            .enumerate()
            .map(|(node, slots)| {
                let flags = if node == who {
                    "myself,master"
                } else {
                    "master"
                };
                format!("n{node} h{node}:7000@17000 {flags} - 0 0 {node} connected {slots}")
            })
            .collect();
        if !replace.1.is_empty() {
            lines[replace.0] = replace.1.to_owned();
        }
        said(&lines.join("\n"))
    }

    fn survey(answers: Vec<(usize, Result<Said, String>)>) -> Survey {
        let answers = answers.into_iter();
        Survey::compare(
            answers
                .map(|(node, said)| (format!("n{node}"), (format!("h{node}:7000"), said)))
                .collect(),
        )
    }

    #[test]
    fn nodes_that_agree_have_nothing_to_report() {
        let survey = survey(
            (0..3)
                .map(|node| (node, Ok(seen_by(node, (0, "")))))
                .collect(),
        );
        assert_eq!(survey.disagreements, Vec::<String>::new());
        assert_eq!(
            (survey.covered(), ids_of_primaries(&survey).len()),
            (16_384, 3)
        );
    }

    #[test]
    fn whoever_disagrees_is_named_with_the_slots_and_roles_in_question() {
        let odd = "n1 h1:7000@17000 master - 0 0 1 connected 5461-10920 10922";
        let survey = survey(vec![
            (0, Ok(seen_by(0, (0, "")))),
            (1, Ok(seen_by(1, (0, "")))),
            (2, Ok(seen_by(2, (1, odd)))),
        ]);
        assert_eq!(
            survey.disagreements,
            ["h2:7000 gives slot 10921 to nobody, most to h1:7000"]
        );
    }

    #[test]
    fn whoever_is_silent_or_doubted_is_named() {
        let doubted = "n2 h2:7000@17000 master,fail? - 0 0 2 connected 10923-16383";
        let replica = "n1 h1:7000@17000 slave n0 0 0 1 connected";
        let survey = survey(vec![
            (0, Ok(seen_by(0, (2, doubted)))),
            (1, Ok(seen_by(1, (0, "")))),
            (2, Err("refused".to_owned())),
        ]);
        assert_eq!(
            survey.disagreements,
            [
                "h0:7000 marks h2:7000 as fail?",
                "h2:7000 cannot be asked: refused"
            ]
        );
        let survey = super::tests::survey(vec![
            (0, Ok(seen_by(0, (1, replica)))),
            (1, Ok(seen_by(1, (0, "")))),
            (2, Ok(seen_by(2, (0, "")))),
        ]);
        assert_eq!(
            survey.disagreements,
            [
                "h0:7000 takes h1:7000 for a replica of h0:7000, most for a primary",
                "h0:7000 gives slots 5461-10922 to nobody, most to h1:7000"
            ]
        );
    }
}
