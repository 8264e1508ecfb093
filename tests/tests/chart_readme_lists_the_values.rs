//! The chart's README lists every value with its default and what `values.yaml` says of it. `make charts` writes the list again.

use std::{fmt::Write as _, fs};

use anyhow::{Context, Result, ensure};
use postern_tests::chart::{compare, repository};
use serde_json::Value;

const README: &str = "charts/postern/README.md";
const BEGINNING: &str = "<!-- values, written by `make charts` -->\n";
const END: &str = "<!-- end of values -->\n";

#[test]
fn the_readme_lists_every_value() -> Result<()> {
    let root = repository();
    let text = fs::read_to_string(root.join("charts/postern/values.yaml"))?;
    let values: Value = serde_saphyr::from_str(&text)?;
    let mut table = "| value | default | |\n|---|---|---|\n".to_owned();
    let described = described(&text)?;
    for (path, description) in &described {
        let value =
            path.split('.').try_fold(&values, |value, key| value.get(key)).with_context(|| format!("{path} is not in values.yaml"))?;
        let _ = writeln!(table, "| `{path}` | `{value}` | {description} |");
    }
    let readme = fs::read_to_string(root.join(README))?;
    let (before, rest) = readme.split_once(BEGINNING).context("the README has no place for the values")?;
    let (_, after) = rest.split_once(END).context("the README's values have no end")?;
    compare(README, &format!("{before}{BEGINNING}{table}{END}{after}"))?;
    ensure!(described.len() > 30, "only {} values are found: is values.yaml still read as it is written?", described.len());
    Ok(())
}

/// The path of every value that has a comment above it, with the comment. Fails at one that has none and holds no others.
fn described(text: &str) -> Result<Vec<(String, String)>> {
    let lines: Vec<_> = text.lines().collect();
    let (mut parents, mut comment, mut found) = (Vec::<(usize, &str)>::new(), Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        let (trimmed, depth) = (line.trim_start(), line.len() - line.trim_start().len());
        if trimmed.is_empty() {
            comment.clear();
        } else if let Some(said) = trimmed.strip_prefix("# ") {
            comment.push(said);
        } else {
            let (key, value) = trimmed.split_once(':').with_context(|| format!("line {}: {line}", at + 1))?;
            parents.retain(|(outer, _)| *outer < depth);
            let path: Vec<_> = parents.iter().map(|(_, name)| *name).chain([key]).collect();
            if value.is_empty() {
                parents.push((depth, key));
            } else {
                ensure!(!comment.is_empty(), "values.yaml, line {}: {key} has no comment", at + 1);
                found.push((path.join("."), comment.join(" ")));
            }
            comment.clear();
        }
    }
    Ok(found)
}

#[test]
fn a_value_without_a_comment_is_noticed() -> Result<()> {
    assert!(described("a:\n  b: 1\n").is_err());
    let found = described("# Not of a value.\n\na:\n  # One,\n  # two.\n  b: {c: 1}\n# Three.\nd: []\n")?;
    assert_eq!(found, [("a.b".to_owned(), "One, two.".to_owned()), ("d".to_owned(), "Three.".to_owned())]);
    Ok(())
}
