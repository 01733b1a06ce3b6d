//! A shrunk run as a regression test in Rust.

use std::collections::BTreeSet;
use std::path::Path;

use super::Shrunk;
use super::story::{Deed, Story};
use super::words;
use crate::plan::Plan;
use crate::settings::brokers;
use crate::signature::Signature;

/// A test for `tests/faults/regressions.rs`. It fails as long as the mistake is in the brokers, and
/// is a regression test from then on.
///
/// A story in the cluster's verbs, if one fails in the same way (a few runs are spent on that);
/// else a test that carries out the plan in `plan_file`, which lies beside the test.
#[must_use]
pub fn as_test(shrunk: &Shrunk, plan_file: &Path) -> String {
    let story = if fails_as_story(shrunk) { as_story(shrunk) } else { None };
    story.unwrap_or_else(|| as_plan_test(shrunk, plan_file))
}

/// Whether a story in the cluster's verbs fails in the same way, under one of the seeds that every
/// story is told under.
#[must_use]
pub fn fails_as_story(shrunk: &Shrunk) -> bool {
    let story = Story::of(&shrunk.plan);
    story.is_some_and(|story| story.fails_with(&shrunk.signature))
}

/// The run as a story in the cluster's verbs, whether or not it still fails when it is told so;
/// `None` if there are no words for a part of it.
#[must_use]
pub fn as_story(shrunk: &Shrunk) -> Option<String> {
    let story = Story::of(&shrunk.plan)?;
    let setup = setup(&shrunk.plan)?;
    Some(test(shrunk, &told(&story, &setup)))
}

/// The run as a test that carries out the plan in a file beside it: the same run, to the byte.
#[must_use]
pub fn as_plan_test(shrunk: &Shrunk, plan_file: &Path) -> String {
    test(shrunk, &carried_out(plan_file))
}

fn test(shrunk: &Shrunk, body: &[String]) -> String {
    let (seed, signature) = (shrunk.plan.seed, &shrunk.signature);
    let mut text = format!("/// Shrunk from seed {seed}, which showed {signature}.\n");
    if let Some(line) = shrunk.report.failure().as_ref().and_then(|words| words.lines().next()) {
        text.push_str(&format!("///\n/// {line}\n"));
    }
    text.push_str(&format!("#[test]\nfn {}() {{\n", name(signature, seed.0)));
    for line in body {
        text.push_str(format!("    {line}").trim_end());
        text.push('\n');
    }
    text + "}\n"
}

/// The test that reads the plan. `include_str!` looks beside the source, so it gets the name alone.
fn carried_out(plan_file: &Path) -> Vec<String> {
    let repeat = format!("cargo faults repro {}", plan_file.display());
    let name = plan_file.file_name().unwrap_or_default().to_string_lossy();
    vec![
        "use workloads::plan::Plan;".to_owned(),
        "use workloads::run::{Errand, Watching, carry_out};".to_owned(),
        String::new(),
        format!("let plan = Plan::read(include_str!({name:?}));"),
        "let plan = plan.expect(\"the plan is of this version\");".to_owned(),
        "// The brokers as they are, whatever was broken when the plan was made.".to_owned(),
        "let plan = Plan { mutant: None, ..plan };".to_owned(),
        format!("let repeat = {repeat:?}.to_owned();"),
        "let ran = carry_out(&Errand { plan, repeat }, Watching::default());".to_owned(),
        "assert_eq!(ran.report.failure(), None, \"{:#?}\", ran.report.journal);".to_owned(),
    ]
}

/// The words of the cluster; `None` if a setting has none.
fn setup(plan: &Plan) -> Option<String> {
    let settings = &plan.cluster;
    let usual = brokers(settings.broker_count());
    let mut told = usual.clone();
    let mut words = format!("brokers({})", settings.broker_count());
    if settings.controller_count() != usual.controller_count() {
        told = told.controllers(settings.controller_count());
        words.push_str(&format!(".controllers({})", settings.controller_count()));
    }
    for name in settings.changed() {
        let value = settings.property(name)?;
        told = told.set(name, value);
        match (name, value.parse::<usize>()) {
            ("min.insync.replicas", Ok(count)) => {
                words.push_str(&format!(".min_in_sync_replicas({count})"));
            }
            (_, _) => words.push_str(&format!(".set({name:?}, {value:?})")),
        }
    }
    (told == *settings).then_some(words)
}

/// The story, told.
fn told(story: &Story<'_>, setup: &str) -> Vec<String> {
    let plan = story.plan;
    let mut lines = vec![words::topic(&plan.topic), words::load(&plan.clients)];
    lines.extend(words::run_for(plan.calm));
    let needed: BTreeSet<usize> = story
        .acts
        .iter()
        .filter_map(|act| match act.deed {
            Deed::End(number) => Some(number),
            Deed::Strike(_) | Deed::Heal => None,
        })
        .collect();
    for act in &story.acts {
        lines.extend(words::run_for(act.wait));
        match act.deed {
            Deed::Strike(number) => {
                let fault = &plan.schedule.faults[number];
                lines.extend(words::strike(fault, number, needed.contains(&number)));
            }
            Deed::End(number) => lines.push(words::end(&plan.schedule.faults[number], number)),
            Deed::Heal => lines.push("cluster.heal();".to_owned()),
        }
    }
    lines.extend(words::run_for(plan.calm));
    lines.push("load.finish(cluster).must_be_valid();".to_owned());
    let mut whole = vec![format!("scenario({setup}, |cluster| {{")];
    whole.extend(lines.into_iter().map(|line| format!("    {line}")));
    whole.push("});".to_owned());
    whole
}

/// A sentence about what it proves, as far as a program can write one.
fn name(signature: &Signature, seed: u64) -> String {
    let words = match signature {
        Signature::Invariant(broken) => format!("{} holds", broken.name),
        Signature::Anomaly(kind) => format!("no {kind}"),
        Signature::Failure(words) => format!("not {words}"),
    };
    let mut name = String::new();
    for letter in words.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter);
        } else if !name.ends_with('_') {
            name.push('_');
        }
        if name.len() >= 60 {
            break;
        }
    }
    format!("{}_under_the_faults_of_seed_{seed:#x}", name.trim_end_matches('_'))
}
