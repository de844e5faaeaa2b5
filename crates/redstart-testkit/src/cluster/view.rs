//! What one node of a cluster believes about all of them: CLUSTER NODES, read.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

/// What one node believes about the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// The nodes it knows, itself among them, in the order told.
    pub nodes: Vec<ClusterNode>,
}

/// A node, as another or it itself sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNode {
    /// Its id, forty hexadecimal digits.
    pub id: String,
    /// The host it announces; empty while it is unknown.
    pub host: String,
    /// The port it announces for clients.
    pub port: u16,
    /// The port it announces for its fellows.
    pub bus_port: u16,
    /// Its flags, such as `myself`, `master`, `slave`, `fail?`, `fail`, `handshake`.
    pub flags: Vec<String>,
    /// The id of its primary, if it is a replica.
    pub primary: Option<String>,
    /// The epoch of its slots' configuration.
    pub config_epoch: u64,
    /// Whether there is a link to it.
    pub is_connected: bool,
    /// The slots it serves.
    pub slots: Vec<RangeInclusive<u16>>,
    /// Slots on their way from this node, and the ids of the nodes they go to.
    pub migrating: Vec<(u16, String)>,
    /// Slots on their way to this node, and the ids of the nodes they come from.
    pub importing: Vec<(u16, String)>,
}

impl ClusterNode {
    /// Whether it has this flag.
    pub fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|has| has == flag)
    }

    /// Whether it serves this slot.
    pub fn serves(&self, slot: u16) -> bool {
        self.slots.iter().any(|range| range.contains(&slot))
    }

    /// `host:port`, as clients connect.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl ClusterView {
    /// Reads the reply to CLUSTER NODES.
    ///
    /// ```
    /// use redstart_testkit::ClusterView;
    ///
    /// let view = ClusterView::parse(
    ///     "aa 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-99 101 [7->-bb]\n\
    ///      bb 127.0.0.1:7001@17001,host slave aa 0 1 1 connected\n",
    /// )?;
    /// assert_eq!(view.owner_of(101).map(|node| node.port), Some(7000));
    /// assert_eq!(view.nodes[0].migrating, [(7, "bb".to_owned())]);
    /// assert_eq!(view.nodes[1].primary.as_deref(), Some("aa"));
    /// # Ok::<(), redstart_testkit::ViewError>(())
    /// ```
    pub fn parse(text: &str) -> Result<ClusterView, ViewError> {
        text.lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| parse_node(line).ok_or_else(|| ViewError(line.to_owned())))
            .collect::<Result<_, _>>()
            .map(|nodes| ClusterView { nodes })
    }

    /// The node whose view this is.
    pub fn myself(&self) -> Option<&ClusterNode> {
        self.nodes.iter().find(|node| node.is("myself"))
    }

    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&ClusterNode> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The node that serves this slot.
    pub fn owner_of(&self, slot: u16) -> Option<&ClusterNode> {
        self.nodes.iter().find(|node| node.serves(slot))
    }

    /// How the slots are shared out: ranges in order, and the ids of who serves them.
    pub fn slots(&self) -> Vec<(RangeInclusive<u16>, &str)> {
        let mut ranges: Vec<_> = self
            .nodes
            .iter()
            .flat_map(|node| node.slots.iter().map(|range| (range.clone(), &*node.id)))
            .collect();
        ranges.sort_by_key(|(range, _)| *range.start());
        ranges
    }

    /// What all views of a cluster in agreement have in common: of each node its primary, or
    /// nothing, and its slots.
    pub fn layout(&self) -> BTreeMap<&str, (Option<&str>, &[RangeInclusive<u16>])> {
        self.nodes
            .iter()
            .map(|node| (&*node.id, (node.primary.as_deref(), &*node.slots)))
            .collect()
    }
}

fn parse_node(line: &str) -> Option<ClusterNode> {
    let mut words = line.split_ascii_whitespace();
    let id = words.next()?.to_owned();
    // `host:port@bus`, and since 7.0 `,hostname` and `,name=value`. The host may be IPv6.
    let address = words.next()?.split(',').next()?;
    let (endpoint, bus_port) = address.split_once('@')?;
    let (host, port) = endpoint.rsplit_once(':')?;
    let flags = words.next()?.split(',').map(str::to_owned).collect();
    let primary = words
        .next()
        .filter(|primary| *primary != "-")
        .map(str::to_owned);
    let config_epoch = words.nth(2)?.parse().ok()?;
    let is_connected = words.next()? == "connected";
    let mut node = ClusterNode {
        id,
        host: host.to_owned(),
        port: port.parse().ok()?,
        bus_port: bus_port.parse().ok()?,
        flags,
        primary,
        config_epoch,
        is_connected,
        slots: Vec::new(),
        migrating: Vec::new(),
        importing: Vec::new(),
    };
    for word in words {
        if let Some(moving) = word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'))
        {
            if let Some((slot, to)) = moving.split_once("->-") {
                node.migrating.push((slot.parse().ok()?, to.to_owned()));
            } else {
                let (slot, from) = moving.split_once("-<-")?;
                node.importing.push((slot.parse().ok()?, from.to_owned()));
            }
        } else {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            node.slots.push(first.parse().ok()?..=last.parse().ok()?);
        }
    }
    Some(node)
}

/// A line that is none of CLUSTER NODES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewError(String);

impl fmt::Display for ViewError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not a line of CLUSTER NODES: {:?}", self.0)
    }
}

impl std::error::Error for ViewError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_read_with_all_they_tell() {
        let view = ClusterView::parse(
            "aa 127.0.0.1:7000@17000,,shard-id=f0 myself,master - 0 0 3 connected 0-10 12 \
             [5->-bb] [16383-<-bb]\n\
             bb ::1:7001@17001 slave,fail? aa 5 6 3 disconnected\n\
             cc :0@0 master,noaddr - 0 0 0 disconnected\n\n",
        )
        .expect("read");
        let [a, b, c] = &view.nodes[..] else {
            panic!("{view:?}")
        };
        assert_eq!(
            (&*a.endpoint(), a.bus_port, a.config_epoch),
            ("127.0.0.1:7000", 17000, 3)
        );
        assert_eq!(a.slots, [0..=10, 12..=12]);
        assert_eq!(
            (&a.migrating[..], &a.importing[..]),
            (&[(5, "bb".to_owned())][..], &[(16383, "bb".to_owned())][..])
        );
        assert_eq!(
            (&*b.host, b.is_connected, b.is("fail?")),
            ("::1", false, true)
        );
        assert_eq!((&*c.host, c.port), ("", 0));
        assert_eq!(view.myself().map(|node| &*node.id), Some("aa"));
        assert_eq!(view.owner_of(12).map(|node| &*node.id), Some("aa"));
        assert_eq!(view.owner_of(11), None);
        assert_eq!(view.slots(), [(0..=10, "aa"), (12..=12, "aa")]);
    }

    #[test]
    fn what_is_no_view_is_refused() {
        for text in ["ERR", "aa 127.0.0.1:x@1 master - 0 0 1 connected", "aa b c"] {
            assert!(ClusterView::parse(text).is_err(), "{text}");
        }
    }
}
