//! A normal build contains no mutant, and nothing but the wish for one brings them in.
//!
//! The proof looks into the broker's binary for the words that describe the mutants. That they
//! would be found is shown by the same look into a build that has them, which is what this file
//! tests when it is compiled with the feature. Whether the harness *notices* a broken broker is
//! tested in `workloads/tests/mutants.rs`. The command for both:
//!
//! ```sh
//! cargo test --package highwater --package workloads --features mutants --test mutants
//! ```

use std::process::Command;

use serde_json::{Value, json};

/// The words that every mutant's description begins with.
const MARKER: &str = "highwater-mutant";

/// The feature of both packages that brings the mutants in.
const FEATURE: &str = "mutants";

fn binary() -> Vec<u8> {
    std::fs::read(env!("CARGO_BIN_EXE_highwater")).expect("cargo describes the workspace")
}

fn contains(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[test]
fn search_finds_what_is_there() {
    assert!(contains(b"\0highwater-mutant A01\0", MARKER));
    assert!(!contains(b"\0highwater-mutan", MARKER));
    // Words that every build has, found where the mutants' would be.
    assert!(contains(&binary(), "highwater listens on "));
}

#[cfg(not(feature = "mutants"))]
#[test]
fn normal_build_contains_no_mutant() {
    assert!(!contains(&binary(), MARKER), "the broker's binary says {MARKER}");
}

#[cfg(feature = "mutants")]
#[test]
fn build_with_mutants_says_which() {
    let binary = binary();
    for mutant in highwater::mutants::Mutant::ALL {
        assert!(mutant.describe().starts_with(MARKER), "{mutant}: {}", mutant.describe());
        assert!(contains(&binary, mutant.describe()), "{mutant} is not in the binary");
    }
}

/// What in the workspace's manifests would bring mutants into a build that did not ask for them.
fn leaks(metadata: &Value) -> Vec<String> {
    let mut leaks = Vec::new();
    for package in metadata["packages"].as_array().expect("cargo describes the workspace") {
        let name = package["name"].as_str().expect("cargo describes the workspace");
        for (feature, enabled) in
            package["features"].as_object().expect("cargo describes the workspace")
        {
            let enabled = enabled
                .as_array()
                .expect("cargo describes the workspace")
                .iter()
                .filter_map(Value::as_str);
            for other in enabled.filter(|_| feature != FEATURE) {
                if other == FEATURE || other.ends_with(&format!("/{FEATURE}")) {
                    leaks.push(format!("{name}: feature `{feature}` enables `{other}`"));
                }
            }
        }
        for dependency in package["dependencies"].as_array().expect("cargo describes the workspace")
        {
            if dependency["features"]
                .as_array()
                .expect("cargo describes the workspace")
                .iter()
                .any(|on| on == FEATURE)
            {
                let other = dependency["name"].as_str().expect("cargo describes the workspace");
                leaks.push(format!("{name}: its dependency `{other}` has the feature on"));
            }
        }
    }
    leaks
}

#[test]
fn no_manifest_brings_mutants_in() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo describes the workspace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value =
        serde_json::from_slice(&output.stdout).expect("cargo describes the workspace");
    // Only packages of the workspace can depend on the broker, so these are all there is to see.
    let has_it = |package: &&Value| package["features"].get(FEATURE).is_some();
    let packages = metadata["packages"]
        .as_array()
        .expect("cargo describes the workspace")
        .iter()
        .filter(has_it);
    let names: Vec<&str> = packages.filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(names, ["highwater", "workloads"]);
    assert_eq!(leaks(&metadata), Vec::<String>::new());
}

#[test]
fn each_kind_of_leak_is_found() {
    let of = |features: Value, dependencies: Value| {
        let package = json!({ "name": "p", "features": features, "dependencies": dependencies });
        leaks(&json!({ "packages": [package] }))
    };
    let plain = json!([{ "name": "highwater", "features": ["x"] }]);
    assert!(of(json!({ "mutants": ["highwater/mutants"], "default": ["x"] }), plain).is_empty());
    assert_eq!(of(json!({ "default": ["mutants"] }), json!([])).len(), 1);
    assert_eq!(of(json!({ "x": ["highwater/mutants"] }), json!([])).len(), 1);
    let leaky = json!([{ "name": "highwater", "features": ["mutants"] }]);
    assert_eq!(of(json!({}), leaky), ["p: its dependency `highwater` has the feature on"]);
}
