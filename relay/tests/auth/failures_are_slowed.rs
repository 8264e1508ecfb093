//! Whoever fails waits before the next answer, right or wrong, and is not heard at all after too many failures.

use std::{sync::Arc, time::Duration};

use postern_relay::auth::{Client, Mechanism, Users};
use tokio::time::{Instant, timeout};

use crate::site::{ARGON2, PASSWORD, SCRAM, Site, TEMPORARY, WRONG, client, user, users};

/// The verdict on a password, and the seconds that it took.
async fn timed(site: &Site, users: &Arc<Users>, client: Client, name: &str, password: &str) -> (String, u64) {
    let begun = Instant::now();
    (site.plain(users, client, name, password).await, begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn each_failure_makes_the_next_answer_later() {
    let site = Site::new();
    let users = users(&[user("alice", Some(ARGON2))]);
    for seconds in [0, 1, 2, 4] {
        assert_eq!(timed(&site, &users, client(1), "alice", "wrong").await, (WRONG.to_owned(), seconds));
    }
    assert_eq!(timed(&site, &users, client(1), "alice", PASSWORD).await, ("alice".to_owned(), 8), "right answers wait too");
    assert_eq!(timed(&site, &users, client(1), "alice", PASSWORD).await, ("alice".to_owned(), 0), "and clear what was");
}

#[tokio::test(start_paused = true)]
async fn names_that_nobody_has_slow_as_others_do() {
    let site = Site::new();
    let users = users(&[user("alice", Some(ARGON2))]);
    for seconds in [0, 1, 2] {
        assert_eq!(timed(&site, &users, client(1), "nobody", PASSWORD).await, (WRONG.to_owned(), seconds));
    }
    assert_eq!(timed(&site, &users, client(2), "nobody", PASSWORD).await.1, 4);
    assert_eq!(timed(&site, &users, client(1), "alice", PASSWORD).await.1, 4, "the client failed three times");
}

#[tokio::test(start_paused = true)]
async fn a_client_with_too_many_failures_is_refused_at_once_and_unhashed() {
    let site = Site::new();
    let users = users(&[user("alice", Some(ARGON2))]);
    for number in 0..20 {
        assert_eq!(site.plain(&users, client(1), &number.to_string(), "wrong").await, WRONG);
    }
    let hashes = site.hashes();
    assert_eq!(timed(&site, &users, client(1), "alice", PASSWORD).await, (TEMPORARY.to_owned(), 0));
    assert_eq!((site.hashes(), site.attempts("PLAIN", "slowed")), (hashes, 1));
    assert_eq!(timed(&site, &users, client(2), "alice", PASSWORD).await, ("alice".to_owned(), 0), "others are not concerned");
}

#[tokio::test(start_paused = true)]
async fn clients_behind_one_address_do_not_lock_each_other_out() {
    let site = Site::new();
    let users = users(&[user("alice", Some(ARGON2))]);
    let shared = || Client { is_shared: true, ..client(1) };
    for number in 0..30 {
        assert_eq!(timed(&site, &users, shared(), &number.to_string(), "wrong").await, (WRONG.to_owned(), 0));
    }
    assert_eq!(timed(&site, &users, shared(), "alice", PASSWORD).await, ("alice".to_owned(), 0));
    assert_eq!(timed(&site, &users, shared(), "7", "wrong").await.1, 1, "the user is slowed");
}

#[tokio::test(start_paused = true)]
async fn hanging_up_does_not_spare_the_count() {
    let site = Site::new();
    let users = users(&[user("alice", Some(ARGON2))]);
    // The first poll hands the password to the pool, and no more follows.
    let mut exchange = site.begin(&users, client(1), Mechanism::Plain);
    assert!(timeout(Duration::ZERO, exchange.step(Some(b"\0alice\0wrong"))).await.is_err());
    assert_eq!(timed(&site, &users, client(1), "bob", "wrong").await.1, 1);
}

#[tokio::test(start_paused = true)]
async fn wrong_proofs_of_scram_count() {
    let site = Site::new();
    let users = users(&[user("alice", Some(SCRAM))]);
    let mut exchange = site.begin(&users, client(1), Mechanism::ScramSha256);
    exchange.step(Some(b"n,,n=alice,r=nonce")).await;
    exchange.step(Some(b"c=biws,r=nonce,p=AAAA")).await;
    assert_eq!(timed(&site, &users, client(1), "bob", "wrong").await.1, 1);
}
