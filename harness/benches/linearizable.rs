//! How fast linearizability is judged: `cargo bench -p harness --bench linearizable -- [DIR]`.
//!
//! Judges every recorded history of a directory (`*.log` of registers, `*.txt` of key-value
//! stores; see `harness::history::recorded`) and compares with the verdicts in its `verdicts.csv`,
//! lines of `file,operations,verdict` where the verdict is `ok` or `illegal`. Then it judges long
//! histories of its own. Without a directory there are only these.
//!
//! `--json` tells it in JSON, `--csv` as lines of `file,operations,verdict,nanoseconds`, of the
//! verdict alone.
//! `--export DIR` writes the histories of its own into a directory instead, in the same formats,
//! with their `verdicts.csv`: for others to be measured with, as `porcupine/run.sh` does.
//!
//! What is measured begins with the calls in memory and holds everything that the checker does
//! with them: partitioning, ordering events, and the search. `paired` begins with the events of
//! the processes, and pairs them to calls first. The best of many rounds is told, since other
//! programs may run beside it. It fails if a verdict is not the known one.

#[path = "linearizable/subject.rs"]
mod subject;
#[path = "linearizable/synthetic.rs"]
mod synthetic;
#[path = "linearizable/told.rs"]
mod told;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use subject::{Depth, Line, Subject};

/// What was asked for on the command line.
#[derive(Debug, Default)]
struct Asked {
    directory: Option<PathBuf>,
    export: Option<PathBuf>,
    json: bool,
    csv: bool,
    /// Without `--bench` cargo only wants to know whether it works.
    depth: Depth,
}

impl Asked {
    fn new(arguments: impl Iterator<Item = String>) -> Self {
        let mut asked = Self::default();
        let mut export = false;
        for argument in arguments {
            match argument.as_str() {
                "--json" => asked.json = true,
                "--csv" => asked.csv = true,
                "--bench" => asked.depth = Depth::Full,
                "--export" => export = true,
                path if export => {
                    asked.export = Some(path.into());
                    export = false;
                }
                path => asked.directory = Some(path.into()),
            }
        }
        if asked.csv && asked.depth == Depth::Full {
            asked.depth = Depth::Race;
        }
        asked
    }
}

fn main() -> ExitCode {
    let asked = Asked::new(std::env::args().skip(1));
    match run(&asked) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(asked: &Asked) -> io::Result<bool> {
    if let Some(directory) = &asked.export {
        return synthetic::export(directory).map(|()| true);
    }
    let mut lines = Vec::new();
    if let Some(directory) = &asked.directory {
        lines = judge_directory(directory, asked.depth)?;
    }
    // Another's files are judged alone, so that its sums are of these.
    if !asked.csv || asked.directory.is_none() {
        let thinner = if asked.depth == Depth::Once { 100 } else { 1 };
        for story in synthetic::stories(thinner) {
            lines.push(story.subject.judge(story.name, Some(story.legal), asked.depth));
        }
    }
    let out = io::stdout().lock();
    if asked.json {
        told::json(&lines, out)?;
    } else if asked.csv {
        told::csv(&lines, out)?;
    } else {
        told::table(&lines, out)?;
    }
    Ok(lines.iter().all(Line::is_right))
}

fn judge_directory(directory: &Path, depth: Depth) -> io::Result<Vec<Line>> {
    let known = verdicts(directory)?;
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut lines = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = |path: &Path| fs::read(path);
        let subject = match path.extension().and_then(|ending| ending.to_str()) {
            Some("log") => Subject::register(BufReader::new(&text(&path)?[..])),
            Some("txt") => Subject::key_value(BufReader::new(&text(&path)?[..])),
            _ => continue,
        };
        let subject = subject.map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{name}: {error}"))
        })?;
        let expected = known.get(&name).copied();
        lines.push(subject.judge(name, expected, depth));
    }
    Ok(lines)
}

/// Whether each file is legal, as far as that is known.
fn verdicts(directory: &Path) -> io::Result<BTreeMap<String, bool>> {
    let path = directory.join("verdicts.csv");
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let text = fs::read_to_string(path)?;
    let line = |line: &str| {
        let mut fields = line.split(',');
        let (name, _, verdict) = (fields.next()?, fields.next()?, fields.next()?);
        Some((name.to_owned(), verdict.trim() == "ok"))
    };
    Ok(text.lines().skip(1).filter_map(line).collect())
}
