//! What people see: lines on standard output when something changes, and the file `.status` with all that holds now.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use postern_crds::{AcceptedDomain, SmtpRelay};
use serde::Serialize;

use crate::inventory::Key;

/// The file in the folder of the manifests.
const FILE: &str = ".status";

/// What holds at one moment.
#[derive(Debug, Default)]
pub(super) struct News {
    /// What is wrong with manifests, or keeps a resource from being served as it stands. Each names its file.
    pub(super) problems: Vec<String>,
    /// What may surprise, and is not wrong.
    pub(super) notes: Vec<String>,
    /// With their statuses.
    pub(super) relays: BTreeMap<Key, SmtpRelay>,
    /// With their statuses.
    pub(super) domains: BTreeMap<Key, AcceptedDomain>,
}

/// Tells what changed since the last time.
#[derive(Debug)]
pub(super) struct Report {
    file: PathBuf,
    problems: BTreeSet<String>,
    notes: BTreeSet<String>,
    conditions: BTreeMap<String, String>,
    written: String,
}

/// A resource without its spec, which its manifest shows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a, S> {
    api_version: &'static str,
    kind: &'static str,
    metadata: &'a ObjectMeta,
    status: S,
}

#[derive(Serialize)]
struct Summary<'a> {
    problems: &'a [String],
    notes: &'a [String],
}

impl Report {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            file: folder.join(FILE),
            problems: BTreeSet::new(),
            notes: BTreeSet::new(),
            conditions: BTreeMap::new(),
            written: String::new(),
        }
    }

    /// Prints what is new, and writes the file if it would change.
    pub(super) fn tell(&mut self, news: &News) {
        let problems: BTreeSet<_> = news.problems.iter().cloned().collect();
        problems.difference(&self.problems).for_each(|problem| println!("problem: {problem}"));
        self.problems.difference(&problems).for_each(|problem| println!("mended: {problem}"));
        self.problems = problems;
        let notes: BTreeSet<_> = news.notes.iter().cloned().collect();
        notes.difference(&self.notes).for_each(|note| println!("note: {note}"));
        self.notes = notes;
        self.tell_conditions(news);
        if let Err(error) = self.write(news) {
            println!("problem: {}: {error}", self.file.display());
        }
    }

    fn tell_conditions(&mut self, news: &News) {
        let relays = news
            .relays
            .iter()
            .map(|(key, relay)| (format!("SmtpRelay {key}"), relay.status.as_ref().map(|status| summary(&status.conditions))));
        let domains = news
            .domains
            .iter()
            .map(|(key, domain)| (format!("AcceptedDomain {key}"), domain.status.as_ref().map(|status| summary(&status.conditions))));
        let now: BTreeMap<_, _> = relays.chain(domains).map(|(resource, conditions)| (resource, conditions.unwrap_or_default())).collect();
        for (resource, conditions) in &now {
            if self.conditions.get(resource) != Some(conditions) {
                println!("{resource}: {conditions}");
            }
        }
        for resource in self.conditions.keys().filter(|resource| !now.contains_key(*resource)) {
            println!("{resource}: removed");
        }
        self.conditions = now;
    }

    fn write(&mut self, news: &News) -> io::Result<()> {
        let text = text(news).map_err(io::Error::other)?;
        if text != self.written {
            let temporary = self.file.with_extension("status.new");
            fs::write(&temporary, &text)?;
            fs::rename(temporary, &self.file)?;
            self.written = text;
        }
        Ok(())
    }
}

/// `Accepted=True Programmed=False(Pending) …`.
fn summary(conditions: &[Condition]) -> String {
    let one = |condition: &Condition| match condition.status.as_str() {
        "True" => format!("{}=True", condition.type_),
        status => format!("{}={status}({})", condition.type_, condition.reason),
    };
    conditions.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn text(news: &News) -> Result<String, serde_saphyr::ser::Error> {
    let mut text = "# Written by postern-operator; edits are lost.\n".to_owned();
    text.push_str(&serde_saphyr::to_string(&Summary { problems: &news.problems, notes: &news.notes })?);
    for relay in news.relays.values() {
        document(&mut text, "SmtpRelay", &relay.metadata, &relay.status)?;
    }
    for domain in news.domains.values() {
        document(&mut text, "AcceptedDomain", &domain.metadata, &domain.status)?;
    }
    Ok(text)
}

fn document<S: Serialize>(text: &mut String, kind: &'static str, metadata: &ObjectMeta, status: S) -> Result<(), serde_saphyr::ser::Error> {
    text.push_str("---\n");
    text.push_str(&serde_saphyr::to_string(&Shown { api_version: "postern.dev/v1alpha1", kind, metadata, status })?);
    Ok(())
}
