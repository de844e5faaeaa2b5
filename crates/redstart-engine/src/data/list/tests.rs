use proptest::prelude::*;

use super::*;

fn list<'a>(elements: impl IntoIterator<Item = &'a [u8]>) -> List {
    let mut list = List::new();
    for element in elements {
        list.push(End::Tail, element);
    }
    list
}

fn letters(letters: &str) -> List {
    list(letters.as_bytes().chunks(1))
}

fn text(list: &List) -> String {
    list.iter()
        .map(|element| String::from_utf8_lossy(&element.to_bytes()).into_owned())
        .collect()
}

#[test]
fn grows_at_both_ends_and_is_a_queue_and_a_stack() {
    let mut list = List::new();
    for i in 0..5000 {
        list.push(End::Tail, format!("after:{i}").as_bytes());
        list.push(End::Head, format!("before:{i}").as_bytes());
    }
    assert!(list.nodes.len() > 10);
    for i in 0..5000 {
        assert_eq!(
            list.pop(End::Head),
            Some(format!("before:{}", 4999 - i).as_str().into())
        );
    }
    for i in 0..5000 {
        assert_eq!(
            list.pop(End::Head),
            Some(format!("after:{i}").as_str().into())
        );
    }
    assert_eq!((list.pop(End::Head), list.pop(End::Tail)), (None, None));
    assert!(list.memory() < 1000, "{}", list.memory());
}

#[test]
fn inserts_beside_the_first_pivot() {
    let mut list = letters("abcb");
    assert!(list.insert(b"b", Side::Before, b"1"));
    assert!(list.insert(b"b", Side::After, b"2"));
    assert!(!list.insert(b"x", Side::After, b"3"));
    assert_eq!((text(&list).as_str(), list.len()), ("a1b2cb", 6));
}

#[test]
fn removes_those_nearest_to_an_end() {
    let removed = |from, count_max| {
        let mut list = letters("abaca");
        let removed = list.remove(b"a", from, count_max);
        (removed, text(&list))
    };
    assert_eq!(removed(End::Head, 2), (2, "bca".into()));
    assert_eq!(removed(End::Tail, 2), (2, "abc".into()));
    assert_eq!(removed(End::Tail, usize::MAX), (3, "bc".into()));
    assert_eq!(removed(End::Head, 0), (0, "abaca".into()));
    let mut list = letters("aaa");
    assert_eq!(list.remove(b"a", End::Head, usize::MAX), 3);
    assert!(list.is_empty() && list.nodes.is_empty());
}

#[test]
fn finds_positions_from_either_end() {
    let list = letters("abcabcabc");
    let positions = |from, max| list.positions(b"a", from, max).collect::<Vec<_>>();
    assert_eq!(positions(End::Head, usize::MAX), [0, 3, 6]);
    assert_eq!(positions(End::Tail, usize::MAX), [6, 3, 0]);
    assert_eq!(positions(End::Head, 4), [0, 3]);
    assert_eq!(positions(End::Tail, 4), [6]);
    assert_eq!(list.positions(b"x", End::Head, usize::MAX).count(), 0);
}

#[test]
fn a_large_element_stands_alone() {
    let large = vec![b'L'; 9000];
    let mut list = letters("abcd");
    assert!(list.set(1, &large));
    assert_eq!(list.nodes.len(), 3);
    assert!(matches!(list.nodes[1], Node::Plain(_)));
    assert_eq!(
        list.get(1).map(Element::to_blob),
        Some(Blob::from(&large[..]))
    );
    assert!(list.set(1, b"b"));
    assert_eq!(text(&list), "abcd");
    list.push(End::Head, &large);
    assert_eq!(list.pop(End::Head), Some(Blob::from(&large[..])));
    assert!(list.insert(b"a", Side::Before, &large));
    assert_eq!(list.remove(&large, End::Tail, 1), 1);
    assert_eq!(text(&list), "abcd");
}

#[test]
fn nodes_stay_small_and_are_united_when_sparse() {
    let mut list = List::new();
    for i in 0..20_000 {
        list.push(End::Tail, if i % 10 == 0 { b"kept" } else { b"gone" });
    }
    let nodes = list.nodes.len();
    assert_eq!(list.remove(b"gone", End::Head, usize::MAX), 18_000);
    assert_eq!(list.len(), 2000);
    assert!(
        list.nodes.len() <= nodes / 5,
        "{} of {nodes}",
        list.nodes.len()
    );
    for i in 0..2000 {
        assert!(list.set(i, &[b'x'; 100]));
    }
    assert!(list.nodes.len() < 2000 * 100 / 2000);
    list.check();
}

impl List {
    /// Panics unless the invariants of the fields hold.
    fn check(&self) {
        assert_eq!(self.len, self.nodes.iter().map(Node::len).sum::<usize>());
        assert_eq!(
            self.node_bytes,
            self.nodes.iter().map(Node::memory).sum::<usize>()
        );
        for node in &self.nodes {
            assert!(!node.is_empty());
            if let Node::Packed(pack) = node {
                assert!(pack.size() <= 8192);
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(bool, Vec<u8>),
    Pop(bool),
    Set(usize, Vec<u8>),
    Insert(usize, bool, Vec<u8>),
    Remove(usize, bool, usize),
    Trim(usize, usize),
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0..50u8).prop_map(|i| i.to_string().into_bytes()),
        3 => (0..10usize).prop_map(|i| vec![b'm'; i * 100]),
        2 => (8160..8200usize).prop_map(|len| vec![b'l'; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..1000usize;
    prop_oneof![
        10 => (any::<bool>(), element()).prop_map(|(head, e)| Step::Push(head, e)),
        3 => any::<bool>().prop_map(Step::Pop),
        4 => (at.clone(), element()).prop_map(|(at, e)| Step::Set(at, e)),
        4 => (at.clone(), any::<bool>(), element()).prop_map(|(at, b, e)| Step::Insert(at, b, e)),
        1 => (at.clone(), any::<bool>(), 0..4usize).prop_map(|(at, b, max)| Step::Remove(at, b, max)),
        1 => (0..4usize, 0..4usize).prop_map(|(head, tail)| Step::Trim(head, tail)),
    ]
}

fn end(head: bool) -> End {
    if head { End::Head } else { End::Tail }
}

fn apply(step: Step, list: &mut List, model: &mut VecDeque<Vec<u8>>) {
    let index = |at: usize| at.checked_rem(model.len()).unwrap_or(0);
    match step {
        Step::Push(true, e) => {
            list.push(End::Head, &e);
            model.push_front(e);
        }
        Step::Push(false, e) => {
            list.push(End::Tail, &e);
            model.push_back(e);
        }
        Step::Pop(head) => {
            let expected = if head {
                model.pop_front()
            } else {
                model.pop_back()
            };
            assert_eq!(list.pop(end(head)).map(Vec::from), expected);
        }
        Step::Set(at, e) => {
            let index = index(at);
            assert_eq!(list.set(index, &e), index < model.len());
            if let Some(element) = model.get_mut(index) {
                *element = e;
            }
        }
        Step::Insert(at, before, e) => {
            let pivot = model.get(index(at)).cloned().unwrap_or_default();
            let found = model.iter().position(|element| *element == pivot);
            let side = if before { Side::Before } else { Side::After };
            assert_eq!(list.insert(&pivot, side, &e), found.is_some());
            if let Some(found) = found {
                model.insert(found + usize::from(!before), e);
            }
        }
        Step::Remove(at, head, max) => {
            let element = model.get(index(at)).cloned().unwrap_or_default();
            let mut found: Vec<usize> = (0..model.len())
                .filter(|&index| model[index] == element)
                .collect();
            if !head {
                found.reverse();
            }
            let from_end: Vec<usize> = list.positions(&element, end(head), usize::MAX).collect();
            assert_eq!(from_end, found);
            found.truncate(max);
            assert_eq!(list.remove(&element, end(head), max), found.len());
            let mut index = 0;
            model.retain(|_| {
                index += 1;
                !found.contains(&(index - 1))
            });
        }
        Step::Trim(head, tail) => {
            let kept = head..model.len().saturating_sub(tail);
            list.trim(kept.clone());
            *model = model
                .iter()
                .take(kept.end)
                .skip(kept.start)
                .cloned()
                .collect();
        }
    }
}

proptest! {
    #[test]
    fn behaves_as_a_deque(steps in prop::collection::vec(step(), 0..150)) {
        let (mut list, mut model) = (List::new(), VecDeque::new());
        for step in steps {
            apply(step, &mut list, &mut model);
            list.check();
            prop_assert_eq!(list.len(), model.len());
        }
        let blob = |e: &Vec<u8>| Blob::from(&e[..]);
        prop_assert!(list.iter().map(Element::to_blob).eq(model.iter().map(blob)));
        prop_assert!(list.iter().rev().map(Element::to_blob).eq(model.iter().rev().map(blob)));
        for index in 0..model.len() + 2 {
            prop_assert_eq!(list.get(index).map(Element::to_blob), model.get(index).map(blob));
            let range = list.range(index..index + 20).map(Element::to_blob);
            prop_assert!(range.eq(model.iter().skip(index).take(20).map(blob)));
        }
        prop_assert!(list.clone().iter().map(Element::to_blob).eq(model.iter().map(blob)));
    }
}
