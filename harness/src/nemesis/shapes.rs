//! The shapes that a partition can have.

use crate::fault::Fault;
use crate::seed::Stream;
use crate::system::Node;

/// A partition of all nodes: two halves, a bridge or a ring.
pub(super) fn draw(nodes: usize, dice: &mut Stream) -> Fault {
    let mut order: Vec<Node> = (0..nodes).map(Node).collect();
    dice.shuffle(&mut order);
    let groups = match dice.range(0..3) {
        0 => halves(&order),
        1 => bridge(&order),
        _ => ring(&order),
    };
    Fault::Partition { groups }
}

/// A majority and the rest.
fn halves(order: &[Node]) -> Vec<Vec<Node>> {
    let (more, fewer) = order.split_at(order.len() / 2 + 1);
    vec![more.to_vec(), fewer.to_vec()]
}

/// Two halves that hear each other only through one node.
fn bridge(order: &[Node]) -> Vec<Vec<Node>> {
    let middle = order.len() / 2;
    vec![order[..=middle].to_vec(), order[middle..].to_vec()]
}

/// Every node hears a majority, and no two the same: neighbours on a ring, as far as needed. With
/// three nodes everybody is a neighbour, so there the ring is a bridge.
fn ring(order: &[Node]) -> Vec<Vec<Node>> {
    let nodes = order.len();
    if nodes < 4 {
        return bridge(order);
    }
    // A majority is nodes / 2 + 1 with the node itself, half of the others on each side.
    let reach = (nodes / 2).div_ceil(2);
    let pair = |at: usize, far: usize| vec![order[at], order[(at + far) % nodes]];
    (0..nodes).flat_map(|at| (1..=reach).map(move |far| pair(at, far))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(nodes: usize) -> Vec<Node> {
        (0..nodes).map(Node).collect()
    }

    /// How many nodes each node hears, itself included.
    fn hears(groups: &[Vec<Node>], nodes: usize) -> Vec<usize> {
        let together =
            |a: Node, b: Node| a == b || groups.iter().any(|g| g.contains(&a) && g.contains(&b));
        let count = |a| order(nodes).into_iter().filter(|b| together(a, *b)).count();
        order(nodes).into_iter().map(count).collect()
    }

    #[test]
    fn halves_are_a_majority_and_a_minority() {
        assert_eq!(hears(&halves(&order(5)), 5), [3, 3, 3, 2, 2]);
        assert_eq!(hears(&halves(&order(2)), 2), [2, 2], "two nodes cannot be halved this way");
    }

    #[test]
    fn bridge_is_one_node_that_hears_all() {
        assert_eq!(hears(&bridge(&order(3)), 3), [2, 3, 2]);
        assert_eq!(hears(&bridge(&order(5)), 5), [3, 3, 5, 3, 3]);
    }

    #[test]
    fn ring_gives_each_node_a_majority_but_not_all() {
        for nodes in 4..10 {
            let heard = hears(&ring(&order(nodes)), nodes);
            assert!(heard.iter().all(|count| *count > nodes / 2 && *count <= nodes), "{heard:?}");
            assert!(nodes == 4 || nodes > 4 && heard.iter().all(|count| *count < nodes));
        }
    }
}
