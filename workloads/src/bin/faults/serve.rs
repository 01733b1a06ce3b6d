//! `faults serve`: the pages and results of a directory, for a browser on this machine.
//!
//! The smallest server that does: one request a connection, GET and HEAD only, bound to the
//! loopback address and to nothing else. It serves what it lists and only that, so there is no path
//! that could lead anywhere else.

mod answer;
mod index;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;
use harness::exit::Exit;

use crate::output;
use answer::Answer;

/// A longer request is refused.
const REQUEST_MAX: usize = 8 * 1024;

/// A connection that stands still for so long is closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Flags of `faults serve`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where `--report`, `--plan`, `--out` and their like have written.
    directory: PathBuf,
    /// The port on 127.0.0.1; 0 takes any that is free.
    #[arg(long, default_value_t = 8780)]
    port: u16,
}

/// Serves until it is interrupted.
pub(crate) fn serve(arguments: &Arguments) -> Result<Exit, String> {
    let Arguments { directory, port } = arguments;
    index::list(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *port))
        .map_err(|error| format!("--port {port}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    output::print(|out| writeln!(out, "http://{address}/ shows {}", directory.display()));
    thread::scope(|scope| {
        // A connection that cannot be had is its client's trouble.
        for stream in listener.incoming().flatten() {
            // A client that is slow must not keep the others waiting.
            scope.spawn(move || attend(&stream, directory).ok());
        }
    });
    Ok(Exit::Valid)
}

/// One connection: one request, one answer.
fn attend(mut stream: &TcpStream, directory: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let answer = match read_request(&mut stream)? {
        Some(request) => Answer::to(&request, directory),
        None => Answer::refusal(431, "the request is too long"),
    };
    answer.write(&mut stream)
}

/// The request up to its empty line; `None` if that does not come in time.
fn read_request(stream: &mut impl Read) -> io::Result<Option<String>> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while request.len() < REQUEST_MAX {
        let count = stream.read(&mut piece)?;
        request.extend_from_slice(&piece[..count]);
        let is_whole = request.windows(4).any(|end| end == b"\r\n\r\n");
        if count == 0 || is_whole {
            return Ok(Some(String::from_utf8_lossy(&request).into_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_at_its_empty_line_and_has_an_end() {
        let mut whole: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nmore";
        let read = read_request(&mut whole).unwrap().unwrap();
        assert!(read.starts_with("GET / HTTP/1.1\r\n"));
        let endless = vec![b'a'; REQUEST_MAX * 2];
        assert_eq!(read_request(&mut endless.as_slice()).unwrap(), None);
        assert_eq!(read_request(&mut io::empty()).unwrap().as_deref(), Some(""));
    }
}
