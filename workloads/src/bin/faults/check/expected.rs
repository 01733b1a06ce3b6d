//! `verdicts.csv`: what is expected of the files beside it.
//!
//! The first line names the columns, of which `file` and `verdict` are looked at. A verdict is `ok`
//! or `valid`, `illegal` or `invalid`, or `unknown`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use harness::exit::OutcomeVerdict;

/// The name of the file.
pub(super) const NAME: &str = "verdicts.csv";

/// A longer file is no such table.
const BYTES_MAX: u64 = 1 << 24;

/// Verdicts by file.
#[derive(Debug)]
pub(super) struct Expected {
    verdicts: BTreeMap<String, OutcomeVerdict>,
}

impl Expected {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let file = fs::OpenOptions::new().read(true).open(path);
        let mut text = String::new();
        file.and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text))
            .map_err(|error| format!("{name}: {error}"))?;
        Self::parse(&text).map_err(|(line, reason)| format!("{name}: line {line}: {reason}"))
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, header) = lines.next().ok_or_else(|| (1, "the file is empty".to_owned()))?;
        let column = |wanted: &str| {
            let place = header.split(',').position(|name| name.trim() == wanted);
            place.ok_or_else(|| (1, format!("there is no column '{wanted}'")))
        };
        let (file, verdict) = (column("file")?, column("verdict")?);
        let mut verdicts = BTreeMap::new();
        for (number, line) in lines {
            let wrong = |reason: String| (number + 1, reason);
            let cells: Vec<_> = line.split(',').map(str::trim).collect();
            let cell = |place: usize| {
                cells.get(place).copied().ok_or_else(|| wrong("a column is missing".to_owned()))
            };
            let verdict = match cell(verdict)? {
                "ok" | "valid" => OutcomeVerdict::Valid,
                "illegal" | "invalid" => OutcomeVerdict::Invalid,
                "unknown" => OutcomeVerdict::Unknown,
                other => return Err(wrong(format!("'{other}' is no verdict"))),
            };
            let name = cell(file)?;
            if name.is_empty() || name.contains(['/', '\\']) {
                return Err(wrong(format!("'{name}' is no file of this folder")));
            }
            if verdicts.insert(name.to_owned(), verdict).is_some() {
                return Err(wrong(format!("'{name}' is there twice")));
            }
        }
        Ok(Self { verdicts })
    }

    pub(super) fn of(&self, name: &str) -> Option<OutcomeVerdict> {
        self.verdicts.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.verdicts.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let table = Expected::parse("verdict,operations,file\nok,7,a.log\nillegal, 8, b.log\n");
        let table = table.unwrap();
        assert_eq!(table.of("a.log"), Some(OutcomeVerdict::Valid));
        assert_eq!(table.of("b.log"), Some(OutcomeVerdict::Invalid));
        assert_eq!(table.of("c.log"), None);
        assert_eq!(table.names().collect::<Vec<_>>(), ["a.log", "b.log"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |text| Expected::parse(text).unwrap_err();
        assert_eq!(wrong(""), (1, "the file is empty".to_owned()));
        assert_eq!(wrong("file,operations\n"), (1, "there is no column 'verdict'".to_owned()));
        assert_eq!(wrong("file,verdict\na,fine\n"), (2, "'fine' is no verdict".to_owned()));
        assert_eq!(wrong("verdict,file\nok\n"), (2, "a column is missing".to_owned()));
        assert_eq!(wrong("file,verdict\n\n../a,ok\n").0, 3);
        assert_eq!(wrong("file,verdict\na,ok\na,ok\n"), (3, "'a' is there twice".to_owned()));
    }
}
