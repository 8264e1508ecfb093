//! What takes the place of a user whom there is not.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::{
    account::Credential,
    hash::{Cost, PasswordHash},
    scram::{self, Verifier, hmac},
};

/// Costs the time that most users cost, and shows what theirs show.
pub(super) struct StandIn {
    /// Of no password.
    pub(super) credential: Credential,
    verifiers: scram::Cost,
    /// Made of what is known of all users: every pod makes the same salts of it, and makes them again when it starts anew, as it must with
    /// those of users. It changes with the users.
    seed: [u8; 32],
}

impl StandIn {
    /// The stand-in among users with these credentials, which always come in the same order.
    pub(super) fn among<'a>(credentials: impl Iterator<Item = &'a Credential>) -> Self {
        let (mut costs, mut seed) = (BTreeMap::<Cost, usize>::new(), Sha256::new());
        for credential in credentials {
            *costs.entry(credential.hash.cost()).or_default() += 1;
            seed.update(credential.fingerprint);
        }
        let seed: [u8; 32] = seed.finalize().into();
        let cost = most(costs.iter()).cloned().unwrap_or_default();
        let verifiers = costs.iter().filter_map(|(cost, count)| match cost {
            Cost::Scram(cost) => Some((cost, count)),
            _ => None,
        });
        let credential = Credential { hash: Arc::new(PasswordHash::of_nothing(&cost, seed)), fingerprint: seed };
        Self { credential, verifiers: most(verifiers).copied().unwrap_or_default(), seed }
    }

    /// A verifier that is of no password, the same for the same name.
    pub(super) fn verifier(&self, name: &str) -> Verifier {
        Verifier::of_nothing(self.verifiers, hmac(&self.seed, &[name.as_bytes()]))
    }
}

fn most<'a, T: 'a>(counted: impl Iterator<Item = (&'a T, &'a usize)>) -> Option<&'a T> {
    counted.max_by_key(|(_, count)| **count).map(|(value, _)| value)
}
