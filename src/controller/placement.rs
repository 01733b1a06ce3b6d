//! Where a new topic's replicas go (R26; KIP-36): striped over racks, leaders spread evenly.
//!
//! The leaders follow a list in which every unfenced broker stands once, the racks taking turns:
//! so leader counts differ by one at most, however unequal the racks are. The other replicas go
//! round the remaining racks one by one and come back to the leader's rack last: so no rack gets a
//! second replica while another rack has none.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::types::{BrokerId, SplitMix};

/// A broker that replicas may be placed on.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) broker: BrokerId,
    pub(super) rack: Option<Arc<str>>,
    pub(super) fenced: bool,
}

/// Places `partitions` partitions; the first replica of each is an unfenced broker. `None` if no
/// broker is unfenced or there are fewer brokers than replicas.
pub(super) fn place(
    sites: &[Site],
    partitions: usize,
    replication_factor: usize,
    dice: u64,
) -> Option<Vec<Vec<BrokerId>>> {
    if replication_factor == 0 || sites.len() < replication_factor {
        return None;
    }
    let mut stripes = Stripes::new(sites, dice);
    let leaders = stripes.leaders();
    if leaders.is_empty() {
        return None;
    }
    let mut placed = Vec::with_capacity(partitions);
    while placed.len() < partitions {
        // After every unfenced broker has had a turn, the same neighbours should not meet again.
        stripes.shuffle();
        for (rack, leader) in leaders.iter().take(partitions - placed.len()) {
            placed.push(stripes.replicas(*rack, *leader, replication_factor));
        }
    }
    Some(placed)
}

#[derive(Debug)]
struct Stripes {
    racks: Vec<Rack>,
    /// Where, among the racks other than the leader's, the second replica goes.
    shift: usize,
    dice: SplitMix,
}

#[derive(Debug, Default)]
struct Rack {
    unfenced: Ring,
    fenced: Ring,
}

/// Brokers that take turns.
#[derive(Debug, Default)]
struct Ring {
    brokers: Vec<BrokerId>,
    next: usize,
}

impl Stripes {
    fn new(sites: &[Site], dice: u64) -> Self {
        let mut racks: BTreeMap<Option<Arc<str>>, Rack> = BTreeMap::new();
        for site in sites {
            let rack = racks.entry(site.rack.clone()).or_default();
            let ring = if site.fenced { &mut rack.fenced } else { &mut rack.unfenced };
            ring.brokers.push(site.broker);
        }
        Self { racks: racks.into_values().collect(), shift: 0, dice: SplitMix::new(dice) }
    }

    /// Every unfenced broker once, with its rack: first one of each rack, then a second of each,
    /// beginning with a random rack and a random broker.
    fn leaders(&mut self) -> Vec<(usize, BrokerId)> {
        let racks = self.racks.len();
        let first_rack = self.dice.below(racks);
        for rack in &mut self.racks {
            let turn = self.dice.below(rack.unfenced.brokers.len());
            rack.unfenced.brokers.rotate_left(turn);
        }
        let rounds = self.racks.iter().map(|rack| rack.unfenced.brokers.len()).max().unwrap_or(0);
        let turns = (0..rounds).flat_map(|round| (0..racks).map(move |rack| (round, rack)));
        turns
            .filter_map(|(round, rack)| {
                let rack = (first_rack + rack) % racks;
                Some((rack, *self.racks[rack].unfenced.brokers.get(round)?))
            })
            .collect()
    }

    fn shuffle(&mut self) {
        self.shift = self.dice.below(self.racks.len().saturating_sub(1));
        for rack in &mut self.racks {
            rack.unfenced.next = self.dice.below(rack.unfenced.brokers.len());
            rack.fenced.next = self.dice.below(rack.fenced.brokers.len());
        }
    }

    fn replicas(
        &mut self,
        leader_rack: usize,
        leader: BrokerId,
        replication_factor: usize,
    ) -> Vec<BrokerId> {
        let racks = self.racks.len();
        let others = racks - 1;
        let mut replicas = vec![leader];
        while replicas.len() < replication_factor {
            for step in 0..racks {
                if replicas.len() == replication_factor {
                    break;
                }
                let distance = if step < others { 1 + (step + self.shift) % others } else { 0 };
                let rack = &mut self.racks[(leader_rack + distance) % racks];
                let next = rack.unfenced.turn(&replicas);
                replicas.extend(next.or_else(|| rack.fenced.turn(&replicas)));
            }
        }
        replicas
    }
}

impl Ring {
    /// The next broker whose turn it is and that is not `taken`.
    fn turn(&mut self, taken: &[BrokerId]) -> Option<BrokerId> {
        let count = self.brokers.len();
        let turns = (0..count).map(|step| (self.next + step) % count);
        let mut free = turns.filter(|turn| !taken.contains(&self.brokers[*turn]));
        let turn = free.next()?;
        self.next = (turn + 1) % count;
        Some(self.brokers[turn])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Brokers 0, 1, 2, … with the given racks; a rack of 0 is none.
    fn sites(racks: &[(u8, bool)]) -> Vec<Site> {
        let site = |(id, (rack, fenced)): (usize, &(u8, bool))| Site {
            broker: BrokerId(i32::try_from(id).unwrap()),
            rack: (*rack > 0).then(|| format!("rack-{rack}").into()),
            fenced: *fenced,
        };
        racks.iter().enumerate().map(site).collect()
    }

    #[test]
    fn racks_take_turns() {
        let placed = place(&sites(&[(1, false), (1, false), (2, false), (2, false)]), 4, 2, 1);
        let rack = |broker: &BrokerId| broker.0 / 2;
        for replicas in placed.unwrap() {
            assert_ne!(rack(&replicas[0]), rack(&replicas[1]));
        }
    }

    #[test]
    fn nobody_is_placed_where_nobody_can_lead() {
        assert_eq!(place(&sites(&[(1, true), (1, true)]), 1, 1, 1), None);
        assert_eq!(place(&sites(&[(1, false)]), 1, 2, 1), None, "more replicas than brokers");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn replicas_are_distinct_spread_over_racks_and_leaders_balanced(
            racks in prop::collection::vec((0_u8..4, any::<bool>()), 1..9),
            partitions in 1_usize..40,
            replication_factor in 1_usize..6,
            dice in any::<u64>(),
        ) {
            let sites = sites(&racks);
            let unfenced: Vec<_> = sites.iter().filter(|site| !site.fenced).collect();
            let placed = place(&sites, partitions, replication_factor, dice);
            if unfenced.is_empty() || replication_factor > sites.len() {
                prop_assert_eq!(placed, None);
                return Ok(());
            }
            let placed = placed.unwrap();
            prop_assert_eq!(placed.len(), partitions);
            let rack_of = |broker: &BrokerId| racks[usize::try_from(broker.0).unwrap()].0;
            let rack_count = racks.iter().map(|(rack, _)| rack).collect::<BTreeSet<_>>().len();
            let mut leaders: BTreeMap<BrokerId, usize> =
                unfenced.iter().map(|site| (site.broker, 0)).collect();
            for replicas in &placed {
                let distinct: BTreeSet<_> = replicas.iter().collect();
                prop_assert_eq!(distinct.len(), replication_factor);
                let used: BTreeSet<_> = replicas.iter().map(rack_of).collect();
                prop_assert_eq!(used.len(), replication_factor.min(rack_count));
                *leaders.get_mut(&replicas[0]).expect("an unfenced broker leads") += 1;
            }
            let (least, most) = (leaders.values().min().unwrap(), leaders.values().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", leaders);
        }
    }
}
