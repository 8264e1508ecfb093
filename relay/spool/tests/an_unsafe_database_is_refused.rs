//! A server that would forget what it has said to be committed is not used.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    database::{Database, settings},
    mail::put_len,
};
use postern_spool::{OpenError, Postgres};
use postern_tests::postgres;

/// What is said when the server has this setting.
async fn refusal(name: &str, value: &str) -> String {
    let mut server = postgres::Postgres::new().unwrap();
    server.set(name, value);
    server.run().await.unwrap();
    match Postgres::open(settings(&server, "postgres")).await {
        Err(OpenError::Unfit(why)) => {
            assert_eq!(server.sql("postgres", "SELECT to_regnamespace('postern_spool') IS NULL").unwrap(), "t", "nothing was changed");
            why
        }
        other => panic!("{other:?} with {name} {value}"),
    }
}

#[tokio::test]
async fn that_does_not_sync() {
    assert!(refusal("fsync", "off").await.contains("fsync is off"));
}

#[tokio::test]
async fn that_writes_pages_in_part() {
    assert!(refusal("full_page_writes", "off").await.contains("full_page_writes is off"));
}

/// What a session is given by default is no matter: it asks for what it needs.
#[tokio::test]
async fn but_every_session_waits_for_the_disk() {
    for (default, used) in [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"), ("remote_apply", "remote_apply")] {
        let database = Database::new().await;
        database.sql(&format!("ALTER DATABASE \"{}\" SET synchronous_commit = {default}", database.settings().database));
        let spool = database.open().await;
        // What each commit finds is written down.
        database.sql(
            "CREATE TABLE found (setting text); \
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO found VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$; \
             CREATE TRIGGER note AFTER INSERT ON postern_spool.waiting FOR EACH ROW EXECUTE FUNCTION note()",
        );
        put_len(&spool, 5).await;
        put_len(&spool, 600_000).await;
        assert_eq!(database.sql("SELECT DISTINCT setting FROM found"), used, "the database's default is {default}");
    }
}
