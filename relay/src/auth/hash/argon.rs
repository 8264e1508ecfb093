//! Argon2id and Argon2i (RFC 9106) in the form of PHC strings.

use argon2::{Algorithm, Argon2, Params, Version, password_hash::phc};
use subtle::ConstantTimeEq as _;

use super::HashError;

const SCHEME: &str = "argon2";
/// Most memory that a hash may take, in KiB.
const MAX_MEMORY: u32 = 256 * 1024;
/// Most memory that all passes together may fill, in KiB: about a second.
const MAX_WORK: u64 = 1024 * 1024;
const MAX_LANES: u32 = 16;
const MIN_HASH_BYTES: usize = 16;
const ALLOWED: &str = "at most 256 MiB of memory, 16 lanes, and 1 GiB over all passes";

pub(in crate::auth) struct Argon {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Algorithm, version, parameters, and the length of the hash in bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::auth) struct Cost {
    algorithm: Algorithm,
    version: Version,
    memory: u32,
    passes: u32,
    lanes: u32,
    bytes: usize,
}

impl Argon {
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let malformed = |problem: &dyn ToString| HashError::Malformed { scheme: SCHEME, problem: problem.to_string() };
        let parts = phc::PasswordHash::new(text).map_err(|error| malformed(&error))?;
        let (Some(salt), Some(hash)) = (&parts.salt, &parts.hash) else { return Err(malformed(&"salt or hash is missing")) };
        if hash.len() < MIN_HASH_BYTES {
            return Err(malformed(&"the hash must have at least 16 bytes"));
        }
        let algorithm = Algorithm::try_from(parts.algorithm.as_str()).map_err(|error| malformed(&error))?;
        let version = parts.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(|error| malformed(&error))?;
        let params = Params::try_from(&parts).map_err(|error| malformed(&error))?;
        let cost = Cost { algorithm, version, memory: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost(), bytes: hash.len() };
        cost.check()?;
        Ok(Self { cost, salt: salt.to_vec(), hash: hash.as_bytes().to_vec() })
    }

    pub(super) fn is_of(&self, password: &str) -> bool {
        let Cost { algorithm, version, memory, passes, lanes, bytes } = self.cost;
        let Ok(params) = Params::new(memory, passes, lanes, Some(bytes)) else { return false };
        let mut hash = vec![0; bytes];
        let done = Argon2::new(algorithm, version, params).hash_password_into(password.as_bytes(), &self.salt, &mut hash);
        done.is_ok() & bool::from(hash.ct_eq(&self.hash))
    }

    pub(super) fn cost(&self) -> &Cost {
        &self.cost
    }

    pub(super) fn of_nothing(cost: &Cost, seed: [u8; 32]) -> Self {
        let hash = seed.iter().copied().cycle().take(cost.bytes).collect();
        Self { cost: cost.clone(), salt: seed[..16].to_vec(), hash }
    }
}

impl Cost {
    fn check(&self) -> Result<(), HashError> {
        let Self { memory, passes, lanes, .. } = self;
        if *memory > MAX_MEMORY || *lanes > MAX_LANES || u64::from(*memory) * u64::from(*passes) > MAX_WORK {
            let what = format!("{} MiB of memory, {lanes} lanes and {passes} passes", memory / 1024);
            return Err(HashError::Cost { scheme: SCHEME, what, allowed: ALLOWED });
        }
        Ok(())
    }
}

/// What the specification and the crate recommend: 19 MiB, two passes, one lane.
impl Default for Cost {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            memory: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
            lanes: Params::DEFAULT_P_COST,
            bytes: Params::DEFAULT_OUTPUT_LEN,
        }
    }
}
