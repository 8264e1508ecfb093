//! A user begins so many messages a minute as the user file says, by whatever connections.

use std::time::Duration;

use postern_relay::auth::{Mechanism, Progress, Rates};
use tokio::time::advance;

use crate::site::{ARGON2, PASSWORD, Site, client, user, users};

#[tokio::test(start_paused = true)]
async fn one_user_too_many_messages_and_another_none_the_fewer() {
    let (site, rates) = (Site::new(), Rates::default());
    let users = users(&[user("alice", Some(ARGON2)), user("bob", Some(ARGON2))]);
    let mut accounts = Vec::new();
    for name in ["alice", "bob"] {
        let message = format!("\0{name}\0{PASSWORD}");
        let progress = site.begin(&users, client(1), Mechanism::Plain).step(Some(message.as_bytes())).await;
        let Progress::Done { account, .. } = progress else { panic!("{progress:?}") };
        accounts.push(account);
    }
    let [alice, bob] = accounts.try_into().unwrap();
    (0..3).for_each(|_| assert_eq!(rates.message(&alice), Ok(())));
    let refused = rates.message(&alice).unwrap_err();
    assert_eq!(refused.to_string(), "451 4.7.1 You began too many messages; try again later");
    assert_eq!(rates.message(&bob), Ok(()));
    advance(Duration::from_secs(20)).await;
    assert_eq!(rates.message(&alice), Ok(()));
    assert_eq!(rates.message(&alice), Err(refused));
}
