//! The format, case by case, as Java reads it.

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Vec<(String, String)> {
    let properties = Properties::parse(text).expect("well formed");
    properties.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_name_ends_at_an_equals_sign_a_colon_or_a_blank() {
    assert_eq!(
        parsed("a=1\nb:2\nc 3\nd = 4\ne\t:\t5\nf\n"),
        pairs(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5"), ("f", "")])
    );
}

#[test]
fn only_the_first_separator_separates() {
    assert_eq!(
        parsed("listeners=PLAINTEXT://127.0.0.1:9092\na = = b\nc  d e"),
        pairs(&[("a", "= b"), ("c", "d e"), ("listeners", "PLAINTEXT://127.0.0.1:9092")])
    );
}

#[test]
fn comments_and_blank_lines_say_nothing() {
    assert_eq!(
        parsed("# x=1\n  ! y=2\n\n   \n a=1 # not a comment\n"),
        pairs(&[("a", "1 # not a comment")])
    );
}

#[test]
fn a_backslash_at_the_end_continues_the_line() {
    assert_eq!(
        parsed("a = one, \\\n      two\\\n\nb=x\\\\\nc=1\n"),
        pairs(&[("a", "one, two"), ("b", "x\\"), ("c", "1")])
    );
    assert_eq!(parsed("a=1\\"), pairs(&[("a", "1")]), "the file ends inside a line");
    assert_eq!(parsed("a=1\\\n# no comment"), pairs(&[("a", "1# no comment")]));
}

#[test]
fn windows_line_ends_are_line_ends() {
    assert_eq!(parsed("a=1\r\nb=2\\\r\n 3\r\n"), pairs(&[("a", "1"), ("b", "23")]));
}

#[test]
fn escapes_stand_for_what_java_says() {
    assert_eq!(
        parsed("a\\ b\\=c = \\t\\n\\u0041\\u00e9\\q\nclef = \\uD834\\uDD1E\nhalf = \\ud834x"),
        pairs(&[("a b=c", "\t\nAéq"), ("clef", "𝄞"), ("half", "\u{fffd}x")])
    );
}

#[test]
fn a_broken_escape_is_named_with_its_line() {
    assert_eq!(Properties::parse("a=1\nb=\\\n\\u12"), Err(PropertiesError { line: 2 }));
    assert_eq!(Properties::parse("a=\\uxyzw"), Err(PropertiesError { line: 1 }));
}

#[test]
fn the_later_setting_counts() {
    assert_eq!(parsed("a=1\na=2"), pairs(&[("a", "2")]));
    let mut properties = Properties::parse("a=1\nb=2").expect("well formed");
    properties.merge(Properties::parse("b=3").expect("well formed"));
    properties.apply_override("a = 4=5").expect("has a name");
    assert_eq!((properties.get("a"), properties.get("b")), (Some("4=5"), Some("3")));
    assert_eq!(properties.apply_override("=1"), Err(OverrideError("=1".to_owned())));
    assert_eq!(properties.apply_override("a"), Err(OverrideError("a".to_owned())));
}

#[test]
fn containers_set_variables() {
    let variables = [
        ("KAFKA_NODE_ID", "3"),
        ("KAFKA_LOG__X___Y_MS", "1"),
        ("KAFKA_HEAP_OPTS", "-Xmx1g"),
        ("KAFKA_", "x"),
        ("PATH", "/bin"),
    ];
    let properties = Properties::from_environment(
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let found: Vec<_> = properties.iter().collect();
    assert_eq!(found, [("log_x-y.ms", "1"), ("node.id", "3")]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_is_too_strange_to_be_read_or_refused(text in "[\\\\u0-9a-f=: #!\n\r\t]{0,60}") {
        // Either outcome is fine; a panic is not.
        let _either = Properties::parse(&text);
    }

    #[test]
    fn what_is_escaped_comes_back(key in "\\PC{1,12}", value in "\\PC{0,12}") {
        let escape = |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04x}"))
            .collect::<String>();
        let text = format!("{}={}", escape(&key), escape(&value));
        prop_assert_eq!(parsed(&text), [(key, value)]);
    }
}
