//! Every command in docs/queue.md is run, in its order, and writes what stands there.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use postern_spool::{Failure, Retry, Status};

use crate::{
    letters::{Letter, ago},
    world::World,
};

const COMMAND: &str = "$ postern-relay queue ";
/// The folder that the examples write to.
const FOLDER: &str = "/tmp/mail";

/// A command with what it writes.
struct Example {
    command: String,
    output: Vec<String>,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        match line.strip_prefix(COMMAND) {
            _ if line.starts_with("```") => within = line == "```console",
            Some(command) if within => examples.push(Example { command: command.to_owned(), output: Vec::new() }),
            None if within => {
                if let Some(example) = examples.last_mut() {
                    example.output.push(line.to_owned());
                }
            }
            _ => {}
        }
    }
    examples
}

/// The words of a command line; what stands in quotes is one.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in command.split('\'').enumerate() {
        if number % 2 == 1 { words.push(part.to_owned()) } else { words.extend(part.split_whitespace().map(str::to_owned)) }
    }
    words
}

/// With TIME in the place of each time of the day.
fn timeless(text: &str) -> String {
    let mut timeless = String::new();
    let mut rest = text;
    while let Some(found) = rest.char_indices().map(|(at, _)| at).find(|at| time(&rest[*at..]).is_some()) {
        timeless += &rest[..found];
        timeless += "TIME";
        rest = &rest[found + time(&rest[found..]).unwrap_or_default()..];
    }
    timeless + rest
}

/// The length of the time that the text begins with.
fn time(text: &str) -> Option<usize> {
    let end = text.find('Z')? + 1;
    (text.starts_with("20") && text[..end].parse::<Timestamp>().is_ok()).then_some(end)
}

fn pending(attempts: u32, minutes: i64, failure: Option<Failure>) -> Status {
    Status::Pending(Retry { attempts, next: ago(-minutes), last: failure, delay_told: false })
}

fn failure(code: u16, enhanced: (u8, u16, u16), text: &str, by: &str) -> Failure {
    let mut failure = Failure::new(code, enhanced, text);
    (failure.by, failure.at) = (Some(by.to_owned()), Some(ago(30)));
    failure
}

/// The messages of the examples, the oldest first.
fn letters() -> [Letter; 4] {
    let greylisted = failure(450, (4, 2, 0), "greylisted, try again later", "mx1.example.net");
    let unknown = failure(550, (5, 1, 1), "no such user", "mx1.example.net");
    let refused = failure(421, (4, 3, 2), "too many connections", "mx.partner.example");
    let from = "<billing@example.com>";
    let to = |recipient: &str, status| (recipient.to_owned(), status);
    let header = "From: billing@example.com\r\nSubject: Invoice 4711\r\nMessage-ID: <4711@example.com>\r\n";
    let content = |bytes: usize| format!("{header}\r\n{}", "x".repeat(bytes - header.len() - 2)).into_bytes();
    [
        Letter {
            to: vec![
                to("<kim@example.net>", pending(7, 9 * 60 + 30, Some(greylisted))),
                to("<old@example.net>", Status::Returned(unknown)),
                to("<sam@example.net>", Status::Delivered),
            ],
            content: content(10_240),
            ..Letter::new(3 * 1440 + 60, from, &[])
        },
        Letter {
            to: vec![
                to("<orders@partner.example>", pending(4, 90, Some(refused.clone()))),
                to("<stock@partner.example>", pending(4, 90, Some(refused))),
            ],
            content: content(2_500_000),
            ..Letter::new(5 * 60 + 30, "<shop@example.com>", &[])
        },
        Letter { content: content(600), ..Letter::new(2 * 60 + 30, "<>", &["<lee@partner.example>"]) },
        Letter { content: content(4_000), held: true, ..Letter::new(60 + 30, from, &["<ada@example.org>"]) },
    ]
}

/// The names in the text, each once, the oldest first.
fn names(text: &str) -> Vec<&str> {
    let mut names: Vec<_> =
        text.split(|c: char| !c.is_ascii_hexdigit() && c != '-').filter(|word| word.len() == 36 && word.starts_with("019")).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_write_what_stands_in_the_documentation() -> Result<()> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/queue.md"))?;
    let examples = examples(&text);
    ensure!(!examples.is_empty());
    let world = World::new().await?;
    let mut documented = HashMap::new();
    for (letter, name) in letters().iter().zip(names(&text)) {
        documented.insert(letter.put(&world.spool).await?.to_string(), name);
    }
    ensure!(documented.len() == letters().len(), "the documentation names {} messages", documented.len());
    let folder: PathBuf = world.at.path().join("mail");
    let folder = folder.to_str().context("a folder")?;
    let mut wrong = Vec::new();
    for Example { command, output } in examples {
        let mut real = command.replace(FOLDER, folder);
        for (id, name) in &documented {
            real = real.replace(name, id);
        }
        let ended = world.run(&words(&real).iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let mut written = (ended.stderr + &ended.stdout).replace(folder, FOLDER);
        for (id, name) in &documented {
            written = written.replace(id, name);
        }
        let (written, expected) = (timeless(written.trim_end()), timeless(output.join("\n").trim_end()));
        if written != expected {
            wrong.push(format!("{COMMAND}{command}\n{written}\n--- documented:\n{expected}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
