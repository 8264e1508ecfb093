//! The log tells who failed, by what mechanism and from where; never what may be a password.
//!
//! A process of its own: a log line that another thread reaches first, where nobody reads the log, may be left out for good.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

#[path = "auth/site.rs"]
mod site;

use std::{
    io,
    sync::{Arc, Mutex},
};

use postern_relay::auth::Mechanism;
use site::{ARGON2, PASSWORD, Site, client, user, users};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_is_shown_only_if_it_is_a_users() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let site = Site::new();
    let users = users(&[user("alice", Some(ARGON2))]);
    site.plain(&users, client(1), "alice", "my secret").await;
    site.plain(&users, client(2), "my secret", "alice").await;
    site.begin(&users, client(3), Mechanism::Plain).step(Some(b"my secret")).await;
    site.plain(&users, client(4), "alice", PASSWORD).await;
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("postern_relay")).collect();
    assert!(!log.contains("secret") && !log.contains(PASSWORD) && !log.contains("$argon2id$"), "{log}");
    assert_eq!(lines.len(), 4, "{log}");
    assert!(lines[0].contains("INFO") && lines[0].contains(r#"client=192.0.2.1 user="alice" mechanism="PLAIN" result="refused""#), "{log}");
    assert!(lines[1].contains(r#"client=192.0.2.2 mechanism="PLAIN""#), "{log}");
    assert!(lines[2].contains(r#"client=192.0.2.3 mechanism="PLAIN""#), "{log}");
    assert!(lines[3].contains("authenticated"), "{log}");
}
