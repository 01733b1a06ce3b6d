//! How fast one log is on this machine's file system: `cargo bench -p workloads --bench log`,
//! `-- --json` for JSON.
//!
//! The real log code over the real file system in a temporary directory, without fsync: what is
//! measured is the log and the page cache, not the device. Three sizes of batch are appended as a
//! leader does, read as a consumer does and read with their checksums as a follower is served. The
//! best of several rounds is told, since other programs may run beside it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater::host::Storage;
use highwater::host::tokio::TokioHost;
use highwater::log::{Log, LogConfig, RecoveryHints};
use highwater::protocol::batch::{NewRecord, RecordBatchBuilder};
use highwater::types::{LeaderEpoch, Offset};

/// Bytes of a batch's only record, and batches to a round.
const SIZES: [(usize, i64); 3] = [(100, 100_000), (1024, 60_000), (10 * 1024, 12_000)];
/// What a fetch may bring at most.
const READ_BYTES: usize = 1 << 20;
/// Rounds of a real measurement.
const ROUNDS: u32 = 3;

fn main() -> ExitCode {
    // Without `--bench` cargo only wants to know whether it works.
    let is_real = std::env::args().any(|argument| argument == "--bench");
    let as_json = std::env::args().any(|argument| argument == "--json");
    let (rounds, thinner) = if is_real { (ROUNDS, 1) } else { (1, 100) };
    let told = measure(rounds, thinner).and_then(|lines| {
        if as_json { write_json(&lines, io::stdout()) } else { write_table(&lines, io::stdout()) }
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What one size of batch came to. Floats are for people: nothing is decided by them.
#[derive(Debug)]
struct Line {
    record_bytes: usize,
    batch_bytes: usize,
    batches: i64,
    append: Duration,
    read: Duration,
    read_verified: Duration,
}

impl Line {
    fn megabytes_per_second(&self, time: Duration) -> f64 {
        self.batch_bytes as f64 * self.batches as f64 / 1e6 / time.as_secs_f64().max(1e-9)
    }

    fn appends_per_second(&self) -> f64 {
        self.batches as f64 / self.append.as_secs_f64().max(1e-9)
    }
}

fn measure(rounds: u32, thinner: i64) -> io::Result<Vec<Line>> {
    let root = tempfile::tempdir()?;
    let storage = TokioHost::new(root.path())?.storage;
    let mut lines = Vec::new();
    for (record_bytes, batches) in SIZES {
        let mut best: Option<Line> = None;
        for _ in 0..rounds {
            let line = round(&storage, record_bytes, batches / thinner);
            best = Some(match best {
                None => line,
                Some(best) => Line {
                    append: best.append.min(line.append),
                    read: best.read.min(line.read),
                    read_verified: best.read_verified.min(line.read_verified),
                    ..line
                },
            });
        }
        lines.extend(best);
    }
    Ok(lines)
}

/// Appends to a new log, reads it twice and removes it.
fn round(storage: &Arc<dyn Storage>, record_bytes: usize, batches: i64) -> Line {
    let config = LogConfig {
        segment_bytes: 1 << 30,
        index_interval_bytes: 4096,
        max_message_bytes: 1 << 20,
        flush_messages: None,
        producer_id_expiration: Duration::from_secs(86_400),
    };
    let hints =
        RecoveryHints { clean: true, recovery_point: Offset::ZERO, log_start_offset: Offset::ZERO };
    let directory = format!("orders-{record_bytes}");
    let opened = Log::open(Arc::clone(storage), directory, config, hints);
    let (mut log, _) = opened.expect("an empty directory is an empty log");
    let batch = batch(record_bytes);
    let append = timed(|| {
        for _ in 0..batches {
            let appended = log.append_as_leader(batch.clone(), LeaderEpoch(0));
            appended.expect("a temporary directory takes what is written");
        }
    });
    let end = log.log_end_offset();
    assert_eq!(end, Offset(batches));
    let read = timed(|| read_through(batch.len(), end, |from| log.read(from, end, READ_BYTES)));
    let read_verified =
        timed(|| read_through(batch.len(), end, |from| log.read_verified(from, end, READ_BYTES)));
    log.delete().expect("what was written can be removed");
    Line { record_bytes, batch_bytes: batch.len(), batches, append, read, read_verified }
}

/// Reads from the start to the end, fetch by fetch; every batch is one record.
fn read_through<E: std::fmt::Debug>(
    batch_bytes: usize,
    end: Offset,
    read: impl Fn(Offset) -> Result<Bytes, E>,
) {
    let mut from = Offset::ZERO;
    while from < end {
        let got = read(from).expect("what was appended can be read").len() / batch_bytes;
        assert!(got > 0, "a read before the end brings at least one batch");
        from = from.plus(i64::try_from(got).expect("a read is small"));
    }
}

fn batch(record_bytes: usize) -> Bytes {
    let value = Bytes::from(vec![b'x'; record_bytes]);
    let mut batch = RecordBatchBuilder::new();
    batch.push(NewRecord { value: Some(value), ..NewRecord::default() });
    batch.build().expect("one small record is a batch")
}

#[expect(clippy::disallowed_methods, reason = "measures this machine, in real time")]
fn timed(work: impl FnOnce()) -> Duration {
    let begun = std::time::Instant::now();
    work();
    begun.elapsed()
}

fn write_table(lines: &[Line], mut out: impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:>12} {:>12} {:>14} {:>12} {:>16}",
        "record bytes", "appends/s", "append MB/s", "read MB/s", "verified MB/s"
    )?;
    for line in lines {
        writeln!(
            out,
            "{:>12} {:>12.0} {:>14.1} {:>12.1} {:>16.1}",
            line.record_bytes,
            line.appends_per_second(),
            line.megabytes_per_second(line.append),
            line.megabytes_per_second(line.read),
            line.megabytes_per_second(line.read_verified),
        )?;
    }
    Ok(())
}

fn write_json(lines: &[Line], mut out: impl Write) -> io::Result<()> {
    let lines: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            serde_json::json!({
                "record_bytes": line.record_bytes,
                "batch_bytes": line.batch_bytes,
                "batches": line.batches,
                "appends_per_second": line.appends_per_second(),
                "append_megabytes_per_second": line.megabytes_per_second(line.append),
                "read_megabytes_per_second": line.megabytes_per_second(line.read),
                "read_verified_megabytes_per_second":
                    line.megabytes_per_second(line.read_verified),
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut out, &lines)?;
    writeln!(out)
}
