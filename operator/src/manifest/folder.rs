//! Manifests over time: what stands in files now, and of what is wrong now, the last that was right.

use std::{
    collections::BTreeMap,
    fs, mem,
    path::{Path, PathBuf},
};

use postern_crds::Resource;
use serde_json::Value;

use super::{
    Problem, SourceError,
    document::{Document, Identity, Object, Parsed, parse},
    files_of,
};
use crate::inventory::Inventory;

/// Largest file that is read: some forty thousand domains.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Paths with manifests: folders, which are read as a whole, and single files.
#[derive(Debug)]
pub struct Folder {
    paths: Vec<PathBuf>,
    /// What each file gave, the last good version of what is wrong in it now included.
    files: BTreeMap<PathBuf, Vec<Document>>,
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
        Self { paths, files: BTreeMap::new() }
    }

    /// Reads everything again. Of an object that is wrong now, the last version that was right stays in force; a file that is gone takes
    /// its objects with it.
    pub fn read(&mut self) -> Result<Reading, SourceError> {
        let mut reading = Reading::default();
        let mut before = mem::take(&mut self.files);
        for path in self.paths.iter().map(|path| files_of(path)).collect::<Result<Vec<_>, _>>()?.concat() {
            let name = self.name(&path);
            let last = before.remove(&path).unwrap_or_default();
            let parsed = parse_file(&path, &name, &last);
            reading.ignored.extend(parsed.ignored.into_iter().map(|object| (name.clone(), object)));
            let is_whole = parsed.problems.is_empty();
            reading.problems.extend(parsed.problems);
            let mut documents = parsed.documents;
            if !is_whole {
                let is_gone = |old: &Document| documents.iter().all(|document| document.identity != old.identity);
                let kept: Vec<_> = last.into_iter().filter(is_gone).collect();
                documents.extend(kept);
            }
            self.files.insert(path, documents);
        }
        self.take_stock(&mut reading);
        Ok(reading)
    }

    /// Files in a folder are named from there, others as they were given.
    fn name(&self, path: &Path) -> String {
        let below = self.paths.iter().find_map(|root| path.strip_prefix(root).ok()).filter(|below| !below.as_os_str().is_empty());
        below.unwrap_or(path).display().to_string()
    }

    /// An object that stands in two files is the first one's; nobody could tell which was meant.
    fn take_stock(&self, reading: &mut Reading) {
        for (path, documents) in &self.files {
            let name = self.name(path);
            for document in documents {
                let object = document.identity.to_string();
                if let Some(first) = reading.files.get(&object) {
                    let text = format!("stands in {first} too, which counts; remove it from one of the files");
                    reading.problems.push(Problem { file: name.clone(), document: None, resource: Some(object), text });
                    continue;
                }
                reading.files.insert(object, name.clone());
                reading.inventory.add(document);
            }
        }
        reading.problems.sort();
    }
}

fn parse_file(path: &Path, name: &str, last: &[Document]) -> Parsed {
    match read(path) {
        Ok(text) => parse(name, &text, |identity| manifest_of(last, identity)),
        Err(problem) => Parsed { problems: vec![Problem::of_file(name, problem)], ..Parsed::default() },
    }
}

fn read(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_FILE_BYTES {
        return Err("is larger than 16 MiB; split it".to_owned());
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}

fn manifest_of<'a>(documents: &'a [Document], identity: &Identity) -> Option<&'a Value> {
    documents.iter().find(|document| document.identity == *identity).map(|document| &document.manifest)
}

impl Inventory {
    fn add(&mut self, Document { identity, object, .. }: &Document) {
        let key = identity.key.clone();
        match object.clone() {
            Object::Resource(Resource::SmtpRelay(relay)) => drop(self.relays.insert(key, *relay)),
            Object::Resource(Resource::AcceptedDomain(domain)) => drop(self.domains.insert(key, *domain)),
            Object::Secret(secret) => drop(self.secrets.insert(key, *secret)),
            Object::ConfigMap(map) => drop(self.config_maps.insert(key, *map)),
        }
    }
}
