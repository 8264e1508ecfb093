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

#[cfg(test)]
mod tests {
    use super::*;

    const ARGON2: &str = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR2YWx1ZTEyMw$OxTHnyCmDigxzJ6G8486RvXWBFjOVPHj0YNHH5dSYjw";
    const CHEAP: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHR2YWx1ZTEyMw$OxTHnyCmDigxzJ6G8486RvXWBFjOVPHj0YNHH5dSYjw";
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

    fn cost(hashes: &[&str]) -> Cost {
        let credentials: Vec<_> = hashes.iter().map(|hash| Credential::parse(hash).unwrap()).collect();
        StandIn::among(credentials.iter()).credential.hash.cost()
    }

    #[test]
    fn it_costs_what_most_users_cost() {
        let of = |hash: &str| PasswordHash::parse(hash).unwrap().cost();
        assert_eq!(cost(&[ARGON2, BCRYPT, ARGON2]), of(ARGON2));
        assert_eq!(cost(&[BCRYPT, ARGON2, BCRYPT, CHEAP]), of(BCRYPT));
        assert_eq!(cost(&[CHEAP, ARGON2, CHEAP]), of(CHEAP));
        assert_eq!(cost(&[]), Cost::default());
    }
}
