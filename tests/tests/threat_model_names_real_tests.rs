//! The threat model names the test that guards each boundary: every name in it is that of a test.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use postern_tests::chart::repository;

const DOCUMENT: &str = "docs/threat-model.md";

#[test]
fn every_test_that_the_threat_model_names_is_there() -> Result<()> {
    let root = repository();
    let document = fs::read_to_string(root.join(DOCUMENT)).context(DOCUMENT)?;
    let names: Vec<_> = named_tests(&document).collect();
    ensure!(names.len() > 40, "only {} tests are found in {DOCUMENT}: is it still read as it is written?", names.len());
    let mut missing = Vec::new();
    for (file, test) in names {
        let source = fs::read_to_string(root.join(file)).with_context(|| format!("{DOCUMENT} names {file}::{test}"))?;
        if !is_test_of(&source, test) {
            missing.push(format!("{file}::{test}"));
        }
    }
    ensure!(missing.is_empty(), "{DOCUMENT} names tests that are not there: {missing:#?}");
    Ok(())
}

/// Every `` `path.rs::name` `` of the document.
fn named_tests(document: &str) -> impl Iterator<Item = (&str, &str)> {
    document.split('`').skip(1).step_by(2).filter_map(|code| {
        let (file, test) = code.split_once("::")?;
        Path::new(file).extension().is_some_and(|extension| extension == "rs").then_some((file, test))
    })
}

/// Whether `source` has a function of this name with an attribute that makes it a test.
fn is_test_of(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim_start).collect();
    let begins = format!("fn {name}(");
    let Some(at) = lines.iter().position(|line| line.strip_prefix("async ").unwrap_or(line).starts_with(&begins)) else { return false };
    let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    above.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

#[test]
fn a_name_that_is_no_test_is_noticed() {
    let source = "#[test]\nfn is_one() {}\n\nfn is_none() {}\n\n#[tokio::test(flavor = \"multi_thread\")]\n// why\nasync fn waits() {}\n";
    assert!(is_test_of(source, "is_one") && is_test_of(source, "waits"));
    assert!(!is_test_of(source, "is_none") && !is_test_of(source, "is"));
    let names: Vec<_> = named_tests("`a/b.rs::c` and `d.rs`, `e::f`").collect();
    assert_eq!(names, [("a/b.rs", "c")]);
}
