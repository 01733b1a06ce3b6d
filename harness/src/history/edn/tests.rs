//! What the EDN reader makes of forms good and bad.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{DEPTH_MAX, FORM_MAX, Reader, Value};

/// All forms as they are written back, one a line, behind the lines on which they stood.
fn read(text: &[u8]) -> String {
    let told = Reader::new(text).map(|form| match form {
        Ok(form) => format!("{}: {}", form.line, form.value),
        Err(error) => format!("error: {error}"),
    });
    told.collect::<Vec<_>>().join("\n")
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&read(text.as_bytes()));
}

#[test]
fn forms_are_read_with_their_lines() {
    check(
        "; a comment\n{:index 0, :value [[:send 3 [nil 17]]]}\n\n#jepsen.history.Op{:f :poll}, 7N",
        expect![[r#"
            2: {:index 0, :value [[:send 3 [nil 17]]]}
            4: #jepsen.history.Op {:f :poll}
            4: 7"#]],
    );
    check(
        r#"#{1 2} a -1 +3 - 0.5 1/2 \a \( \newline ##NaN ^{:doc "x"} y #_ gone #_(1 [2]) "é\u00e9\"\n""#,
        expect![[r#"
            1: #{1 2}
            1: a
            1: -1
            1: 3
            1: -
            1: 0.5
            1: 1/2
            1: \a
            1: \(
            1: \newline
            1: ##NaN
            1: y
            1: "éé\"\n""#]],
    );
    check(
        "#object[java.lang.Object 0x1f \"x\"] 170141183460469231731687303715884105728 99999999999999999999",
        expect![[r#"
            1: #object [java.lang.Object 0x1f "x"]
            1: 170141183460469231731687303715884105728
            1: 99999999999999999999N"#]],
    );
}

#[test]
fn one_vector_is_read_item_by_item() {
    check(
        "[{:index 0}\n {:index 1}]\n",
        expect![[r#"
            1: {:index 0}
            2: {:index 1}"#]],
    );
    check("( [1 2]\n#_ 3\n)", expect!["1: [1 2]"]);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    check("{:a 1\n:b}", expect!["error: line 2: a map has a key without a value"]);
    check("\n\n{:a [1 2", expect!["error: line 3: the file ends inside a form"]);
    check(
        "[1\n",
        expect![[r#"
        1: 1
        error: line 2: the file ends inside a vector"#]],
    );
    check("{:a 1]}", expect!["error: line 1: ']' closes nothing"]);
    check("}", expect!["error: line 1: '}' closes nothing"]);
    check("\"abc", expect!["error: line 1: the file ends inside a text"]);
    check(r#""\q""#, expect!["error: line 1: a text has an unknown escape"]);
    check(r#""\u12""#, expect!["error: line 1: \\u is followed by fewer than four hex digits"]);
    check("{: 1}", expect!["error: line 1: ':' is followed by no name"]);
    check("#", expect!["error: line 1: '#' is followed by no tag"]);
    check("#a", expect!["error: line 1: the file ends inside a form"]);
    expect!["error: line 1: there is something that is not UTF-8"].assert_eq(&read(b"\"\xff\""));
}

#[test]
fn neither_depth_nor_length_is_without_bounds() {
    let deep = |depth: usize| format!("{{:a {}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(deep(DEPTH_MAX - 1).as_bytes()).starts_with("1: {:a [["));
    check(&deep(DEPTH_MAX), expect!["error: line 1: forms nest more than 64 deep"]);
    for opening in ["[", "(", "{:a ", "#{", "#a ", "^", "#_"] {
        let error = read(format!("{{:a {}", opening.repeat(1_000_000)).as_bytes());
        assert_eq!(error, "error: line 1: forms nest more than 64 deep", "{opening}");
    }
    let long = format!("\"{}\"", "x".repeat(FORM_MAX));
    check(&long, expect!["error: line 1: a form is longer than 16777216 bytes"]);
    // A long comment is no form.
    check(&format!(";{}\n1", "x".repeat(FORM_MAX)), expect!["2: 1"]);
}

#[test]
fn a_long_form_is_quoted_by_its_start() {
    let long = Value::Vector(vec![Value::from(7_u64); 1_000_000]);
    assert_eq!(long.quote(8), "[7 7 7 7…");
    assert_eq!(Value::keyword("f").quote(8), ":f");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(Value::Integer),
        "[a-z][a-z/.?-]{0,8}"
            .prop_filter("is a word of its own", |text| {
                !["nil", "true", "false"].contains(&text.as_str())
            })
            .prop_map(Value::Symbol),
        "[a-z0-9?-]{1,8}".prop_map(Value::Keyword),
        any::<String>().prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Vector),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Set),
            prop::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(Value::Map),
            ("[a-z][a-z.]{0,8}", inner)
                .prop_map(|(tag, value)| Value::Tagged(tag, Box::new(value))),
        ]
    })
}

proptest! {
    #[test]
    fn a_form_reads_as_it_is_written(value in value()) {
        // At the top, a vector is a file of its items; inside of another, it is itself.
        let text = format!("[{value}]");
        prop_assert!(!text.contains('\n'), "{text:?} is more than a line");
        let read: Result<Vec<_>, _> = Reader::new(text.as_bytes()).collect();
        let read = read.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(read.into_iter().map(|form| form.value).collect::<Vec<_>>(), [value]);
    }

    #[test]
    fn no_garbage_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn no_heap_of_brackets_makes_it_panic(text in r#"[\[\](){}#_^"\\;, :a1N\n]{0,80}"#) {
        read(text.as_bytes());
    }
}
