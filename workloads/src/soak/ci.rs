//! Findings for the systems that start a soak at night: JUnit's XML, and annotations for GitHub.

use std::fmt::Write as _;

use super::findings::{Finding, Standing};

/// The suite's name, by which reports of several nights are compared.
const SUITE: &str = "soak";

/// The findings in JUnit's format: a test case for each, which fails if it was seen, and one for all
/// the runs that passed. A case for each seed would be a file without an end.
///
/// ```
/// use workloads::soak::ci::junit;
///
/// assert!(junit(&[], 100).contains("tests=\"1\" failures=\"0\""));
/// ```
#[must_use]
pub fn junit(findings: &[Finding], seeds: u64) -> String {
    let failures = findings.iter().filter(|finding| finding.is_present()).count();
    let tests = findings.len() + 1;
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let totals = format!("name=\"{SUITE}\" tests=\"{tests}\" failures=\"{failures}\"");
    xml.push_str(&format!("<testsuites {totals}>\n  <testsuite {totals}>\n"));
    xml.push_str(&format!("    <testcase classname=\"{SUITE}\" name=\"{seeds} seeds run\"/>\n"));
    for finding in findings {
        case(&mut xml, finding);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn case(xml: &mut String, finding: &Finding) {
    let class = xml_text(&format!("{SUITE}.{}", finding.room));
    let name = xml_text(&finding.signature.tagged());
    xml.push_str(&format!("    <testcase classname=\"{class}\" name=\"{name}\""));
    if !finding.is_present() {
        xml.push_str("/>\n");
        return;
    }
    let message = xml_text(&headline(finding));
    let body = xml_text(&format!("{}\nagain: {}", finding.example, finding.repeat));
    let standing = finding.standing;
    xml.push_str(&format!(
        ">\n      <failure type=\"{standing}\" message=\"{message}\">{body}</failure>\n    </testcase>\n"
    ));
}

fn headline(finding: &Finding) -> String {
    let runs = if finding.count == 1 { "run" } else { "runs" };
    format!(
        "{} in {} {runs}, first seed {} ({})",
        finding.signature, finding.count, finding.smallest_seed, finding.standing
    )
}

/// Text for an XML attribute or element: escaped, and without the characters that XML 1.0 does not
/// have at all.
fn xml_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push('\u{fffd}');
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// The findings as workflow commands of GitHub Actions, one a line: an error for each that was seen,
/// a notice for each that is gone.
#[must_use]
pub fn annotations(findings: &[Finding]) -> String {
    let mut lines = String::new();
    for finding in findings {
        let name = finding.signature.to_string();
        let (level, title, message) = if finding.is_present() {
            let message = format!("{}\nagain: {}", finding.example, finding.repeat);
            ("error", headline(finding), message)
        } else if finding.standing == Standing::Resolved {
            ("notice", format!("{name} is resolved"), format!("{name} was not seen any more"))
        } else {
            continue;
        };
        let (title, message) = (command_property(&title), command_text(&message));
        writeln!(lines, "::{level} title={title}::{message}").expect("a text takes any text");
    }
    lines
}

/// The text of a workflow command.
fn command_text(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command, which ends at a comma or a colon.
fn command_property(text: &str) -> String {
    command_text(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use harness::seed::Seed;
    use proptest::prelude::*;

    use super::*;
    use crate::signature::Signature;

    fn finding(what: &str, example: &str, count: u64, standing: Standing) -> Finding {
        Finding {
            signature: Signature::Failure(what.to_owned()),
            room: "liveness".to_owned(),
            standing,
            count,
            smallest_seed: Seed(42),
            example: example.to_owned(),
            repeat: "cargo faults repro 0x2a --swarm".to_owned(),
            seen: 1,
            seen_among: 10,
            absent_for: 0,
        }
    }

    #[test]
    fn each_finding_is_a_test_case() {
        let findings = [
            finding("a < b", "\"x\" & y\nmore", 2, Standing::New),
            finding("gone", "", 0, Standing::Resolved),
        ];
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="soak" tests="3" failures="1">
              <testsuite name="soak" tests="3" failures="1">
                <testcase classname="soak" name="100 seeds run"/>
                <testcase classname="soak.liveness" name="failure a &lt; b">
                  <failure type="new" message="a &lt; b in 2 runs, first seed 0x2a (new)">&quot;x&quot; &amp; y&#10;more&#10;again: cargo faults repro 0x2a --swarm</failure>
                </testcase>
                <testcase classname="soak.liveness" name="failure gone"/>
              </testsuite>
            </testsuites>
        "#]]
        .assert_eq(&junit(&findings, 100));
    }

    #[test]
    fn each_finding_is_an_annotation_on_one_line() {
        let findings = [
            finding("100% lost, all", "x\ny", 1, Standing::Ongoing),
            finding("gone", "", 0, Standing::Resolved),
            finding("perhaps", "", 0, Standing::Ongoing),
        ];
        expect![[r#"
            ::error title=100%25 lost%2C all in 1 run%2C first seed 0x2a (ongoing)::x%0Ay%0Aagain: cargo faults repro 0x2a --swarm
            ::notice title=gone is resolved::gone was not seen any more
        "#]]
        .assert_eq(&annotations(&findings));
    }

    /// Whether every tag is closed in its turn, and nothing stands where it must not.
    fn is_well_formed(xml: &str) -> bool {
        let allowed = |c: char| !c.is_control() || c == '\n';
        let mut open: Vec<&str> = Vec::new();
        let Some(mut rest) = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
        else {
            return false;
        };
        while let Some((text, behind)) = rest.split_once('<') {
            let Some((tag, after)) = behind.split_once('>') else { return false };
            rest = after;
            // Each attribute has two quotes, and each & begins one of the entities that we write.
            let entities = ["amp;", "lt;", "gt;", "quot;", "apos;", "#10;", "#9;"];
            let mut ands = tag.split('&').skip(1).chain(text.split('&').skip(1));
            if tag.matches('"').count() % 2 != 0
                || !ands.all(|behind| entities.iter().any(|entity| behind.starts_with(entity)))
                || text.contains('>')
                || !tag.chars().chain(text.chars()).all(allowed)
            {
                return false;
            }
            match tag.strip_prefix('/') {
                Some(name) if open.pop() != Some(name) => return false,
                Some(_) => {}
                None if tag.ends_with('/') => {}
                None => open.push(tag.split(' ').next().unwrap_or_default()),
            }
        }
        open.is_empty() && rest.trim().is_empty()
    }

    #[test]
    fn what_is_not_well_formed_is_found() {
        let good = junit(&[finding("a", "b", 1, Standing::New)], 1);
        assert!(is_well_formed(&good));
        assert!(!is_well_formed(&good.replace("</failure>", "")));
        assert!(!is_well_formed(&good.replace(">b", ">b & c")));
        assert!(!is_well_formed(&good.replace("name=\"failure a\"", "name=\"failure\"a\"")));
        assert!(!is_well_formed(&good.replace(">b", ">b\u{7}")));
    }

    proptest! {
        #[test]
        fn any_words_make_well_formed_xml_and_one_line_each(what in any::<String>(), example in any::<String>()) {
            let findings = [finding(&what, &example, 1, Standing::New)];
            prop_assert!(is_well_formed(&junit(&findings, 1)));
            prop_assert_eq!(annotations(&findings).lines().count(), 1);
        }
    }
}
