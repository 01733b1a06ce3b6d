//! What a request gets.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::index;

/// An answer of HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    /// Only asked how it would be.
    head_only: bool,
}

impl Answer {
    /// The answer to a request.
    pub(super) fn to(request: &str, directory: &Path) -> Self {
        let line = request.lines().next().unwrap_or_default();
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.0" | "HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Self::refusal(400, "that is not a request of HTTP");
        };
        if !comes_from_here(request) {
            return Self::refusal(403, "ask for 127.0.0.1 or localhost");
        }
        let mut answer = match method {
            "GET" | "HEAD" => Self::get(target, directory),
            _ => Self::refusal(405, "there is nothing to be changed here"),
        };
        answer.head_only = method == "HEAD";
        answer
    }

    fn get(target: &str, directory: &Path) -> Self {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let entries = match index::list(directory) {
            Ok(entries) => entries,
            Err(error) => return Self::refusal(500, &error.to_string()),
        };
        if path == "/" {
            return Self::page("text/html; charset=utf-8", index::page(&entries).into_bytes());
        }
        // Only what is listed is served: a path is compared, never followed.
        let wanted = decode(path.trim_start_matches('/'));
        let Some(entry) = entries.iter().find(|entry| Some(&entry.path) == wanted.as_ref()) else {
            return Self::refusal(404, "no such page");
        };
        match fs::read(directory.join(&entry.path)) {
            Ok(body) => Self::page(entry.content_type(), body),
            Err(error) => Self::refusal(500, &error.to_string()),
        }
    }

    fn page(content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status: 200, content_type, body, head_only: false }
    }

    /// An answer that says no, and why.
    pub(super) fn refusal(status: u16, why: &str) -> Self {
        let body = format!("{why}\n").into_bytes();
        Self { status, content_type: "text/plain; charset=utf-8", body, head_only: false }
    }

    /// Sends it.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            431 => "Request Header Fields Too Large",
            _ => "Internal Server Error",
        };
        write!(
            to,
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             Connection: close\r\n\r\n",
            self.status,
            self.content_type,
            self.body.len()
        )?;
        if !self.head_only {
            to.write_all(&self.body)?;
        }
        to.flush()
    }
}

/// Whether the request was addressed to this machine by a name of its own. Another name means that
/// somebody's page had a browser ask, under a name that he made lead here.
fn comes_from_here(request: &str) -> bool {
    let host = request.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then_some(value.trim())
    });
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    name.is_none_or(|name| ["127.0.0.1", "localhost"].contains(&name))
}

/// Resolves `%20` and its like; `None` if that is not text.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        let outer = tempfile::tempdir().unwrap();
        fs::write(outer.path().join("secret.html"), "secret").unwrap();
        let inner = outer.path().join("results");
        fs::create_dir_all(inner.join("deep")).unwrap();
        fs::write(inner.join("a run.html"), "<title>a run</title>").unwrap();
        fs::write(inner.join("deep/plan.json"), "{}").unwrap();
        fs::write(inner.join("notes.txt"), "not listed").unwrap();
        outer
    }

    fn status(target: &str) -> u16 {
        let outer = directory();
        let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:8780\r\n\r\n");
        Answer::to(&request, &outer.path().join("results")).status
    }

    #[test]
    fn what_is_listed_is_served() {
        for target in ["/", "/?sort=time", "/a%20run.html", "/deep/plan.json"] {
            assert_eq!(status(target), 200, "{target}");
        }
    }

    #[test]
    fn nothing_else_is() {
        let targets = [
            "/notes.txt",
            "/../secret.html",
            "/%2e%2e/secret.html",
            "/..%2fsecret.html",
            "/deep/../../secret.html",
            "//etc/passwd",
            "/etc/passwd",
            "/%2fetc%2fpasswd",
            "/a%20run.html%00",
            "/%",
            "/%f",
            "/%ff",
            "/deep",
            "secret.html",
        ];
        for target in targets {
            assert_eq!(status(target), 404, "{target}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_not_followed() {
        let outer = directory();
        let results = outer.path().join("results");
        std::os::unix::fs::symlink(outer.path().join("secret.html"), results.join("link.html"))
            .unwrap();
        std::os::unix::fs::symlink(outer.path(), results.join("way")).unwrap();
        for target in ["/link.html", "/way/secret.html"] {
            let answer = Answer::to(&format!("GET {target} HTTP/1.1\r\n\r\n"), &results);
            assert_eq!(answer.status, 404, "{target}");
        }
    }

    #[test]
    fn what_is_no_request_of_ours_is_refused() {
        let outer = directory();
        let ask = |request: &str| Answer::to(request, outer.path()).status;
        assert_eq!(ask(""), 400);
        assert_eq!(ask("GET /"), 400);
        assert_eq!(ask("GET / HTTP/2 x"), 400);
        assert_eq!(ask("POST / HTTP/1.1\r\n\r\n"), 405);
        assert_eq!(ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
        assert_eq!(ask("GET / HTTP/1.1\r\nhost: localhost:1\r\n\r\n"), 200);
    }

    #[test]
    fn a_head_has_no_body() {
        let outer = directory();
        let mut written = Vec::new();
        Answer::to("HEAD / HTTP/1.1\r\n\r\n", outer.path()).write(&mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\n"), "{text}");
        assert!(!text.contains("Content-Length: 0\r\n"), "{text}");
    }
}
