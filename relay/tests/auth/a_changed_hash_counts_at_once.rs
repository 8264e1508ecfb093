//! A credential that was verified is not hashed again for a minute, unless the user's Secret changes.

use std::time::Duration;

use tokio::time::advance;

use crate::site::{ARGON2, BCRYPT, PASSWORD, Site, WRONG, client, user, users};

/// Of another password.
const OTHER: &str = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR2YWx1ZTEyMw$AxTHnyCmDigxzJ6G8486RvXWBFjOVPHj0YNHH5dSYjw";

#[tokio::test(start_paused = true)]
async fn a_verified_credential_is_hashed_once_a_minute() {
    let site = Site::new();
    let users = users(&[user("alice", Some(ARGON2))]);
    for number in 0..10 {
        assert_eq!(site.plain(&users, client(number), "alice", PASSWORD).await, "alice");
    }
    assert_eq!(site.hashes(), 1);
    advance(Duration::from_mins(1)).await;
    assert_eq!(site.plain(&users, client(1), "alice", PASSWORD).await, "alice");
    assert_eq!(site.hashes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_never_remembered() {
    let site = Site::new();
    let users = users(&[user("alice", Some(ARGON2))]);
    for client in [client(1), client(2)] {
        assert_eq!(site.plain(&users, client, "alice", "wrong").await, WRONG);
    }
    assert_eq!(site.hashes(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_change_the_old_password_is_wrong_and_the_same_one_is_verified_anew() {
    let site = Site::new();
    let before = users(&[user("alice", Some(ARGON2))]);
    assert_eq!(site.plain(&before, client(1), "alice", PASSWORD).await, "alice");

    let changed = users(&[user("alice", Some(OTHER))]);
    assert_eq!(site.plain(&changed, client(1), "alice", PASSWORD).await, WRONG);
    assert_eq!(site.hashes(), 2);

    let rehashed = users(&[user("alice", Some(BCRYPT))]);
    assert_eq!(site.plain(&rehashed, client(2), "alice", PASSWORD).await, "alice");
    assert_eq!(site.hashes(), 3);

    let removed = users(&[user("bob", Some(ARGON2))]);
    assert_eq!(site.plain(&removed, client(3), "alice", PASSWORD).await, WRONG);
}
