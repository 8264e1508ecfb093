//! What people see: lines on standard output when something changes, and the file `.status` with all that holds now.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use postern_crds::{AcceptedDomainStatus, SmtpRelayStatus};
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
    pub(super) relays: BTreeMap<Key, SmtpRelayStatus>,
    pub(super) domains: BTreeMap<Key, AcceptedDomainStatus>,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a, S> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    status: &'a S,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    namespace: &'a str,
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
        let relays = news.relays.iter().map(|(key, status)| (format!("SmtpRelay {key}"), summary(&status.conditions)));
        let domains = news.domains.iter().map(|(key, status)| (format!("AcceptedDomain {key}"), summary(&status.conditions)));
        let now: BTreeMap<_, _> = relays.chain(domains).collect();
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
    for (key, status) in &news.relays {
        document(&mut text, "SmtpRelay", key, status)?;
    }
    for (key, status) in &news.domains {
        document(&mut text, "AcceptedDomain", key, status)?;
    }
    Ok(text)
}

fn document<S: Serialize>(text: &mut String, kind: &'static str, key: &Key, status: &S) -> Result<(), serde_saphyr::ser::Error> {
    let metadata = Metadata { name: &key.name, namespace: &key.namespace };
    text.push_str("---\n");
    text.push_str(&serde_saphyr::to_string(&Shown { api_version: "postern.dev/v1alpha1", kind, metadata, status })?);
    Ok(())
}
