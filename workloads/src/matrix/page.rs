//! The matrix as one page that needs nothing but a browser: heat maps, charts, and each cell's
//! figures with the command that repeats its worst seed.

use super::table::Entry;

const STYLE: &str = include_str!("page/matrix.css");
const SCRIPT: &str = include_str!("page/matrix.js");
const BODY: &str = include_str!("page/matrix.html");

/// The page.
#[must_use]
pub fn page(entries: &[Entry]) -> String {
    let data = serde_json::to_string(entries).expect("an entry has only text keys");
    // A script ends at the first `</`, wherever it stands.
    let data = data.replace("</", "<\\/");
    let columns: Vec<(&str, &str)> =
        super::Hardship::ALL.iter().map(|hardship| (hardship.name(), hardship.title())).collect();
    let columns = serde_json::to_string(&columns).expect("names are text");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Highwater: the guarantee matrix</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{BODY}<script id=\"cells\" type=\"application/json\">{data}</script>\n\
         <script id=\"columns\" type=\"application/json\">{columns}</script>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
