//! What the server keeps of a password.

use std::{fmt::Display, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::Hmac;
use pbkdf2::pbkdf2;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::hmac;
use crate::auth::hash::HashError;

const SCHEME: &str = "SCRAM-SHA-256";
/// RFC 7677 section 4 wants no fewer.
const MIN_ITERATIONS: u32 = 4096;
/// Below a second of a processor.
const MAX_ITERATIONS: u32 = 1_000_000;
const MAX_SALT_BYTES: usize = 64;

/// Salt, iterations and both keys (RFC 5802 section 3).
#[derive(Clone, PartialEq, Eq)]
pub(in crate::auth) struct Verifier {
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: [u8; 32],
    pub(super) server_key: [u8; 32],
}

/// Iterations of PBKDF2, and the length of the salt, which a client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::auth) struct Cost {
    iterations: u32,
    salt_bytes: usize,
}

/// What PostgreSQL makes.
impl Default for Cost {
    fn default() -> Self {
        Self { iterations: MIN_ITERATIONS, salt_bytes: 16 }
    }
}

impl Verifier {
    /// Reads `ITERATIONS:SALT$STOREDKEY:SERVERKEY`.
    pub(in crate::auth) fn parse(text: &str) -> Result<Self, HashError> {
        let form = || malformed("write SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY");
        let (salted, keys) = text.split_once('$').ok_or_else(form)?;
        let (iterations, salt) = salted.split_once(':').ok_or_else(form)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or_else(form)?;
        let iterations = u32::from_str(iterations).map_err(|_| malformed("the iterations are no number"))?;
        if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations) {
            return Err(HashError::Cost { scheme: SCHEME, what: format!("{iterations} iterations"), allowed: "4096 to 1000000" });
        }
        let salt = BASE64_STANDARD.decode(salt).map_err(malformed)?;
        if !(8..=MAX_SALT_BYTES).contains(&salt.len()) {
            return Err(malformed("the salt must have 8 to 64 bytes"));
        }
        Ok(Self { iterations, salt, stored_key: key(stored_key)?, server_key: key(server_key)? })
    }

    /// Whether it was made of `password`.
    pub(in crate::auth) fn is_of(&self, password: &str) -> bool {
        let mut salted = Zeroizing::new([0; 32]);
        let is_done = pbkdf2::<Hmac<Sha256>>(password.as_bytes(), &self.salt, self.iterations, &mut *salted).is_ok();
        let stored_key = Sha256::digest(hmac(&*salted, &[b"Client Key"]));
        is_done & bool::from(stored_key.ct_eq(&self.stored_key))
    }

    pub(in crate::auth) fn cost(&self) -> Cost {
        Cost { iterations: self.iterations, salt_bytes: self.salt.len() }
    }

    /// A verifier of a password that nobody knows, the same for the same `seed`.
    pub(in crate::auth) fn of_nothing(cost: Cost, seed: [u8; 32]) -> Self {
        let Cost { iterations, salt_bytes } = cost;
        let mut salt = [hmac(&seed, &[b"salt"]), hmac(&seed, &[b"more salt"])].concat();
        salt.truncate(salt_bytes);
        Self { iterations, salt, stored_key: hmac(&seed, &[b"stored"]), server_key: hmac(&seed, &[b"server"]) }
    }
}

fn key(text: &str) -> Result<[u8; 32], HashError> {
    let key = BASE64_STANDARD.decode(text).map_err(malformed)?;
    key.try_into().map_err(|_| malformed("a key must have 32 bytes"))
}

fn malformed(problem: impl Display) -> HashError {
    HashError::Malformed { scheme: SCHEME, problem: problem.to_string() }
}
