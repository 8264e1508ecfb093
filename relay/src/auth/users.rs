//! The users of a configuration.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use postern_config::{SenderPattern, User, material::user_file};
use sha2::{Digest as _, Sha256};

use super::{
    Account, HashError,
    account::Credential,
    name::{MAX_NAME_BYTES, prepare_name},
    scram::Verifier,
    stand_in::StandIn,
};

/// Largest user file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// All users of a configuration. Never changes; the next configuration has its own.
pub struct Users {
    by_name: BTreeMap<String, Arc<Account>>,
    by_certificate: HashMap<String, Arc<Account>>,
    pub(super) stand_in: StandIn,
}

/// Why the users can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct UsersError {
    /// The file, relative to the configuration's folder.
    pub file: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a user file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is larger than a user could be.
    #[error("larger than 64 KiB")]
    TooLarge,
    /// It holds no user.
    #[error(transparent)]
    Malformed(#[from] serde_json::Error),
    /// The name is not in the form that is compared.
    #[error("name: write 1 to {MAX_NAME_BYTES} bytes in the form that SASLprep (RFC 4013) gives")]
    Name,
    /// Neither password nor certificate lets the user in.
    #[error("neither passwordHash nor certificateNames: nothing lets the user in")]
    NoWayIn,
    /// The password hash can't be used.
    #[error("passwordHash: {0}")]
    Hash(#[from] HashError),
    /// A name of a certificate can't match any.
    #[error("certificateNames: {0:?} is empty or not in lower case")]
    CertificateName(String),
    /// The user may send as nobody.
    #[error("allowedSenders: name at least one")]
    NoSender,
    /// A password would let anyone send as anyone.
    #[error("allowedSenders: `*` is only for users whom a certificate alone lets in")]
    AnySender,
    /// The user may send nothing.
    #[error("messagesPerMinute: must be at least 1")]
    NoMessages,
    /// Another file has a user of this name.
    #[error("name: {0:?} is the name of another user too")]
    NameTwice(String),
    /// Another user has this certificate.
    #[error("certificateNames: {0:?} lets another user in too")]
    CertificateTwice(String),
}

impl Users {
    /// Reads the files of the users called `names` below `folder`. Blocks.
    pub fn load(folder: &Path, names: &[String]) -> Result<Self, UsersError> {
        let (mut by_name, mut by_certificate) = (BTreeMap::new(), HashMap::new());
        for name in names {
            let file = user_file(name);
            read(&folder.join(&file))
                .and_then(|user| add(user, &mut by_name, &mut by_certificate))
                .map_err(|problem| UsersError { file, problem })?;
        }
        let stand_in = StandIn::among(by_name.values().filter_map(|account: &Arc<Account>| account.credential.as_ref()));
        Ok(Self { by_name, by_certificate, stand_in })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether SCRAM may be offered: there are users, and each has a verifier. Who has none could never get in by it.
    #[must_use]
    pub fn every_one_has_a_verifier(&self) -> bool {
        !self.is_empty() && self.by_name.values().all(|account| account.verifier().is_some())
    }

    /// The user that `account` is now; `None` when it is gone, or is let in by something else than before.
    #[must_use]
    pub fn current(&self, account: &Account) -> Option<&Arc<Account>> {
        self.by_name.get(account.name()).filter(|current| current.ways_in == account.ways_in)
    }

    /// The user of this name, which is prepared first.
    pub(super) fn by_name(&self, name: &str) -> Option<&Arc<Account>> {
        self.by_name.get(&*prepare_name(name)?)
    }

    /// The one user whom a certificate with these names lets in: the one that `authzid` names, or else the only one.
    pub(super) fn by_certificate(&self, names: &[String], authzid: &str) -> Option<&Arc<Account>> {
        let mut matches = names.iter().filter_map(|name| self.by_certificate.get(name));
        if !authzid.is_empty() {
            let wanted = self.by_name(authzid)?;
            return matches.find(|account| Arc::ptr_eq(account, wanted));
        }
        let first = matches.next()?;
        matches.all(|account| Arc::ptr_eq(account, first)).then_some(first)
    }
}

impl Account {
    pub(super) fn verifier(&self) -> Option<&Verifier> {
        self.credential.as_ref()?.hash.verifier()
    }
}

fn read(path: &Path) -> Result<User, Problem> {
    let mut content = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(Problem::TooLarge);
    }
    Ok(serde_json::from_slice(&content)?)
}

fn add(
    user: User,
    by_name: &mut BTreeMap<String, Arc<Account>>,
    by_certificate: &mut HashMap<String, Arc<Account>>,
) -> Result<(), Problem> {
    check(&user)?;
    let credential = user.password_hash.as_deref().map(Credential::parse).transpose()?;
    let account = Arc::new(Account {
        name: user.name.as_str().into(),
        senders: Arc::new(user.allowed_senders.iter().collect()),
        messages_per_minute: user.messages_per_minute,
        credential,
        ways_in: ways_in(&user),
    });
    for name in user.certificate_names {
        let other = by_certificate.insert(name.clone(), Arc::clone(&account));
        if other.is_some_and(|other| !Arc::ptr_eq(&other, &account)) {
            return Err(Problem::CertificateTwice(name));
        }
    }
    if by_name.insert(user.name.clone(), account).is_some() { Err(Problem::NameTwice(user.name)) } else { Ok(()) }
}

fn ways_in(user: &User) -> [u8; 32] {
    let parts = user.password_hash.iter().chain(&user.certificate_names);
    let hash = parts.fold(Sha256::new(), |hash, part| hash.chain_update(Sha256::digest(part)));
    hash.finalize().into()
}

fn check(user: &User) -> Result<(), Problem> {
    if prepare_name(&user.name).as_deref() != Some(&user.name) {
        return Err(Problem::Name);
    }
    if user.password_hash.is_none() && user.certificate_names.is_empty() {
        return Err(Problem::NoWayIn);
    }
    if let Some(name) = user.certificate_names.iter().find(|name| name.is_empty() || name.to_lowercase() != **name) {
        return Err(Problem::CertificateName(name.clone()));
    }
    if user.allowed_senders.is_empty() {
        return Err(Problem::NoSender);
    }
    if user.password_hash.is_some() && user.allowed_senders.contains(&SenderPattern::Any) {
        return Err(Problem::AnySender);
    }
    if user.messages_per_minute == 0 { Err(Problem::NoMessages) } else { Ok(()) }
}
