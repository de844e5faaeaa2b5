//! Is a recorded history linearizable? The search of Wing and Gong (1993), with Lowe's (2017)
//! memory of where it has been.
//!
//! Every operation took effect at one moment between its call and its return. The search looks
//! for an order of such moments in which a sequential model answers what was answered. The next
//! in that order can only be an operation that was called before any other open one returned.

use std::collections::HashSet;
use std::hash::Hash;

/// What operations mean, one after another.
pub(crate) trait Model: Clone + Eq + Hash {
    type Input;
    type Output: PartialEq;

    /// What `client` is answered, and the state after that.
    fn apply(&mut self, client: usize, input: &Self::Input) -> Self::Output;
}

/// One operation as a client saw it.
#[derive(Clone, Debug)]
pub(crate) struct Operation<I, O> {
    pub(crate) client: usize,
    pub(crate) input: I,
    pub(crate) output: O,
    /// When it was called and when it returned, on a clock all clients share.
    pub(crate) called: u64,
    pub(crate) returned: u64,
}

/// An order, by the operations' places in `history`, that explains it; `None` if there is none.
pub(crate) fn linearization<M: Model>(
    initial: &M,
    history: &[Operation<M::Input, M::Output>],
) -> Option<Vec<usize>> {
    assert!(history.len() <= 128, "a set of operations is one word");
    let mut search = Search {
        history,
        refuted: HashSet::new(),
        order: Vec::new(),
    };
    search.goes_on(0, initial).then_some(search.order)
}

struct Search<'a, M: Model> {
    history: &'a [Operation<M::Input, M::Output>],
    /// Operations done and the state then, from where there is no way on.
    refuted: HashSet<(u128, M)>,
    order: Vec<usize>,
}

impl<M: Model> Search<'_, M> {
    /// Whether the operations not in `done` can follow in some order.
    fn goes_on(&mut self, done: u128, state: &M) -> bool {
        let history = self.history;
        let open = || (0..history.len()).filter(|index| done & (1 << index) == 0);
        let Some(first_return) = open().map(|index| history[index].returned).min() else {
            return true;
        };
        for index in open().filter(|index| history[*index].called < first_return) {
            let operation = &history[index];
            let mut after = state.clone();
            if after.apply(operation.client, &operation.input) != operation.output {
                continue;
            }
            let done = done | 1 << index;
            if self.refuted.contains(&(done, after.clone())) {
                continue;
            }
            self.order.push(index);
            if self.goes_on(done, &after) {
                return true;
            }
            self.order.pop();
            self.refuted.insert((done, after));
        }
        false
    }
}
