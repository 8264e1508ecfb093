//! What passwords are held against.

mod argon;
mod blowfish;

use argon::Argon;
use blowfish::Blowfish;

use super::scram::{self, Verifier};

/// The hash of a password, in one of the forms that a user file may hold.
pub(super) enum PasswordHash {
    /// Argon2id or Argon2i (RFC 9106).
    Argon(Argon),
    /// bcrypt.
    Blowfish(Blowfish),
    /// What SCRAM-SHA-256 needs to know of a password.
    Scram(Verifier),
}

/// What hashing a password costs: two hashes of one cost take equally long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cost {
    /// Argon2.
    Argon(argon::Cost),
    /// bcrypt: the logarithm of its rounds.
    Blowfish(u32),
    /// SCRAM-SHA-256.
    Scram(scram::Cost),
}

/// Why a text is no hash of a password that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The text is of none of the schemes.
    #[error("the password hash is of no known scheme: use argon2id, bcrypt or SCRAM-SHA-256")]
    UnknownScheme,
    /// The text can't be read.
    #[error("the {scheme} password hash can't be read: {problem}")]
    Malformed {
        /// The scheme.
        scheme: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// To hash with it would cost too much, or so little that it can be guessed.
    #[error("the {scheme} password hash asks for {what}: allowed is {allowed}")]
    Cost {
        /// The scheme.
        scheme: &'static str,
        /// What it asks for.
        what: String,
        /// What it may ask for.
        allowed: &'static str,
    },
}

impl PasswordHash {
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        if text.starts_with("$argon2id$") || text.starts_with("$argon2i$") {
            Argon::parse(text).map(Self::Argon)
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            Blowfish::parse(text).map(Self::Blowfish)
        } else if let Some(parameters) = text.strip_prefix("SCRAM-SHA-256$") {
            Verifier::parse(parameters).map(Self::Scram)
        } else {
            Err(HashError::UnknownScheme)
        }
    }

    /// Whether this is the hash of `password`. Takes as long as its cost says, so keep it off the threads of sessions.
    pub(super) fn is_of(&self, password: &str) -> bool {
        match self {
            Self::Argon(hash) => hash.is_of(password),
            Self::Blowfish(hash) => hash.is_of(password),
            Self::Scram(verifier) => verifier.is_of(password),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        match self {
            Self::Argon(hash) => Cost::Argon(hash.cost().clone()),
            Self::Blowfish(hash) => Cost::Blowfish(hash.cost()),
            Self::Scram(verifier) => Cost::Scram(verifier.cost()),
        }
    }

    /// A hash of this cost, made of `seed`, of a password that nobody knows.
    pub(super) fn of_nothing(cost: &Cost, seed: [u8; 32]) -> Self {
        match cost {
            Cost::Argon(cost) => Self::Argon(Argon::of_nothing(cost, seed)),
            Cost::Blowfish(cost) => Self::Blowfish(Blowfish::of_nothing(*cost, seed)),
            Cost::Scram(cost) => Self::Scram(Verifier::of_nothing(*cost, seed)),
        }
    }

    pub(super) fn verifier(&self) -> Option<&Verifier> {
        match self {
            Self::Scram(verifier) => Some(verifier),
            _ => None,
        }
    }
}

impl Default for Cost {
    /// What counts where no user has a password.
    fn default() -> Self {
        Self::Argon(argon::Cost::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: &str = include_str!("../../../tests/vectors/password_hashes.tsv");
    const REFUSED: &str = include_str!("../../../tests/vectors/refused_password_hashes.tsv");

    fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
        table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once('\t').unwrap())
    }

    #[test]
    fn hashes_that_others_made_are_of_their_password_alone() {
        for (password, text) in rows(HASHES) {
            let hash = PasswordHash::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(hash.is_of(password), "{text}");
            assert!(!hash.is_of("Correct horse"), "{text}");
            assert!(!hash.is_of(""), "{text}");
        }
    }

    #[test]
    fn hashes_that_cost_too_much_or_mean_nothing_are_refused() {
        for (reason, text) in rows(REFUSED) {
            let error = PasswordHash::parse(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_hash_of_nothing_costs_as_much_and_is_of_no_password() {
        for (password, text) in rows(HASHES) {
            let cost = PasswordHash::parse(text).unwrap().cost();
            let stand_in = PasswordHash::of_nothing(&cost, [7; 32]);
            assert_eq!(stand_in.cost(), cost);
            assert!(!stand_in.is_of(password));
        }
    }
}
