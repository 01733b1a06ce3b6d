//! What lies in a directory of results: pages, reports, plans.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

const STYLE: &str = include_str!("index.css");
const SCRIPT: &str = include_str!("index.js");
const BODY: &str = include_str!("index.html");

/// More files are not listed: the newest are kept.
const ENTRIES_MAX: usize = 5000;

/// Deeper directories are not looked into.
const DEPTH_MAX: usize = 4;

/// A title stands at the beginning of a page.
const TITLE_WITHIN: u64 = 4096;

/// A larger result is listed by its name alone.
const JSON_MAX: u64 = 4 << 20;

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    /// Below the directory, with `/` between the parts.
    pub(super) path: String,
    /// Bytes.
    size: u64,
    /// When it was written, in seconds since 1970.
    written: u64,
    /// `page`, `report`, `plan`, `soak`, `findings`, or `data` of another kind.
    kind: &'static str,
    /// What it is called or says of itself.
    title: String,
    /// What the run came to, where that is known.
    verdict: Option<String>,
    /// The seed, where that is known.
    seed: Option<String>,
}

impl Entry {
    /// What it is served as.
    pub(super) fn content_type(&self) -> &'static str {
        if self.path.ends_with(".html") {
            "text/html; charset=utf-8"
        } else {
            "application/json; charset=utf-8"
        }
    }
}

/// Every page and every result below `directory`, newest first. Links are not followed.
///
/// # Errors
/// `directory` cannot be read. What cannot be read below it is left out.
pub(super) fn list(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    fs::read_dir(directory)?;
    walk(directory, "", DEPTH_MAX, &mut entries);
    entries.sort_by(|one, other| {
        other.written.cmp(&one.written).then_with(|| one.path.cmp(&other.path))
    });
    entries.truncate(ENTRIES_MAX);
    Ok(entries)
}

fn walk(directory: &Path, prefix: &str, depth: usize, entries: &mut Vec<Entry>) {
    let Ok(found) = fs::read_dir(directory) else { return };
    for item in found.flatten() {
        let Ok(kind) = item.file_type() else { continue };
        let Ok(name) = item.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        if kind.is_dir() && depth > 0 {
            walk(&item.path(), &format!("{path}/"), depth - 1, entries);
        } else if kind.is_file() && (name.ends_with(".html") || name.ends_with(".json")) {
            entries.extend(entry(&item.path(), path));
        }
    }
}

fn entry(file: &Path, path: String) -> Option<Entry> {
    let metadata = file.metadata().ok()?;
    let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let written = written.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut entry = Entry { path, size: metadata.len(), written, ..Entry::default() };
    if entry.path.ends_with(".html") {
        entry.of_page(&beginning(file).unwrap_or_default());
    } else if metadata.len() <= JSON_MAX {
        let text = fs::read_to_string(file).unwrap_or_default();
        entry.of_json(&serde_json::from_str(&text).unwrap_or(Value::Null));
    } else {
        entry.kind = "data";
    }
    Some(entry)
}

fn beginning(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let page = OpenOptions::new().read(true).open(file)?;
    page.take(TITLE_WITHIN).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Entry {
    /// Our pages are called `scenario seed: verdict`.
    fn of_page(&mut self, text: &str) {
        self.kind = "page";
        let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        self.title = title.map(|(title, _)| title.to_owned()).unwrap_or_default();
        let verdicts = ["valid", "invalid", "unknown"];
        if let Some((what, verdict)) = self.title.rsplit_once(": ")
            && verdicts.contains(&verdict)
        {
            self.verdict = Some(verdict.to_owned());
            self.seed = what.rsplit_once(' ').map(|(_, seed)| seed.to_owned());
        }
    }

    fn of_json(&mut self, value: &Value) {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let seed = value.get("seed");
        self.seed = seed.and_then(Value::as_u64).map(|seed| format!("{seed:#x}"));
        self.seed = self.seed.take().or_else(|| text("seed"));
        self.verdict = text("verdict");
        self.kind = if value.get("plan").is_some() {
            "plan"
        } else if value.get("soaks").is_some() {
            "soak"
        } else if value.get("findings").is_some() {
            "findings"
        } else if self.verdict.is_some() {
            "report"
        } else {
            "data"
        };
        self.title = text("scenario").or_else(|| text("name")).unwrap_or_default();
        if let Some(mutant) = text("mutant") {
            self.title = format!("mutant {mutant}");
        }
    }
}

/// The list as a page.
pub(super) fn page(entries: &[Entry]) -> String {
    let data = serde_json::to_string(entries).expect("an entry has only text keys");
    let data = data.replace('<', "\\u003c");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Highwater: runs</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{BODY}\
         <script id=\"entries\" type=\"application/json\">{data}</script>\n\
         <script>\n\"use strict\";\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_say_what_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("a.html", "<title>acks-mix with swarm 0x2a: invalid</title>");
        write("b.json", r#"{"plan":1,"seed":"0x2a","mutant":"A01"}"#);
        write("c.json", r#"{"scenario":"acks-mix","seed":42,"verdict":"valid"}"#);
        write("d.json", "[1");
        write(
            "d2.json",
            r#"{"name":"soak of 9 seeds","verdict":"valid","soaks":[],"findings":[]}"#,
        );
        write("d3.json", r#"{"findings":1,"name":"soak of 9 seeds","verdict":"valid"}"#);
        write("e.txt", "");
        let mut entries = list(directory.path()).unwrap();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        let told: Vec<String> = entries
            .iter()
            .map(|e| format!("{} {} {:?} {:?} {}", e.path, e.kind, e.verdict, e.seed, e.title))
            .collect();
        let expected = [
            "a.html page Some(\"invalid\") Some(\"0x2a\") acks-mix with swarm 0x2a: invalid",
            "b.json plan None Some(\"0x2a\") mutant A01",
            "c.json report Some(\"valid\") Some(\"0x2a\") acks-mix",
            "d.json data None None ",
            "d2.json soak Some(\"valid\") None soak of 9 seeds",
            "d3.json findings Some(\"valid\") None soak of 9 seeds",
        ];
        assert_eq!(told, expected);
        assert!(page(&entries).contains("a.html"));
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        assert!(list(Path::new("/nowhere/at/all")).is_err());
    }
}
