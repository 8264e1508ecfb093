//! The table of what a queue survives names the test that shows each cell, or says that there is none.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use postern_tests::chart::repository;

const DOCUMENT: &str = "docs/storage.md";
/// What short names of files in the document begin with, and where these files are.
const SHORT: [(&str, &str); 3] =
    [("spool/", "relay/spool/tests/"), ("handover/", "relay/tests/handover/"), ("queue/", "relay/tests/queue/")];

#[test]
fn every_file_that_it_names_is_there() -> Result<()> {
    let root = repository();
    let document = fs::read_to_string(root.join(DOCUMENT)).context(DOCUMENT)?;
    let files: Vec<_> = named_files(&document).map(whole).collect();
    ensure!(files.len() > 20, "only {} files are found in {DOCUMENT}: is it still read as it is written?", files.len());
    let missing: Vec<_> = files.iter().filter(|file| !root.join(file).is_file()).collect();
    ensure!(missing.is_empty(), "{DOCUMENT} names files that are not there: {missing:#?}");
    Ok(())
}

#[test]
fn every_cell_names_a_file_or_says_that_there_is_none() -> Result<()> {
    let root = repository();
    let document = fs::read_to_string(root.join(DOCUMENT)).context(DOCUMENT)?;
    let rows: Vec<_> = document.lines().filter(|line| line.starts_with("| **")).collect();
    ensure!(rows.len() > 10, "only {} rows are found in {DOCUMENT}", rows.len());
    let bare: Vec<_> = rows.into_iter().flat_map(|row| row.trim_matches('|').split('|').skip(1)).filter(|cell| !is_shown(cell)).collect();
    ensure!(bare.is_empty(), "{DOCUMENT} claims what nothing shows: {bare:#?}");
    Ok(())
}

/// Whether a cell names a test or one of its row, says that there is none, or does not apply.
fn is_shown(cell: &str) -> bool {
    let cell = cell.trim();
    cell == "–" || cell.to_lowercase().contains("not tested") || cell.contains("same test") || named_files(cell).next().is_some()
}

/// Every `` `path.rs` `` of a text.
fn named_files(text: &str) -> impl Iterator<Item = &str> {
    let is_file = |code: &&str| Path::new(code).extension().is_some_and(|extension| extension == "rs");
    text.split('`').skip(1).step_by(2).filter(is_file)
}

fn whole(name: &str) -> String {
    let longer = |(short, long)| name.strip_prefix(short).map(|rest| format!("{long}{rest}"));
    SHORT.into_iter().find_map(longer).unwrap_or_else(|| name.to_owned())
}

#[test]
fn a_bare_claim_is_noticed() {
    assert!(is_shown(" – ") && is_shown("kept: `spool/a.rs`") && is_shown("lost. **Not tested**") && is_shown("kept: the same tests"));
    assert!(!is_shown(" kept ") && !is_shown("kept: `commit`") && !is_shown(""));
    assert_eq!(whole("spool/a.rs"), "relay/spool/tests/a.rs");
    assert_eq!(whole("tests/tests/a.rs"), "tests/tests/a.rs");
}
