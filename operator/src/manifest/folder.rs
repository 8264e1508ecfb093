//! Manifests over time: what stands in files now, and of what is wrong now, the last that was right.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    io::Read as _,
    mem,
    path::{Path, PathBuf},
};

use postern_crds::{AcceptedDomain, Resource, SmtpRelay};

use super::{
    Problem, SourceError,
    document::{Document, Identity, Object, Parsed, Wrong, parse},
    files_of,
};
use crate::inventory::{Inventory, NAMESPACE_NAME_LABEL};

/// Largest file that is read: some forty thousand domains.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Paths with manifests: folders, which are read as a whole, and single files.
#[derive(Debug)]
pub struct Folder {
    paths: Vec<PathBuf>,
    /// Every object as its last good manifest says.
    in_force: BTreeMap<Identity, Document>,
}

/// What the manifests say at one moment.
#[derive(Debug, Default)]
pub struct Reading {
    /// The resources.
    pub inventory: Inventory,
    /// The file that each object stands in, by `KIND NAMESPACE/NAME`.
    pub files: BTreeMap<String, String>,
    /// Everything that is wrong, sorted by file.
    pub problems: Vec<Problem>,
    /// Objects of other kinds, `KIND NAMESPACE/NAME` by file.
    pub ignored: Vec<(String, String)>,
}

impl Folder {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, in_force: BTreeMap::new() }
    }

    /// Reads everything again. Of an object that is wrong now, the last version that was right stays in force; one that stands nowhere any
    /// more is gone.
    pub fn read(&mut self) -> Result<Reading, SourceError> {
        let mut reading = Reading::default();
        let (mut good, mut wrong) = (BTreeMap::<_, Vec<Document>>::new(), Vec::new());
        // A file that is named twice, or stands in a folder that is named too, is read once.
        let paths: BTreeSet<_> =
            self.paths.iter().map(|path| files_of(path)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        for path in paths {
            let name = self.name(&path);
            let parsed = self.parse_file(&path, &name);
            reading.ignored.extend(parsed.ignored.into_iter().map(|object| (name.clone(), object)));
            wrong.extend(parsed.wrong);
            for document in parsed.documents {
                good.entry(document.identity.clone()).or_default().push(document);
            }
        }
        wrong.extend(take_twice(&mut good));
        self.replace(good.into_iter().filter_map(|(identity, mut once)| Some((identity, once.pop()?))).collect(), &wrong);
        reading.problems = wrong.into_iter().flat_map(|wrong| wrong.problems).collect();
        reading.problems.sort();
        for document in self.in_force.values() {
            reading.files.insert(document.identity.to_string(), document.file.clone());
            reading.inventory.add(document);
        }
        reading.inventory.name_namespaces();
        Ok(reading)
    }

    /// Files in a folder are named from there, others as they were given.
    fn name(&self, path: &Path) -> String {
        let below = self.paths.iter().find_map(|root| path.strip_prefix(root).ok()).filter(|below| !below.as_os_str().is_empty());
        below.unwrap_or(path).display().to_string()
    }

    fn parse_file(&self, path: &Path, name: &str) -> Parsed {
        let mut parsed = Parsed::default();
        match read(path) {
            Ok(Some(text)) => parsed = parse(name, &text, |identity| self.in_force.get(identity).map(|document| &document.manifest)),
            // Gone since its name was read.
            Ok(None) => {}
            Err(problem) => parsed.refuse_file(name, problem),
        }
        parsed
    }

    /// Puts `good` in force, and keeps of what was in force before that which may be meant by what is `wrong`.
    fn replace(&mut self, good: BTreeMap<Identity, Document>, wrong: &[Wrong]) {
        let mut before = mem::replace(&mut self.in_force, good);
        for wrong in wrong {
            let meant: Vec<_> = if let Some(identity) = &wrong.identity {
                before.remove_entry(identity).into_iter().collect()
            } else {
                let is_of_file = |document: &Document| wrong.problems.iter().any(|problem| problem.file == document.file);
                before.extract_if(.., |_, document| is_of_file(document)).collect()
            };
            for (identity, document) in meant {
                self.in_force.entry(identity).or_insert(document);
            }
        }
    }
}

/// Takes out what stands more than once: the manifests contradict each other, so none of them counts.
fn take_twice(good: &mut BTreeMap<Identity, Vec<Document>>) -> Vec<Wrong> {
    let twice = good.extract_if(.., |_, documents| documents.len() > 1);
    let place = |document: &Document| format!("{} (document {})", document.file, document.number);
    twice
        .map(|(identity, documents)| {
            let problem = |document: &Document| {
                let others = documents.iter().map(place).filter(|other| *other != place(document));
                Problem {
                    file: document.file.clone(),
                    document: Some(document.number),
                    resource: Some(identity.to_string()),
                    text: format!("stands in {} too; remove all but one", others.collect::<Vec<_>>().join(" and ")),
                }
            };
            Wrong { problems: documents.iter().map(problem).collect(), identity: Some(identity) }
        })
        .collect()
}

/// The text of a file, if it is still there.
fn read(path: &Path) -> Result<Option<String>, String> {
    let mut bytes = Vec::new();
    match fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
        Ok(length) if length as u64 > MAX_FILE_BYTES => Err("is larger than 16 MiB; split it".to_owned()),
        Ok(_) => String::from_utf8(bytes).map(Some).map_err(|_| "is not UTF-8 text; save it as such".to_owned()),
    }
}

impl Inventory {
    fn add(&mut self, Document { identity, object, .. }: &Document) {
        let key = identity.key.clone();
        match object.clone() {
            // A status that stands in a file is one of another place, or of another time.
            Object::Resource(Resource::SmtpRelay(relay)) => drop(self.relays.insert(key, SmtpRelay { status: None, ..*relay })),
            Object::Resource(Resource::AcceptedDomain(domain)) => {
                drop(self.domains.insert(key, AcceptedDomain { status: None, ..*domain }));
            }
            Object::Secret(secret) => drop(self.secrets.insert(key, *secret)),
            Object::ConfigMap(map) => drop(self.config_maps.insert(key, *map)),
            Object::Service(service) => drop(self.services.insert(key, *service)),
            Object::Namespace(namespace) => drop(self.namespaces.insert(key.name, namespace.metadata.labels.unwrap_or_default())),
            Object::Grant(grant) => drop(self.grants.insert(key, *grant)),
        }
    }

    /// As a cluster does it: every namespace that is used is there, with the label that holds its name.
    fn name_namespaces(&mut self) {
        let used: Vec<_> = self.relays.keys().chain(self.domains.keys()).map(|key| key.namespace.clone()).collect();
        for namespace in used {
            self.namespaces.entry(namespace).or_default();
        }
        for (name, labels) in &mut self.namespaces {
            labels.insert(NAMESPACE_NAME_LABEL.to_owned(), name.clone());
        }
    }
}
