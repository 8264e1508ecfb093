//! Operator and relays are upgraded one after the other, so each reads what the other wrote, as `vectors/versions.json` says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

use std::{collections::BTreeMap, fs, path::Path};

use postern_config::{
    Configuration, MIN_READER, OLDEST, VERSION,
    folder::{ROOT_FILE, digest, root_hash},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Files by name, but for the root's list of files.
type Files = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Vectors {
    base: Files,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    /// For each file that differs from the base, the fields that do; null takes one away.
    change: Files,
    #[serde(default)]
    read: bool,
    error: Option<String>,
}

fn vectors() -> Vectors {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/versions.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

impl Vector {
    fn files(&self, base: &Files) -> Files {
        let mut files = base.clone();
        for (name, change) in &self.change {
            let file = files.entry(name.clone()).or_insert_with(|| json!({})).as_object_mut().unwrap();
            for (field, value) in change.as_object().unwrap() {
                if value.is_null() {
                    file.remove(field)
                } else {
                    file.insert(field.clone(), value.clone())
                };
            }
        }
        files
    }
}

/// Writes the files, all but the root listed in it.
fn write(folder: &Path, files: &Files) {
    let mut listed = BTreeMap::new();
    for (name, value) in files.iter().filter(|(name, _)| *name != ROOT_FILE) {
        let bytes = value.to_string();
        listed.insert(name, digest(bytes.as_bytes()));
        fs::write(folder.join(name), bytes).unwrap();
    }
    let mut root = files[ROOT_FILE].clone();
    root["files"] = json!(listed);
    fs::write(folder.join(ROOT_FILE), root.to_string()).unwrap();
}

fn read(files: &Files) -> Result<Configuration, String> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let configuration = Configuration::read(folder.path()).map_err(|error| error.to_string())?;
    assert_eq!(Some(configuration.hash()), root_hash(folder.path()).as_deref(), "the hash is that of the file as its writer knows it");
    Ok(configuration)
}

#[test]
fn each_version_is_read_or_refused_as_its_vector_says() {
    let Vectors { base, vectors } = vectors();
    let plain = read(&base).unwrap();
    for vector in vectors {
        match (read(&vector.files(&base)), vector.error) {
            (Ok(configuration), None) => {
                assert!(vector.read, "{}: was read", vector.name);
                assert_eq!(configuration.domains, plain.domains, "{}", vector.name);
                assert_eq!(configuration.recipients, plain.recipients, "{}", vector.name);
                assert_eq!(configuration.root.listeners, plain.root.listeners, "{}", vector.name);
                let servers = vector.change.get(ROOT_FILE).and_then(|root| root.get("dnsServers")).cloned().unwrap_or_else(|| json!([]));
                assert_eq!(json!(configuration.root.dns_servers), servers, "{}", vector.name);
            }
            (Err(error), Some(expected)) => assert_eq!(error, expected, "{}", vector.name),
            (Ok(_), Some(expected)) => panic!("{}: was read, and not refused with {expected}", vector.name),
            (Err(error), None) => panic!("{}: {error}", vector.name),
        }
    }
}

#[test]
fn what_is_written_can_be_read_by_its_writer() {
    let configuration = read(&vectors().base).unwrap();
    let again = Configuration::assemble(configuration.root, configuration.domains, configuration.recipients);
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in again.files() {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    assert_eq!(Configuration::read(folder.path()).unwrap(), again);
    const { assert!(OLDEST <= MIN_READER && MIN_READER <= VERSION) };
}
