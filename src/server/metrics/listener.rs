//! The page over HTTP: `GET /metrics`, for Prometheus or a browser.
//!
//! One request a connection, answered and closed. It is the only HTTP spoken here, so that it is
//! written by hand; everything about it is bounded: the size of a request, its time, and how many
//! are served at once. A scraper that misbehaves takes nothing away from clients.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::host::{Host, Listener, Stream};

use super::Metrics;

/// A request line and headers are read up to this size.
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Connections served at once; one more is closed unanswered.
const CONNECTIONS_MAX: usize = 16;
/// How long a request and its answer may take; Prometheus gives up after ten seconds itself.
const EXCHANGE_MAX: Duration = Duration::from_secs(10);
/// How long the other side may take to close once it has its answer.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// The pause after the socket refused to accept, so that a failing socket does not spin.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Accepts connections and serves each in a task of its own. Never returns.
pub(crate) async fn accept(host: Host, metrics: Metrics, listener: Box<dyn Listener>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                while connections.try_join_next().is_some() {}
                if connections.len() < CONNECTIONS_MAX {
                    connections.spawn(serve(host.clone(), metrics.clone(), stream));
                } else {
                    tracing::warn!(%peer, "too many connections ask for metrics; closing one");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection for metrics failed");
                host.clock.sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

async fn serve(host: Host, metrics: Metrics, mut stream: Box<dyn Stream>) {
    // A scraper that goes away is no concern of the broker's.
    let served = host.within(EXCHANGE_MAX, exchange(&metrics, &mut stream)).await;
    if let Some(Ok(())) = served {
        // What it still sends is read away, or closing would reset the connection and take the
        // answer with it.
        let _: Option<()> = host.within(CLOSE_MAX, read_away(&mut stream)).await;
    }
}

async fn exchange(metrics: &Metrics, stream: &mut Box<dyn Stream>) -> std::io::Result<()> {
    let answer = match read_head(stream).await? {
        Head::Whole(head) => answer(&head, || metrics.page()),
        Head::TooLong => Answer::refusal("431 Request Header Fields Too Large"),
        Head::CutShort => return Ok(()),
    };
    stream.write_all(&answer.into_bytes()).await?;
    stream.shutdown().await
}

async fn read_away(stream: &mut Box<dyn Stream>) {
    let mut buffer = BytesMut::with_capacity(REQUEST_BYTES_MAX);
    while let Ok(1..) = stream.read_buf(&mut buffer).await {
        buffer.clear();
    }
}

/// The beginning of a request, up to its empty line.
enum Head {
    Whole(BytesMut),
    TooLong,
    /// The connection ended before it did.
    CutShort,
}

async fn read_head(stream: &mut Box<dyn Stream>) -> std::io::Result<Head> {
    const END: &[u8] = b"\r\n\r\n";
    let mut head = BytesMut::with_capacity(1024);
    loop {
        if head.windows(END.len()).any(|window| window == END) {
            return Ok(Head::Whole(head));
        }
        if head.len() >= REQUEST_BYTES_MAX {
            return Ok(Head::TooLong);
        }
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(Head::CutShort);
        }
    }
}

/// What is sent back.
struct Answer {
    status: &'static str,
    header: &'static str,
    body: String,
}

impl Answer {
    fn refusal(status: &'static str) -> Self {
        let header = "Content-Type: text/plain; charset=utf-8\r\n";
        Self { status, header, body: format!("{status}\n") }
    }

    fn into_bytes(self) -> Vec<u8> {
        let Self { status, header, body } = self;
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// What a request comes to; the page is only made for the one that asks for it.
fn answer(head: &[u8], page: impl FnOnce() -> String) -> Answer {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = parts[..] else { return Answer::refusal("400 Bad Request") };
    if !version.starts_with(b"HTTP/1.") {
        return Answer::refusal("505 HTTP Version Not Supported");
    }
    if target.split(|byte| *byte == b'?').next() != Some(b"/metrics") {
        return Answer::refusal("404 Not Found");
    }
    if method != b"GET" {
        let refusal = Answer::refusal("405 Method Not Allowed");
        let header = "Allow: GET\r\nContent-Type: text/plain; charset=utf-8\r\n";
        return Answer { header, ..refusal };
    }
    Answer {
        status: "200 OK",
        header: "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
        body: page(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(head: &str) -> String {
        let answer = answer(head.as_bytes(), || "a 1\n# EOF\n".to_owned());
        String::from_utf8(answer.into_bytes()).unwrap()
    }

    #[test]
    fn the_page_comes_with_its_type_and_length() {
        expect_test::expect![[r#"
            HTTP/1.1 200 OK
            Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8
            Content-Length: 10
            Connection: close

            a 1
            # EOF
        "#]]
        .assert_eq(&asked("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n").replace('\r', ""));
    }

    #[test]
    fn whatever_else_is_asked_is_refused() {
        for (head, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed\r\nAllow: GET\r\n"),
            ("GET /metrics HTTP/2\r\n\r\n", "505"),
            ("GET /metrics\r\n\r\n", "400"),
            ("GET  /metrics HTTP/1.1\r\n\r\n", "400"),
            ("\r\n\r\n", "400"),
            ("\u{0}\u{ff}\r\n\r\n", "400"),
        ] {
            let answer = asked(head);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head:?}: {answer}");
        }
    }
}
