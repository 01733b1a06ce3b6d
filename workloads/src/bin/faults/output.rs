//! Where the command writes: people's text and machines' JSON to standard output, complaints to
//! standard error. A reader that went away (`| head`) is no error.

use std::io::{self, Write};

use serde::Serialize;

/// Writes with `write` to standard output.
pub(crate) fn print(write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>) {
    let mut out = io::stdout().lock();
    write(&mut out).and_then(|()| out.flush()).ok();
}

/// Writes one JSON object on a line.
pub(crate) fn print_json(value: &impl Serialize) {
    print(|out| {
        serde_json::to_writer(&mut *out, value)?;
        writeln!(out)
    });
}

/// Writes with `write` to standard error: what a person wants to know and a pipe does not.
pub(crate) fn remark(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    write(&mut io::stderr().lock()).ok();
}

/// Writes a line to standard error, beside what is meant for other programs.
pub(crate) fn tell(line: &str) {
    remark(|out| writeln!(out, "{line}"));
}

/// Says what is wrong with how the command was called.
pub(crate) fn complain(message: &str) {
    writeln!(io::stderr().lock(), "faults: {message}").ok();
}
