//! bcrypt in the form of `$2b$`. Of a password, the first 72 bytes count, as they do everywhere.

use std::str::FromStr as _;

use base64::Engine as _;
use bcrypt::{BASE_64, HashParts};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::HashError;

const SCHEME: &str = "bcrypt";
/// Some seconds of a processor.
const MAX_COST: u32 = 15;
const MIN_COST: u32 = 4;
/// How much of a password is hashed, in bytes.
const MAX_PASSWORD_BYTES: usize = 72;
/// Where the hash begins in the text: behind version, cost and salt.
const HASH_AT: usize = 29;

pub(in crate::auth) struct Blowfish {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

impl Blowfish {
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let malformed = |problem: String| HashError::Malformed { scheme: SCHEME, problem };
        let parts = HashParts::from_str(text).map_err(|error| malformed(error.to_string()))?;
        let mut hash = [0; 23];
        BASE_64.decode_slice(&text[HASH_AT..], &mut hash).map_err(|error| malformed(error.to_string()))?;
        let cost = parts.get_cost();
        if !(MIN_COST..=MAX_COST).contains(&cost) {
            return Err(HashError::Cost { scheme: SCHEME, what: format!("a cost of {cost}"), allowed: "4 to 15" });
        }
        Ok(Self { cost, salt: parts.get_salt_raw(), hash })
    }

    pub(super) fn is_of(&self, password: &str) -> bool {
        let length = password.len().min(MAX_PASSWORD_BYTES);
        let mut key = Zeroizing::new([0; MAX_PASSWORD_BYTES]);
        key[..length].copy_from_slice(&password.as_bytes()[..length]);
        // The NUL behind the password belongs to it, where there is room.
        let hash = bcrypt::bcrypt(self.cost, self.salt, &key[..(length + 1).min(MAX_PASSWORD_BYTES)]);
        hash[..self.hash.len()].ct_eq(&self.hash).into()
    }

    pub(super) fn cost(&self) -> u32 {
        self.cost
    }

    pub(super) fn of_nothing(cost: u32, seed: [u8; 32]) -> Self {
        let (mut salt, mut hash) = ([0; 16], [0; 23]);
        salt.copy_from_slice(&seed[..16]);
        hash.copy_from_slice(&seed[9..]);
        Self { cost, salt, hash }
    }
}
