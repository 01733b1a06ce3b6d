//! `faults matrix`: what each combination of settings keeps under each hardship.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use clap::Args;
use harness::exit::Exit;
use harness::report::{Style, Tone};
use harness::seed::Seed;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use workloads::matrix::store::Store;
use workloads::matrix::table::{self, Entry};
use workloads::matrix::theory::Finding;
use workloads::matrix::{self, Cell, Figures, Row, Run};
use workloads::run::{Watching, carry_out};

use crate::interrupt;
use crate::output;

/// Flags of `faults matrix`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many seeds each run is done with.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed, decimal or 0x hexadecimal.
    #[arg(long, default_value = "0x1")]
    start: Seed,
    /// Only cells with all of these: acks=all, rf=3, minisr=2, unclean=off, leader-crash, …
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    cells: Vec<String>,
    /// Only the golden preset (RF 3, min ISR 2, acks=all, unclean off), and what differs from it
    /// in one setting.
    #[arg(long)]
    golden: bool,
    /// Keeps results in a directory, goes on there after an interruption, and writes matrix.html,
    /// matrix.json and matrix.csv.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many runs go on at a time; by default as many as there are cores.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Writes the cells as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs what is missing, and shows the matrix.
pub(crate) fn matrix(arguments: &Arguments) -> Result<Exit, String> {
    let cells = chosen(arguments)?;
    let end = arguments.start.0.checked_add(arguments.seeds);
    let end = end.ok_or_else(|| "--start and --seeds go past the largest seed".to_owned())?;
    let seeds: Vec<u64> = (arguments.start.0..end).collect();
    let mut store = match &arguments.out {
        Some(directory) => Store::open(directory)?,
        None => Store::in_memory(),
    };
    let interrupted = interrupt::end_cleanly()?;
    let runs: BTreeSet<Run> = cells.iter().map(Cell::run).collect();
    // Seed by seed, so that an interrupted matrix has something of every cell.
    let missing: VecDeque<(Run, u64)> = seeds
        .iter()
        .flat_map(|seed| runs.iter().map(move |run| (*run, *seed)))
        .filter(|(run, seed)| !store.has(*run, *seed))
        .collect();
    let workers = arguments.workers.unwrap_or_else(interrupt::cores).max(1);
    fill(&mut store, missing, workers, interrupted)?;
    let entries = table::entries(&store.tallies(&cells, &seeds));
    show(arguments, &entries, interrupted.load(Ordering::SeqCst));
    if let Some(directory) = &arguments.out {
        write_files(directory, &entries)?;
    }
    Ok(exit(&entries))
}

fn chosen(arguments: &Arguments) -> Result<Vec<Cell>, String> {
    let all = if arguments.golden { matrix::golden_cells() } else { matrix::cells() };
    let words = &arguments.cells;
    let unknown = |word: &&String| !all.iter().any(|c| c.matches(std::slice::from_ref(*word)));
    if let Some(word) = words.iter().find(unknown) {
        return Err(format!("--cells {word}: no cell has that; try `faults matrix --help`"));
    }
    let cells: Vec<Cell> = all.into_iter().filter(|cell| cell.matches(words)).collect();
    if cells.is_empty() {
        return Err(format!("--cells {}: no cell has all of these", words.join(",")));
    }
    Ok(cells)
}

/// Does the missing runs on all cores. Each run has a thread of its own, so that what comes out
/// does not depend on who did it.
fn fill(
    store: &mut Store,
    missing: VecDeque<(Run, u64)>,
    workers: usize,
    interrupted: &AtomicBool,
) -> Result<(), String> {
    let bar = bar(missing.len());
    let missing = Mutex::new(missing);
    let (send, results) = mpsc::channel::<(Run, u64, Figures)>();
    thread::scope(|scope| {
        for _ in 0..workers {
            let (send, missing) = (send.clone(), &missing);
            scope.spawn(move || {
                while !interrupted.load(Ordering::SeqCst) {
                    let next = missing.lock().expect("nobody panics here").pop_front();
                    let Some((run, seed)) = next else { return };
                    let ran = carry_out(&run.errand(Seed(seed)), Watching::default());
                    if send.send((run, seed, matrix::measure(&ran))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for (run, seed, figures) in results {
            if let Some(failure) = &figures.failure {
                bar.println(format!("{run:?} seed {seed:#x}: {failure}"));
            }
            store.add(run, seed, figures).map_err(|error| format!("a result: {error}"))?;
            bar.inc(1);
        }
        Ok(())
    })
    .inspect(|()| bar.finish_and_clear())
}

fn bar(length: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() || length == 0 {
        return ProgressBar::hidden();
    }
    let template = "{bar:30} {human_pos}/{human_len} runs  {per_sec}  {eta} to go";
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr()).with_style(style)
}

fn show(arguments: &Arguments, entries: &[Entry], interrupted: bool) {
    if arguments.json {
        output::print_json(&entries);
        return;
    }
    output::print(|out| {
        let style = Style::of(out);
        table::write(entries, out, style)?;
        for (row, gives_up) in weaker(entries) {
            let line = format!("{row}: {gives_up}");
            writeln!(out, "{}  {line}", style.paint(Tone::Doubt, "weaker than golden"))?;
        }
        if interrupted {
            writeln!(out, "interrupted: with --out DIR the same command goes on from here")?;
        }
        Ok(())
    });
}

/// What each row gives up against the golden preset, in words.
fn weaker(entries: &[Entry]) -> Vec<(Row, &'static str)> {
    let rows: BTreeSet<Row> = entries.iter().map(|entry| entry.row).collect();
    rows.into_iter()
        .flat_map(|row| row.gives_up().into_iter().map(move |words| (row, words)))
        .collect()
}

fn write_files(directory: &Path, entries: &[Entry]) -> Result<(), String> {
    let json = serde_json::to_string_pretty(entries).expect("an entry has only text keys");
    let mut csv = Vec::new();
    table::write_csv(entries, &mut csv).expect("memory can be written to");
    let files = [
        ("matrix.html", matrix::page::page(entries).into_bytes()),
        ("matrix.json", json.into_bytes()),
        ("matrix.csv", csv),
    ];
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Nothing was run: unknown. Something is broken: invalid.
fn exit(entries: &[Entry]) -> Exit {
    if entries.iter().any(|entry| entry.finding == Finding::Broken) {
        Exit::Invalid
    } else if entries.is_empty() {
        Exit::Unknown
    } else {
        Exit::Valid
    }
}
