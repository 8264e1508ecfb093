//! Nothing tells a name that nobody has from one that somebody has: neither what is answered nor what is done for it.

use postern_relay::auth::Mechanism;
use proptest::{prelude::*, test_runner::TestRunner};

use crate::site::{ARGON2, BCRYPT, MALFORMED, SCRAM, Site, WRONG, client, user, users, verdict};

/// What is answered to a wrong password for `name`, and how often it was hashed.
async fn password(hash: &str, name: &str) -> (String, u64) {
    let site = Site::new();
    let users = users(&[user("alice", Some(hash)), user("bob", Some(hash))]);
    (site.plain(&users, client(1), name, "wrong").await, site.hashes())
}

#[tokio::test(start_paused = true)]
async fn a_password_is_hashed_once_whoever_is_claimed() {
    for hash in [ARGON2, BCRYPT, SCRAM] {
        for name in ["alice", "bob", "nobody", "ALICE", "a\u{7}", &"x".repeat(255)] {
            assert_eq!(password(hash, name).await, (WRONG.to_owned(), 1), "{name}");
        }
    }
}

/// The salt, the iterations, and what the end of the exchange is.
async fn scram(hashes: &[&str], name: &str) -> (String, String) {
    let names = ["alice", "bob", "carol"];
    let members: Vec<_> = names.iter().zip(hashes).map(|(name, hash)| user(name, Some(hash))).collect();
    let (site, users) = (Site::new(), users(&members));
    let mut exchange = site.begin(&users, client(1), Mechanism::ScramSha256);
    let challenge = verdict(&exchange.step(Some(format!("n,,n={name},r=nonce").as_bytes())).await);
    let (nonce, rest) = challenge.strip_prefix("334 ").unwrap().split_once(',').unwrap();
    let proof = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let last = exchange.step(Some(format!("c=biws,{nonce},p={proof}").as_bytes())).await;
    assert_eq!(site.hashes(), 0, "the client hashes");
    (rest.to_owned(), verdict(&last))
}

#[tokio::test(start_paused = true)]
async fn scram_gives_every_name_a_salt_and_fails_at_the_end() {
    let hashes = [SCRAM, SCRAM, ARGON2];
    let (known, end) = scram(&hashes, "alice").await;
    assert_eq!((known.as_str(), end.as_str()), ("s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", WRONG));
    for name in ["nobody", "carol"] {
        let (unknown, end) = scram(&hashes, name).await;
        assert_eq!(end, WRONG);
        assert_eq!(unknown.len(), known.len(), "{unknown}");
        assert!(unknown.ends_with(",i=4096") && unknown != known, "{unknown}");
        assert_eq!(scram(&hashes, name).await.0, unknown, "another process gives the same salt");
    }
    assert_ne!(scram(&hashes, "nobody").await.0, scram(&hashes, "somebody").await.0);
}

#[test]
fn whatever_name_is_claimed_the_answer_is_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    TestRunner::new(ProptestConfig::with_cases(40))
        .run(&"[^\0]{1,40}", |name| {
            let (answer, hashes) = runtime.block_on(password(BCRYPT, &name));
            prop_assert_eq!(answer, WRONG);
            prop_assert_eq!(hashes, 1);
            Ok(())
        })
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_means_nothing_says_nothing_of_names() {
    let (site, users) = (Site::new(), users(&[user("alice", Some(SCRAM))]));
    for name in ["alice", "nobody"] {
        let mut exchange = site.begin(&users, client(1), Mechanism::ScramSha256);
        let first = format!("n,,m=ext,n={name},r=nonce");
        assert_eq!(verdict(&exchange.step(Some(first.as_bytes())).await), MALFORMED);
    }
}
