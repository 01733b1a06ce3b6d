//! The matrix itself, on a few runs.

use harness::history::Promise;
use harness::report::Style;
use harness::seed::Seed;

use super::store::Store;
use super::theory::{Finding, Promised, judge, theory};
use super::*;
use crate::run::{Watching, carry_out};

fn cell(promise: Promise, hardship: Hardship) -> Cell {
    Cell { row: Row::GOLDEN, promise, hardship }
}

fn tally(cells: &[Cell], seeds: &[u64]) -> std::collections::BTreeMap<Cell, Tally> {
    let mut store = Store::in_memory();
    for cell in cells {
        for seed in seeds {
            if !store.has(cell.run(), *seed) {
                let ran = carry_out(&cell.run().errand(Seed(*seed)), Watching::default());
                store.add(cell.run(), *seed, measure(&ran)).unwrap();
            }
        }
    }
    store.tallies(cells, seeds)
}

#[test]
fn every_run_of_the_matrix_can_be_carried_out() {
    for cell in cells() {
        for seed in [1, 2] {
            assert_eq!(cell.run().plan(Seed(seed)).check(), Ok(()), "{cell}");
        }
    }
    assert_eq!(cells().len(), 3 * 198);
    assert!(golden_cells().contains(&cell(Promise::Durable, Hardship::PowerCutOfOne)));
}

#[test]
fn golden_preset_keeps_what_weaker_promises_lose() {
    let all = Promise::ALL.map(|promise| cell(promise, Hardship::Isolation));
    let tallies = tally(&all, &[1, 2]);
    let finding = |promise| {
        let cell = cell(promise, Hardship::Isolation);
        judge(&cell, &tallies[&cell])
    };
    assert_eq!(finding(Promise::Durable), Finding::Kept);
    assert_eq!(finding(Promise::Volatile), Finding::Exercised);
    let durable = &tallies[&cell(Promise::Durable, Hardship::Isolation)];
    assert!(durable.acknowledged > 0 && durable.latency_p99_ms >= durable.latency_p50_ms);
    assert!(durable.writes.per_mille() < 1000, "the isolated leader cannot commit");
    assert!(durable.writes.gap_max_ms >= 2_000, "{durable:?}");
}

#[test]
fn power_cut_of_all_that_had_the_record_loses_it() {
    let lost = [cell(Promise::Durable, Hardship::PowerCutOfRequired)];
    let kept = [cell(Promise::Durable, Hardship::PowerCutOfAllButOneRequired)];
    assert_eq!(theory(&lost[0]).promised, Promised::MayLose);
    assert_eq!(judge(&lost[0], &tally(&lost, &[1])[&lost[0]]), Finding::Exercised);
    assert_eq!(judge(&kept[0], &tally(&kept, &[1])[&kept[0]]), Finding::Kept);
}

#[test]
fn a_loss_in_a_safe_cell_is_broken() {
    let cell = cell(Promise::Durable, Hardship::LeaderCrash);
    let fine = Tally { seeds: 1, acknowledged: 9, ..Tally::default() };
    assert_eq!(judge(&cell, &fine), Finding::Kept);
    assert_eq!(judge(&cell, &Tally { lost_explained: 1, ..fine.clone() }), Finding::Broken);
    assert_eq!(judge(&cell, &Tally { failed: 1, ..fine.clone() }), Finding::Broken);
    assert_eq!(judge(&cell, &Tally { acknowledged: 0, ..fine }), Finding::Broken);
}

#[test]
fn an_interrupted_matrix_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let cell = cell(Promise::Durable, Hardship::LeaderCrash);
    let ran = carry_out(&cell.run().errand(Seed(1)), Watching::default());
    let mut store = Store::open(directory.path()).unwrap();
    store.add(cell.run(), 1, measure(&ran)).unwrap();
    drop(store);
    let file = directory.path().join(store::FILE);
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{whole}{{\"run\":")).unwrap();

    let store = Store::open(directory.path()).unwrap();
    assert!(store.has(cell.run(), 1) && !store.has(cell.run(), 2));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), whole);
    std::fs::write(&file, "nonsense\n").unwrap();
    let refused = Store::open(directory.path()).unwrap_err();
    assert!(refused.contains("runs.jsonl: line 1"), "{refused}");
}

#[test]
fn every_form_has_every_cell() {
    let shown = [cell(Promise::Durable, Hardship::FollowerCrash)];
    let entries = table::entries(&tally(&shown, &[3]));
    let mut text = Vec::new();
    table::write(&entries, &mut text, Style::Plain).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("acks=all  rf=3 minisr=2"), "{text}");
    assert!(text.contains("1 cells: 1 kept"), "{text}");
    let mut csv = Vec::new();
    table::write_csv(&entries, &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let columns = |line: &str| line.split(',').count();
    let mut lines = csv.lines();
    assert_eq!(columns(lines.next().unwrap()), columns(lines.next().unwrap()));
    let page = page::page(&entries);
    assert!(page.contains("follower-crash") && page.ends_with("</html>\n"));
}
