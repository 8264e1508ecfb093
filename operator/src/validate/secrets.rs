//! What a relay holds in confidence beside its keys: who may log in, and what it logs in with elsewhere.

use std::collections::BTreeMap;

use postern_config::{
    Credentials, Database, User,
    material::{credentials_file, database_file, user_file},
};
use serde::Serialize;

use crate::material::Sealed;

/// What a relay holds in confidence beside its keys, by the names that its configuration uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Who may log in.
    pub users: BTreeMap<String, Sealed<User>>,
    /// What smart hosts are shown.
    pub credentials: BTreeMap<String, Sealed<Credentials>>,
    /// Where the queue lies, when that is a database.
    pub database: Option<(String, Sealed<Database>)>,
}

impl Secrets {
    /// Each as its file in the relay's folder; without content what was not read.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Option<String>> {
        let users = self.users.iter().map(|(name, user)| (user_file(name), json(user)));
        let credentials = self.credentials.iter().map(|(name, content)| (credentials_file(name), json(content)));
        let database = self.database.iter().map(|(name, content)| (database_file(name), json(content)));
        users.chain(credentials).chain(database).collect()
    }
}

fn json<T: Serialize>(content: &Sealed<T>) -> Option<String> {
    // Texts, numbers and lists of them always have a JSON form.
    content.open().and_then(|content| serde_json::to_string(content).ok())
}
