//! The lines of the benchmark as a table, as JSON and as comma-separated values.

use std::io::{self, Write};
use std::time::Duration;

use super::subject::Line;

/// For people. Floats are for them alone: nothing is decided by them.
pub(crate) fn table(lines: &[Line], mut out: impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<34} {:>10} {:>8} {:>12} {:>12} {:>12} {:>10} {:>10}",
        "history", "operations", "verdict", "check us", "paired us", "wgl us", "steps", "KiB"
    )?;
    for line in lines {
        let reference = line.reference.map_or_else(|| "-".to_owned(), micros);
        let wrong = if line.is_right() { "" } else { "  WRONG" };
        writeln!(
            out,
            "{:<34} {:>10} {:>8} {:>12} {:>12} {:>12} {:>10} {:>10}{wrong}",
            line.name,
            line.operations,
            line.verdict,
            micros(line.check),
            micros(line.paired),
            reference,
            line.effort.steps,
            line.effort.bytes.div_ceil(1024),
        )?;
    }
    let sum = |time: fn(&Line) -> Duration| micros(lines.iter().map(time).sum());
    writeln!(
        out,
        "{:<34} {:>10} {:>8} {:>12} {:>12}",
        "sum",
        lines.iter().map(|line| line.operations).sum::<usize>(),
        if lines.iter().all(Line::is_right) { "right" } else { "WRONG" },
        sum(|line| line.check),
        sum(|line| line.paired),
    )
}

fn micros(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e6)
}

/// For programs.
pub(crate) fn json(lines: &[Line], mut out: impl Write) -> io::Result<()> {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let line = |line: &Line| {
        serde_json::json!({
            "history": line.name,
            "operations": line.operations,
            "verdict": line.verdict,
            "right": line.is_right(),
            "check_ns": nanoseconds(line.check),
            "paired_ns": nanoseconds(line.paired),
            "wgl_ns": line.reference.map(nanoseconds),
            "parts": line.effort.parts,
            "steps": line.effort.steps,
            "configurations": line.effort.configurations,
            "bytes": line.effort.bytes,
        })
    };
    let lines: Vec<_> = lines.iter().map(line).collect();
    serde_json::to_writer_pretty(&mut out, &lines)?;
    writeln!(out)
}

/// For `porcupine/run.sh`.
pub(crate) fn csv(lines: &[Line], mut out: impl Write) -> io::Result<()> {
    lines.iter().try_for_each(|line| {
        let Line { name, operations, verdict, check, .. } = line;
        writeln!(out, "{name},{operations},{verdict},{}", check.as_nanos())
    })
}
