//! The files that start soaks elsewhere are YAML, and agree with themselves and the command.

use workloads::alerts::yaml::Yaml;

const JOB: &str = include_str!("../deploy/soak-job.yaml");
const NIGHTLY: &str = include_str!("../../.github/workflows/nightly.yml");

fn at<'tree>(tree: &'tree Yaml, path: &[&str]) -> &'tree Yaml {
    path.iter().fold(tree, |tree, key| {
        let found = match key.parse::<usize>() {
            Ok(index) => tree.list().and_then(|list| list.get(index)),
            Err(_) => tree.get(key),
        };
        found.unwrap_or_else(|| panic!("{key} of {path:?} is missing"))
    })
}

fn text<'tree>(tree: &'tree Yaml, path: &[&str]) -> &'tree str {
    at(tree, path).text().unwrap_or_else(|| panic!("{path:?} is no text"))
}

#[test]
fn job_says_how_many_pods_there_are_and_each_goes_on_in_its_own_directory() {
    let job = Yaml::parse(JOB).expect("the manifest is YAML");
    assert_eq!(text(&job, &["kind"]), "Job");
    assert_eq!(text(&job, &["spec", "completionMode"]), "Indexed");
    let pod = at(&job, &["spec", "template", "spec"]);
    let container = at(pod, &["containers", "0"]);
    let count = at(container, &["env", "0"]);
    assert_eq!(text(count, &["name"]), "JOB_COMPLETION_COUNT");
    assert_eq!(text(count, &["value"]), text(&job, &["spec", "completions"]));
    let script = text(container, &["args", "0"]);
    assert!(script.contains("--resume \"/results/shard-$JOB_COMPLETION_INDEX\""), "{script}");
    let mount = text(container, &["volumeMounts", "0", "name"]);
    assert_eq!(mount, text(pod, &["volumes", "0", "name"]));
}

#[test]
fn image_of_the_job_is_left_to_whoever_has_one() {
    let job = Yaml::parse(JOB).expect("the manifest is YAML");
    let path = ["spec", "template", "spec", "containers", "0", "image"];
    assert_eq!(text(&job, &path), "$SOAK_IMAGE");
    assert!(JOB.contains("export SOAK_IMAGE"), "the variable is explained");
}

#[test]
fn night_has_as_many_shards_as_it_says_and_joins_them() {
    let nightly = Yaml::parse(NIGHTLY).expect("the workflow is YAML");
    let shards = at(&nightly, &["jobs", "soak", "strategy", "matrix", "shard"]);
    let shards: Vec<&str> = shards.list().expect("a list").iter().filter_map(Yaml::text).collect();
    let count: usize = text(&nightly, &["env", "SHARDS"]).parse().expect("a number");
    let expected: Vec<String> = (0..count).map(|shard| shard.to_string()).collect();
    assert_eq!(shards, expected);
    assert_eq!(text(&nightly, &["env", "HIGHWATER_COMMIT"]), "${{ github.sha }}");
    assert_eq!(text(&nightly, &["jobs", "findings", "needs"]), "soak");
    let steps = at(&nightly, &["jobs", "findings", "steps"]).list().expect("a list");
    let runs: Vec<&str> = steps.iter().filter_map(|step| step.get("run")?.text()).collect();
    assert!(runs.iter().any(|run| run.contains("faults merge results/shard-*")), "{runs:?}");
}
