//! Tangles: the knots of a directed graph, and a short way around in each.
//!
//! A tangle is a strongly connected component of two nodes or more: from each of its nodes one can
//! go to each other, so it holds a cycle, and every cycle lies in one. They are found in linear
//! time (Tarjan's algorithm, with its own stack, so that a long chain cannot exhaust ours).

use std::collections::{BTreeMap, VecDeque};

/// A directed graph of numbered nodes, without edges from a node to itself.
pub(super) struct Graph {
    /// Where each node's targets begin; one more than there are nodes.
    starts: Vec<usize>,
    targets: Vec<usize>,
}

/// The tangles of a graph.
pub(super) struct Tangles {
    /// Each with its nodes, ascending.
    pub(super) tangles: Vec<Vec<usize>>,
    /// The component of each node; equal for two nodes of one tangle.
    component: Vec<usize>,
}

impl Graph {
    pub(super) fn new(nodes: usize, mut edges: Vec<(usize, usize)>) -> Self {
        edges.sort_unstable();
        edges.dedup();
        let mut starts = vec![0; nodes + 1];
        for (from, _) in &edges {
            starts[from + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        Self { starts, targets: edges.into_iter().map(|(_, to)| to).collect() }
    }

    fn next(&self, node: usize) -> &[usize] {
        &self.targets[self.starts[node]..self.starts[node + 1]]
    }

    pub(super) fn tangles(&self) -> Tangles {
        let nodes = self.starts.len() - 1;
        let mut search = Search::new(nodes);
        for root in 0..nodes {
            if search.number[root].is_none() {
                search.explore(self, root);
            }
        }
        search.tangles.sort_unstable();
        Tangles { tangles: search.tangles, component: search.component }
    }

    /// The nodes of a shortest way of one step or more from one node of a tangle to another, or
    /// back to itself, without the first. Nodes from `free` on cost nothing.
    pub(super) fn way(
        &self,
        tangles: &Tangles,
        (from, to): (usize, usize),
        free: usize,
    ) -> Option<Vec<usize>> {
        let mut before: BTreeMap<usize, usize> = BTreeMap::new();
        let mut due: VecDeque<(usize, usize)> = VecDeque::from([(from, from)]);
        let mut first = true;
        while let Some((node, previous)) = due.pop_front() {
            if !std::mem::take(&mut first) {
                if before.contains_key(&node) {
                    continue;
                }
                before.insert(node, previous);
                if node == to {
                    return Some(backwards(&before, (from, to)));
                }
            }
            for next in self.next(node).iter().filter(|next| tangles.same(from, **next)) {
                if *next >= free {
                    due.push_front((*next, node));
                } else {
                    due.push_back((*next, node));
                }
            }
        }
        None
    }
}

fn backwards(before: &BTreeMap<usize, usize>, (from, to): (usize, usize)) -> Vec<usize> {
    let mut way = vec![to];
    let mut node = to;
    while let Some(previous) = before.get(&node).filter(|previous| **previous != from) {
        way.push(*previous);
        node = *previous;
    }
    way.reverse();
    way
}

impl Tangles {
    /// Whether two nodes are in one tangle.
    pub(super) fn same(&self, one: usize, other: usize) -> bool {
        self.component[one] == self.component[other]
    }
}

/// A search in depth: what is known of each node, and the nodes under way.
struct Search {
    /// In which order the nodes were met.
    number: Vec<Option<usize>>,
    /// The earliest node, by number, that is known to be reached from each and still open.
    lowest: Vec<usize>,
    component: Vec<usize>,
    closed: Vec<bool>,
    /// Nodes whose component is still open, as they were met.
    open: Vec<usize>,
    met: usize,
    tangles: Vec<Vec<usize>>,
}

impl Search {
    fn new(nodes: usize) -> Self {
        Self {
            number: vec![None; nodes],
            lowest: vec![0; nodes],
            component: vec![0; nodes],
            closed: vec![false; nodes],
            open: Vec::new(),
            met: 0,
            tangles: Vec::new(),
        }
    }

    fn meet(&mut self, node: usize) {
        (self.number[node], self.lowest[node]) = (Some(self.met), self.met);
        self.met += 1;
        self.open.push(node);
    }

    fn explore(&mut self, graph: &Graph, root: usize) {
        let mut path = vec![(root, 0)];
        self.meet(root);
        while let Some((node, step)) = path.last_mut() {
            let (from, next) = (*node, graph.next(*node).get(*step).copied());
            *step += 1;
            match next {
                Some(to) => match self.number[to] {
                    None => {
                        self.meet(to);
                        path.push((to, 0));
                    }
                    Some(number) if !self.closed[to] => {
                        self.lowest[from] = self.lowest[from].min(number);
                    }
                    Some(_) => {}
                },
                None => {
                    path.pop();
                    if let Some((above, _)) = path.last() {
                        self.lowest[*above] = self.lowest[*above].min(self.lowest[from]);
                    }
                    self.close(from);
                }
            }
        }
    }

    /// Closes the component of a node from which no earlier one is reached.
    fn close(&mut self, node: usize) {
        if self.number[node] != Some(self.lowest[node]) {
            return;
        }
        let first = self.open.iter().rposition(|open| *open == node).unwrap_or(0);
        let mut members = self.open.split_off(first);
        for member in &members {
            (self.component[*member], self.closed[*member]) = (node, true);
        }
        if members.len() > 1 {
            members.sort_unstable();
            self.tangles.push(members);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Who is reached from whom, the slow and plain way.
    fn reached(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<bool>> {
        let mut reached = vec![vec![false; nodes]; nodes];
        for (from, to) in edges {
            reached[*from][*to] = true;
        }
        for middle in 0..nodes {
            for from in 0..nodes {
                for to in 0..nodes {
                    reached[from][to] |= reached[from][middle] && reached[middle][to];
                }
            }
        }
        reached
    }

    /// How many steps the shortest way has; steps to a node from `free` on are not counted.
    fn steps(edges: &[(usize, usize)], (from, to): (usize, usize), free: usize) -> Option<usize> {
        let mut cost: BTreeMap<usize, usize> = BTreeMap::new();
        for _ in 0..=edges.len() {
            for (one, other) in edges {
                let before = if *one == from { Some(0) } else { None };
                let before = before.into_iter().chain(cost.get(one).copied()).min();
                if let Some(before) = before {
                    let now = before + usize::from(*other < free);
                    let best = cost.entry(*other).or_insert(now);
                    *best = now.min(*best);
                }
            }
        }
        cost.get(&to).copied()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn tangles_are_those_that_reach_each_other(
            edges in vec((0..9_usize, 0..9_usize), 0..24),
            free in 0..12_usize,
        ) {
            let edges: Vec<_> = edges.into_iter().filter(|(from, to)| from != to).collect();
            let graph = Graph::new(9, edges.clone());
            let (found, reached) = (graph.tangles(), reached(9, &edges));
            for (one, from_one) in reached.iter().enumerate() {
                for (other, from_other) in reached.iter().enumerate() {
                    let both = from_one[other] && from_other[one];
                    let tangle = |node| found.tangles.iter().position(|t| t.contains(&node));
                    prop_assert_eq!(both, tangle(one).is_some() && tangle(one) == tangle(other));
                    prop_assert_eq!(both || one == other, found.same(one, other));
                    if both {
                        let way = graph.way(&found, (one, other), free).unwrap();
                        let from = std::iter::once(&one).chain(&way);
                        for step in from.zip(&way) {
                            prop_assert!(edges.contains(&(*step.0, *step.1)));
                        }
                        prop_assert_eq!(way.last(), Some(&other));
                        let cost = way.iter().filter(|node| **node < free).count();
                        prop_assert_eq!(Some(cost), steps(&edges, (one, other), free));
                    }
                }
            }
        }
    }

    #[test]
    fn a_long_chain_takes_little_time_and_no_stack() {
        let nodes = 200_000;
        let chain = (0..nodes - 1).map(|node| (node, node + 1));
        let graph = Graph::new(nodes, chain.clone().collect());
        assert!(graph.tangles().tangles.is_empty());
        let ring = Graph::new(nodes, chain.chain([(nodes - 1, 0)]).collect());
        let tangles = ring.tangles();
        assert_eq!(tangles.tangles.len(), 1);
        assert_eq!(ring.way(&tangles, (0, 0), nodes).unwrap().len(), nodes);
    }
}
