//! Users in a folder, and an authenticator with its counts.

use std::{fs, net::IpAddr, sync::Arc};

use postern_config::{User, material::user_file};
use postern_relay::auth::{Authenticator, Client, Exchange, Mechanism, Metrics, Progress, Users, UsersError};
use prometheus_client::{encoding::prometheus_text, registry::Registry};
use tempfile::TempDir;

/// Of the password [`PASSWORD`], and cheap.
pub const ARGON2: &str = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR2YWx1ZTEyMw$OxTHnyCmDigxzJ6G8486RvXWBFjOVPHj0YNHH5dSYjw";
pub const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
pub const SCRAM: &str =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$jz9QZzNm0z4dFmwozi5Zr0tC6YD0jQYwV4nUHCXbeq4=:BXDc6Ios+jrGwunuu1MKrsKhyGYwQrjKYFAbbROhD9Q=";
pub const PASSWORD: &str = "correct horse";

pub const WRONG: &str = "535 5.7.8 Authentication credentials invalid";
pub const MALFORMED: &str = "501 5.5.2 That is no message of this mechanism";
pub const TEMPORARY: &str = "454 4.7.0 Temporary authentication failure";

pub fn user(name: &str, hash: Option<&str>) -> User {
    User {
        name: name.to_owned(),
        password_hash: hash.map(str::to_owned),
        certificate_names: Vec::new(),
        allowed_senders: vec!["@example.com".to_owned().try_into().unwrap()],
        messages_per_minute: 3,
    }
}

/// A user whom a certificate lets in.
pub fn certified(name: &str, names: &[&str]) -> User {
    User { certificate_names: names.iter().map(|name| (*name).to_owned()).collect(), ..user(name, None) }
}

/// What loading files with these contents gives, each of a user called `u0`, `u1` and so on.
pub fn load(contents: &[String]) -> Result<Users, UsersError> {
    let folder = TempDir::new().unwrap();
    let names: Vec<_> = (0..contents.len()).map(|number| format!("u{number}")).collect();
    for (name, content) in names.iter().zip(contents) {
        fs::write(folder.path().join(user_file(name)), content).unwrap();
    }
    Users::load(folder.path(), &names)
}

pub fn users(users: &[User]) -> Arc<Users> {
    let contents: Vec<_> = users.iter().map(|user| serde_json::to_string(user).unwrap()).collect();
    Arc::new(load(&contents).unwrap())
}

pub fn client(number: u8) -> Client {
    Client { address: IpAddr::from([192, 0, 2, number]), is_shared: false, certificate_names: Vec::new(), channel_binding: None }
}

/// An authenticator and what it counts.
pub struct Site {
    pub authenticator: Authenticator,
    registry: Registry,
}

impl Site {
    pub fn new() -> Self {
        let mut registry = Registry::default();
        Self { authenticator: Authenticator::new(Metrics::register(&mut registry)), registry }
    }

    pub fn begin(&self, users: &Arc<Users>, client: Client, mechanism: Mechanism) -> Exchange {
        self.authenticator.begin(Arc::clone(users), client, mechanism)
    }

    /// What PLAIN comes to: the user's name or the reply.
    pub async fn plain(&self, users: &Arc<Users>, client: Client, name: &str, password: &str) -> String {
        let message = format!("\0{name}\0{password}");
        verdict(&self.begin(users, client, Mechanism::Plain).step(Some(message.as_bytes())).await)
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry).unwrap();
        text
    }

    /// The value of a series.
    pub fn count(&self, series: &str) -> u64 {
        let text = self.metrics();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    pub fn attempts(&self, mechanism: &str, result: &str) -> u64 {
        self.count(&format!(r#"postern_auth_attempts_total{{mechanism="{mechanism}",result="{result}"}}"#))
    }

    /// How many passwords were hashed.
    pub fn hashes(&self) -> u64 {
        self.count("postern_auth_hash_duration_seconds_count")
    }
}

/// The user's name, the challenge, or the reply.
pub fn verdict(progress: &Progress) -> String {
    match progress {
        Progress::Challenge(challenge) => format!("334 {}", String::from_utf8_lossy(challenge)),
        Progress::Done { account, .. } => account.name().to_owned(),
        Progress::Refused(reply) => reply.to_string(),
    }
}
