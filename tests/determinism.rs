//! The same seed gives the same run: in the same process, in another one, in every build.
//!
//! All else rests on this. A failure that cannot be run again cannot be understood, and a fix for
//! it cannot be shown to be one. So runs are compared in full: what the clients were told, what
//! every broker observed, what struck and when, and the verdict.
//!
//! `DETERMINISM_SEEDS=50` compares so many seeds instead of a dozen.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, fs, thread};

use expect_test::expect;
use harness::seed::Seed;
use workloads::profile::Profile;
use workloads::rooms;
use workloads::run::{Watching, run};

/// How many seeds are compared unless [`SEEDS`] says otherwise; those with golden digests.
const DOZEN: u64 = 12;
/// The variable that says how many seeds are compared.
const SEEDS: &str = "DETERMINISM_SEEDS";
/// The variable that asks [`accounts_are_worth_comparing`] to write its accounts to a file.
const WRITE_TO: &str = "DETERMINISM_WRITE_TO";
/// Schedules of the pure rooms for every seed that is compared.
const ROOMS_PER_SEED: u64 = 20;

/// Everything that is known of a run, in lines.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    title: String,
    lines: Vec<String>,
}

/// The accounts of this process, told when the first test asks.
static FIRST: LazyLock<Vec<Account>> = LazyLock::new(|| seeds().map(account).collect());

fn seeds() -> std::ops::Range<u64> {
    let count = env::var(SEEDS).map_or(DOZEN, |text| {
        text.parse().unwrap_or_else(|_| panic!("{SEEDS}={text} is not a number of seeds"))
    });
    assert!(count > 0, "{SEEDS}=0 compares nothing");
    0..count
}

/// Runs a seed, and what the pure rooms make of a few.
fn account(seed: u64) -> Account {
    let ran =
        run(Seed(seed), &Profile::safe(), Watching { everything: true, ..Watching::default() });
    let mut lines = vec![
        serde_json::to_string(&ran.outcome).expect("the comparison itself does not fail"),
        serde_json::to_string(&ran.plan.schedule).expect("the comparison itself does not fail"),
    ];
    let report =
        serde_json::to_string_pretty(&ran.report).expect("the comparison itself does not fail");
    lines.extend(report.lines().map(str::to_owned));
    lines.extend(ran.observed.iter().map(|(at, node, what)| format!("{at:?} node-{node} {what}")));
    lines.extend(ran.history.operations().iter().map(ToString::to_string));
    for schedule in seed * ROOMS_PER_SEED..(seed + 1) * ROOMS_PER_SEED {
        lines.push(format!("rooms {:?}", rooms::run(schedule, &rooms::Profile::storm())));
    }
    for line in &mut lines {
        // One line each, so that a file of them can be read back.
        *line = line.replace('\n', " ");
    }
    Account { title: format!("=== seed {seed}"), lines }
}

fn to_text(accounts: &[Account]) -> String {
    let lines = accounts.iter().flat_map(|a| std::iter::once(&a.title).chain(&a.lines));
    lines.map(|line| format!("{line}\n")).collect()
}

fn from_text(text: &str) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for line in text.lines() {
        if line.starts_with("=== ") {
            accounts.push(Account { title: line.to_owned(), lines: Vec::new() });
        } else {
            accounts.last_mut().expect("a title stands first").lines.push(line.to_owned());
        }
    }
    accounts
}

/// The first line in which two tellings differ: where to look for what is not determined.
fn difference(one: &[Account], other: &[Account]) -> Option<String> {
    if one.len() != other.len() {
        return Some(format!("{} accounts, and then {}", one.len(), other.len()));
    }
    for (one, other) in one.iter().zip(other) {
        if one == other {
            continue;
        }
        let length = one.lines.len().max(other.lines.len());
        let at = (0..length).find(|at| one.lines.get(*at) != other.lines.get(*at));
        let at = at.unwrap_or_default();
        let line = |account: &Account| account.lines.get(at).cloned().unwrap_or_default();
        let (title, first, second) = (&one.title, line(one), line(other));
        return Some(format!("{title}, line {at}\n  first: {first}\n  then:  {second}"));
    }
    None
}

fn assert_same(one: &[Account], other: &[Account], when: &str) {
    if let Some(difference) = difference(one, other) {
        panic!("the same seed gave another run {when}:\n{difference}");
    }
}

/// Tells accounts while another thread runs other seeds, one after the other.
fn beside_other_simulations(tell: impl FnOnce() -> Vec<Account>) -> Vec<Account> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut ran = 0;
            while !done.load(Ordering::Relaxed) {
                ran += 1;
                let _: String =
                    run(Seed(1_000_000 + ran), &Profile::safe(), Watching::default()).report.digest;
            }
            ran
        });
        let told = tell();
        done.store(true, Ordering::Relaxed);
        assert!(
            others.join().expect("the comparison itself does not fail") > 0,
            "nothing ran beside"
        );
        told
    })
}

/// Runs in this process when all tests do, and alone in another one, which writes its accounts
/// down for [`another_process_gives_the_same_runs`].
#[test]
fn accounts_are_worth_comparing() {
    for account in &*FIRST {
        let outcome = &account.lines[0];
        assert!(outcome.contains(r#""verdict":"valid""#), "{}: {outcome}", account.title);
        // Quiet clients make short accounts.
        assert!(account.lines.len() > 500, "{}: {} lines", account.title, account.lines.len());
    }
    if let Ok(path) = env::var(WRITE_TO) {
        fs::write(path, to_text(&FIRST)).expect("the comparison itself does not fail");
    }
}

#[test]
fn this_process_gives_the_same_runs_again() {
    let again = beside_other_simulations(|| {
        // In another order, so that each run comes after others than the first time.
        let mut accounts: Vec<Account> = seeds().rev().map(account).collect();
        accounts.reverse();
        accounts
    });
    assert_same(&FIRST, &again, "in the same process, after and beside others");
}

#[test]
fn another_process_gives_the_same_runs() {
    let directory = tempfile::tempdir().expect("the comparison itself does not fail");
    let file = directory.path().join("accounts");
    let told = told_by_another_process(directory.path(), &file);
    assert_same(&FIRST, &told, "in another process");
}

fn told_by_another_process(directory: &Path, file: &Path) -> Vec<Account> {
    let this = env::current_exe().expect("the comparison itself does not fail");
    let output = Command::new(this)
        .args(["accounts_are_worth_comparing", "--exact"])
        .env(WRITE_TO, file)
        .env("A_VARIABLE_OF_ANOTHER_PROCESS", "moves what lies above the stack")
        .current_dir(directory)
        .output()
        .expect("the comparison itself does not fail");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    from_text(&fs::read_to_string(file).expect("the comparison itself does not fail"))
}

/// What these seeds came to when the table was written. It holds in a debug build and in a release
/// build alike, on any machine: a build that disagrees with it has something in it that is not
/// drawn from the seed, and a change that was not meant to change behaviour, but did, shows here.
///
/// A change that is meant to (of the broker, of the nemesis, of a dependency) writes it anew, and
/// the diff belongs to its commit: `UPDATE_EXPECT=1 cargo test --test determinism`.
#[test]
fn every_build_gives_the_runs_of_the_table() {
    let mut table = String::from("seed  history           operations\n");
    for seed in 0..DOZEN {
        // Not watched as closely as for an account: watching must not change anything.
        let outcome = run(Seed(seed), &Profile::safe(), Watching::default()).outcome;
        table.push_str(&format!("{seed:4}  {}  {:10}\n", outcome.digest, outcome.operations));
        let json = serde_json::to_string(&outcome).expect("the comparison itself does not fail");
        let watched = FIRST.iter().find(|account| account.title == format!("=== seed {seed}"));
        assert!(watched.is_none_or(|watched| watched.lines[0] == json), "seed {seed}: {json}");
    }
    expect![[r#"
        seed  history           operations
           0  5a462617efdb50f0         353
           1  19ca51362859db5a         432
           2  997ab791dd4153bd          58
           3  af985eea4fef5772         913
           4  27fcddb324f98eef          69
           5  8ff81f217582738a         295
           6  727c3feae3e9f8cb          58
           7  5f5717b1dddc0945        1646
           8  5a81fd41a2c830d4         410
           9  05f4874ed50a2f9b         506
          10  a9f8a32eeec9906f        1705
          11  ca2938a75baa3397        1593
    "#]]
    .assert_eq(&table);
}

/// As the table of the runs, for the pure rooms.
#[test]
fn every_build_gives_the_schedules_of_the_table() {
    let mut table = String::from("seed  events  virtual ms  acknowledged\n");
    for seed in 0..DOZEN {
        let outcome = rooms::run(seed, &rooms::Profile::storm());
        let (events, ms, acknowledged) = (outcome.events, outcome.virtual_ms, outcome.acknowledged);
        table.push_str(&format!("{seed:4}  {events:6}  {ms:10}  {acknowledged:12}\n"));
    }
    expect![[r#"
        seed  events  virtual ms  acknowledged
           0     760         405             2
           1     520         245             2
           2     640         275            11
           3     760         357            12
           4     820         194             3
           5     820         279             6
           6     700         466             3
           7     640         445             2
           8     580         375             8
           9    1480         547             2
          10    1900         416            22
          11     700         565             2
    "#]]
    .assert_eq(&table);
}

#[test]
fn difference_is_found_and_told() {
    let account = |lines: &[&str]| Account {
        title: "=== seed 7".to_owned(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    };
    let one = [account(&["a", "b"])];
    assert_eq!(difference(&one, &one), None);
    assert_eq!(from_text(&to_text(&one)), one);
    assert!(difference(&one, &[]).is_some());
    let told = |lines: &[&str]| {
        difference(&one, &[account(lines)]).expect("the comparison itself does not fail")
    };
    assert_eq!(told(&["a", "c"]), "=== seed 7, line 1\n  first: b\n  then:  c");
    assert_eq!(told(&["a"]), "=== seed 7, line 1\n  first: b\n  then:  ");
    assert_eq!(told(&["a", "b", "c"]), "=== seed 7, line 2\n  first: \n  then:  c");
}
