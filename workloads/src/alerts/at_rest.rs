//! What every node's numbers must say once faults are over and clients are gone.
//!
//! An operator who looks at the dashboard then must see nothing but zeros, and one active
//! controller. It is a check of the cluster, which must get there, and of the numbers, which must
//! tell so.

use super::exposition::Sample;

/// Zero on every node.
const ZERO: [&str; 6] = [
    "kafka_server_replicamanager_underreplicatedpartitions",
    "kafka_server_replicamanager_underminisrpartitioncount",
    "kafka_server_replicamanager_offlinereplicacount",
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    "kafka_server_replicafetchermanager_maxlag",
    "kafka_log_logmanager_offlinelogdirectorycount",
];
/// Zero on every node where leadership returns to the preferred replicas by itself.
const BALANCED: &str = "kafka_controller_kafkacontroller_preferredreplicaimbalancecount";
/// One over all nodes.
const ACTIVE: &str = "kafka_controller_kafkacontroller_activecontrollercount";
/// One for every partition, over all nodes.
const LED: &str = "kafka_server_replicamanager_leadercount";
const PARTITIONS: &str = "kafka_controller_kafkacontroller_globalpartitioncount";
const PURGATORY: &str = "kafka_server_delayedoperationpurgatory_purgatorysize";
const UNCLEAN: &str = "kafka_controller_controllerstats_uncleanleaderelections_total";
const SHRINKS: &str = "kafka_server_replicamanager_isrshrinks_total";

/// What more may be expected of a run, beside rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Leadership returns to the preferred replicas by itself.
    pub rebalances: bool,
    /// No leader was elected uncleanly.
    pub clean: bool,
    /// No replica was put out of an in-sync set: nothing was ever wrong.
    pub no_shrinks: bool,
}

/// What is not as it must be, one line for each number and node; empty at rest.
#[must_use]
pub fn complaints(pages: &[(String, Vec<Sample>)], expected: Expected) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut zeros: Vec<&str> = ZERO.to_vec();
    zeros.extend(expected.rebalances.then_some(BALANCED));
    zeros.extend(expected.clean.then_some(UNCLEAN));
    zeros.extend(expected.no_shrinks.then_some(SHRINKS));
    for (node, samples) in pages {
        let wrong = samples.iter().filter(|sample| {
            let waits = sample.name == PURGATORY && is_produce(sample);
            (zeros.contains(&sample.name.as_str()) || waits) && sample.value > 0.0
        });
        complaints.extend(
            wrong.map(|sample| format!("{} is {} on {node}, not 0", sample.name, sample.value)),
        );
    }
    let sum = total(&all(pages, ACTIVE));
    if (sum - 1.0).abs() > f64::EPSILON {
        complaints.push(format!("{ACTIVE} is {sum} over all nodes, not 1"));
    }
    let led = total(&all(pages, LED));
    for partitions in all(pages, PARTITIONS) {
        if (led - partitions).abs() > f64::EPSILON {
            complaints.push(format!("{LED} is {led} over all nodes, {PARTITIONS} {partitions}"));
        }
    }
    complaints
}

fn is_produce(sample: &Sample) -> bool {
    sample.labels.get("delayedoperation").is_some_and(|operation| operation == "Produce")
}

/// The sum; of nothing it is 0, and not -0 as `Iterator::sum` has it.
fn total(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value)
}

fn all(pages: &[(String, Vec<Sample>)], name: &str) -> Vec<f64> {
    let samples = pages.iter().flat_map(|(_, samples)| samples);
    samples.filter(|sample| sample.name == name).map(|sample| sample.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::exposition::parse;

    const ALL: Expected = Expected { rebalances: true, clean: true, no_shrinks: true };

    fn page(node: &str, lines: &str) -> (String, Vec<Sample>) {
        (node.to_owned(), parse(&format!("{lines}# EOF\n")).unwrap())
    }

    fn resting() -> Vec<(String, Vec<Sample>)> {
        let numbers = |active: u8, led: u8| {
            let zeros: String = ZERO.iter().map(|name| format!("{name} 0\n")).collect();
            format!(
                "{zeros}{BALANCED} 0\n{UNCLEAN} 0\n{SHRINKS} 0\n{ACTIVE} {active}\n{LED} {led}\n\
                 {PARTITIONS} 3\n{PURGATORY}{{delayedoperation=\"Produce\"}} 0\n\
                 {PURGATORY}{{delayedoperation=\"Fetch\"}} 4\n"
            )
        };
        vec![page("node-1", &numbers(1, 2)), page("node-2", &numbers(0, 1))]
    }

    #[test]
    fn a_cluster_at_rest_gives_no_reason_to_complain() {
        assert_eq!(complaints(&resting(), ALL), Vec::<String>::new());
    }

    #[test]
    fn each_number_that_is_not_as_it_must_be_is_found() {
        let names = [&ZERO[..], &[BALANCED, UNCLEAN, SHRINKS, PURGATORY, ACTIVE, LED]].concat();
        for name in names {
            let mut pages = resting();
            let samples = &mut pages[1].1;
            let sample = samples.iter_mut().find(|sample| sample.name == name).unwrap();
            sample.value += 2.0;
            let found = complaints(&pages, ALL);
            assert!(found.iter().any(|line| line.contains(name)), "{name}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_expected_is_not_asked_for() {
        let relaxed = Expected { rebalances: false, clean: false, no_shrinks: false };
        for name in [BALANCED, UNCLEAN, SHRINKS] {
            let mut pages = resting();
            pages[0].1.iter_mut().find(|sample| sample.name == name).unwrap().value = 1.0;
            assert_eq!(complaints(&pages, relaxed), Vec::<String>::new());
            assert_eq!(complaints(&pages, ALL), [format!("{name} is 1 on node-1, not 0")]);
        }
    }

    #[test]
    fn a_cluster_without_an_active_controller_is_not_at_rest() {
        let pages = vec![page("node-1", &format!("{LED} 0\n"))];
        assert_eq!(complaints(&pages, ALL), [format!("{ACTIVE} is 0 over all nodes, not 1")]);
    }
}
