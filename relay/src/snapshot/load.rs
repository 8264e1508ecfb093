//! From a folder to a snapshot.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use postern_config::{Configuration, Listener, RelayConfig, Violation, validate::validate};

use super::{Door, Snapshot, material};
use crate::{
    auth::{Users, UsersError},
    delivery::{Destination, DestinationError, Loader},
    policy::{Label, Policy},
    tls::{Acceptor, TlsError},
};

/// Why a folder gives no snapshot.
#[derive(Debug)]
pub enum LoadError {
    /// The folder does not hold a configuration.
    Folder(postern_config::LoadError),
    /// The configuration breaks rules; never empty.
    Invalid(Vec<Violation>),
    /// A certificate or key of our own can't be used.
    Tls(TlsError),
    /// A user can't be used.
    Users(UsersError),
    /// What the servers of a way out need can't be used.
    Way {
        /// The field.
        field: String,
        /// What is wrong.
        source: DestinationError,
    },
}

impl LoadError {
    /// One line for each thing that is wrong, naming file and field.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        match self {
            Self::Folder(error) => vec![error.to_string()],
            Self::Invalid(violations) => violations.iter().map(Violation::to_string).collect(),
            Self::Tls(error) => vec![error.to_string()],
            Self::Users(error) => vec![error.to_string()],
            Self::Way { field, source } => vec![format!("{field}: {source}")],
        }
    }

    /// Whether the rest of the files may still be on its way: nobody made a mistake yet.
    #[must_use]
    pub fn may_be_torn(&self) -> bool {
        use postern_config::LoadError as Folder;
        match self {
            Self::Folder(error) => matches!(error, Folder::Torn(_) | Folder::Io { .. } | Folder::Malformed { .. }),
            Self::Invalid(_) => false,
            // Nothing says which of these files belong together, so any fault in them may be a renewal on its way.
            Self::Tls(_) | Self::Users(_) | Self::Way { .. } => true,
        }
    }
}

/// A configuration that is whole and valid, and from which nothing is built yet.
pub struct Source {
    folder: PathBuf,
    configuration: Configuration,
    hash: String,
    material: String,
}

impl Source {
    /// Reads and validates. Blocks.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let configuration = Configuration::read(folder).map_err(LoadError::Folder)?;
        let violations = validate(&configuration);
        if !violations.is_empty() {
            return Err(LoadError::Invalid(violations));
        }
        // Before the files are used: what changes in between is then seen as a change the next time.
        let material = material::hash(folder, &configuration);
        Ok(Self { folder: folder.to_owned(), hash: configuration.hash().to_owned(), material, configuration })
    }
}

impl Snapshot {
    /// Reads, validates and builds. Blocks.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        Self::build(Source::read(folder)?)
    }

    /// Builds all that a configuration needs, from the files that it names. Blocks.
    pub fn build(source: Source) -> Result<Self, LoadError> {
        let Source { folder, configuration, hash, material } = source;
        let tls = Acceptor::load(&folder, &configuration.root.tls).map_err(LoadError::Tls)?;
        let policy = compile(&folder, &configuration)?;
        let doors = doors(&folder, &configuration.root, &policy, &tls).map_err(LoadError::Tls)?;
        let users = Arc::new(Users::load(&folder, &configuration.root.users).map_err(LoadError::Users)?);
        Ok(Self { configuration, hash, doors, policy, users, tls, material })
    }

    /// Whether it was built from the same files as `source`: then there is nothing new to take into use.
    #[must_use]
    pub fn is_from(&self, source: &Source) -> bool {
        self.hash == source.hash && self.material == source.material
    }
}

fn compile(folder: &Path, configuration: &Configuration) -> Result<Policy<Arc<Destination>>, LoadError> {
    let root = &configuration.root;
    let mut loader = Loader::new(folder, root);
    Policy::compile(configuration, |way| match loader.load(way) {
        Ok(destination) => Ok(Arc::new(destination)),
        Err(source) => Err(LoadError::Way { field: field(way.label), source }),
    })
}

fn field(label: Label<'_>) -> String {
    match label {
        Label::Domain(name) => format!("domains[{name}].nextHops"),
        Label::Route(name) => format!("routes[{name}].to"),
    }
}

fn doors(folder: &Path, root: &RelayConfig, policy: &Policy<Arc<Destination>>, tls: &Acceptor) -> Result<Vec<Arc<Door>>, TlsError> {
    let mut destinations = policy.domain_destinations();
    let first = destinations.next();
    let several = first.is_some_and(|first| first.is_by_mx() || destinations.any(|other| !Arc::ptr_eq(first, other)));
    let door = |listener: &Listener| Ok(Arc::new(Door::new(listener, root, several, tls.asking(folder, &listener.client_cas)?)));
    root.listeners.iter().map(door).collect()
}
