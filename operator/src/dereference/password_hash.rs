//! Whether a text is a password hash of a kind that relays know, by its form.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What mends one that is not.
const MEND: &str = "must be argon2id, bcrypt or a SCRAM-SHA-256 verifier, and never a password or a weaker hash; make one with `htpasswd -nBC 12 USER` (what stands behind the colon), or with `argon2 SALT -id -e`";
/// The length of a bcrypt hash behind its cost.
const BCRYPT: usize = 53;
/// Bytes of a key of SCRAM-SHA-256.
const SCRAM_KEY: usize = 32;

pub(super) fn check(hash: &str) -> Result<(), &'static str> {
    let parts: Vec<_> = hash.split('$').collect();
    let is_known = match parts[..] {
        ["", "argon2id", "v=19", parameters, salt, hash] => is_argon2(parameters, salt, hash),
        ["", "2a" | "2b" | "2y", cost, hash] => cost.len() == 2 && is_number(cost) && hash.len() == BCRYPT && is_base64(hash),
        ["SCRAM-SHA-256", salted, keys] => is_scram(salted, keys),
        _ => false,
    };
    if is_known { Ok(()) } else { Err(MEND) }
}

/// `m=MEMORY,t=PASSES,p=LANES`, and base64 without padding.
fn is_argon2(parameters: &str, salt: &str, hash: &str) -> bool {
    let mut wanted = ["m=", "t=", "p="].into_iter();
    let mut parameters = parameters.split(',');
    let is_known = wanted.all(|name| parameters.next().and_then(|one| one.strip_prefix(name)).is_some_and(is_number));
    is_known && parameters.next().is_none() && [salt, hash].iter().all(|text| text.len() >= 11 && is_base64(text))
}

/// `ITERATIONS:SALT` and `STOREDKEY:SERVERKEY`.
fn is_scram(salted: &str, keys: &str) -> bool {
    let is_key = |text: &str| STANDARD.decode(text).is_ok_and(|key| key.len() == SCRAM_KEY);
    let is_salted = |(iterations, salt): (&str, &str)| is_number(iterations) && STANDARD.decode(salt).is_ok_and(|salt| !salt.is_empty());
    salted.split_once(':').is_some_and(is_salted) && keys.split_once(':').is_some_and(|(stored, server)| is_key(stored) && is_key(server))
}

fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|number| number > 0)
}

/// The letters of base64, in bcrypt's form too.
fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_relays_know_pass() {
        for hash in [
            "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b4dWRWJTmaaJObG",
            "$2y$12$abcdefghijklmnopqrstuuKf5Rl8ByzkNq5h1pjnMTO0wCKdhcHYa",
            "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ] {
            assert_eq!(check(hash), Ok(()), "{hash}");
        }
    }

    #[test]
    fn passwords_and_weak_hashes_are_refused() {
        for hash in [
            "hunter2",
            "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr",
            "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.",
            "$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.",
            "$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b4dWRWJTmaaJObG",
            "$argon2id$v=19$m=65536,t=3$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b4dWRWJTmaaJObG",
            "$2y$12$tooshort",
            "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$AAAA:AAAA",
            "md5c29tZXNhbHRzb21l",
            "",
        ] {
            assert_eq!(check(hash), Err(MEND), "{hash}");
        }
    }
}
