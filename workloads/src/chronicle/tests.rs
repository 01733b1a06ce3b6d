//! A chronicle changes nothing, and what a run's page shows is what happened in the run.

use std::time::Duration;

use harness::seed::Seed;

use super::page;
use crate::profile::Profile;
use crate::run::{self, Watching};

fn profile() -> Profile {
    Profile::safe().storm(Duration::from_secs(8))
}

#[test]
fn a_chronicle_does_not_change_the_run() {
    for seed in [3, 7] {
        let watching = Watching { chronicle: true, ..Watching::default() };
        let told = run::run(Seed(seed), &profile(), watching);
        let untold = run::run(Seed(seed), &profile(), Watching::default());
        assert_eq!(told.report, untold.report);
        assert_eq!(told.history, untold.history);
        assert_eq!(told.segments, untold.segments);
        assert!(told.chronicle.is_some() && untold.chronicle.is_none());
    }
}

#[test]
fn a_page_shows_what_happened() {
    let watching = Watching { chronicle: true, ..Watching::default() };
    let ran = run::run(Seed(3), &profile(), watching);
    let page = page(&ran);
    assert_eq!(page.messages.total, ran.segments);
    assert_eq!(
        page.faults.len(),
        usize::try_from(ran.report.faults.values().sum::<u64>()).unwrap()
    );
    assert_eq!(u64::try_from(page.calls.began.len()).unwrap(), ran.report.operations);
    // Every replica ends where the log picture says.
    for picture in &page.logs {
        for row in picture.rows.iter().skip(1) {
            let track = page
                .tracks
                .iter()
                .find(|track| track.key == picture.key && page.nodes[track.node] == row.name)
                .unwrap();
            let end: i64 = track.lines[0].steps.iter().skip(1).step_by(2).sum();
            assert_eq!(end, row.end, "{} of {}", row.name, picture.key);
            assert_eq!(row.blocks.last().map_or(row.start, |block| block.last + 1), row.end);
        }
    }
    let leaders = page.tracks.iter().flat_map(|track| &track.spans).filter(|span| span.state == 0);
    assert!(leaders.count() > 0);
    let html = page.render();
    assert!(html.contains("id=\"run\"") && html.contains(&ran.report.repeat));
}
