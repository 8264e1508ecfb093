//! A real Postfix as the smart host: it takes mail from whom it knows, and from nobody else.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::{fs, net::SocketAddr};

use handover::{Bench, codes, hops};
use postern_config::{
    Credentials, NextHopTlsMode, RouteTarget,
    material::{credentials_file, trust_file},
};
use postern_tests::{mail_server::MailServer as _, pki::Authority, port, postfix::Postfix, process::Output};

#[tokio::test]
async fn postfix_takes_mail_with_the_right_password_and_no_other() {
    let (folder, authority, port) = (tempfile::tempdir().unwrap(), Authority::new("ca").unwrap(), port::free().unwrap());
    let certificate = authority.server(&["127.0.0.1"]).unwrap();
    let postfix = Postfix::start_smart_host(folder.path(), port, &certificate, ("us", "s3cret"), Output::Printed).await.unwrap();

    let bench = Bench::new();
    authority.write(&bench.folder.path().join(trust_file("ca"))).unwrap();
    let send = async |name: &str, password: Option<&str>, content: &[u8]| {
        if let Some(password) = password {
            let credentials = Credentials::Password { username: "us".to_owned(), password: password.to_owned() };
            fs::write(bench.folder.path().join(credentials_file(name)), serde_json::to_vec(&credentials).unwrap()).unwrap();
        }
        let mut next_hops = hops(NextHopTlsMode::Verify, &[SocketAddr::from(([127, 0, 0, 1], port))]);
        next_hops.tls.trust = vec!["ca".to_owned()];
        let target = RouteTarget::Hosts { next_hops, credentials: password.map(|_| name.to_owned()) };
        let to = bench.destination_of(&bench.root(), &target);
        codes(&bench.send_to(&handover::rcpt("alice"), &to, content).await)
    };
    assert_eq!(send("nobody", None, b"Subject: nobody\r\n\r\n").await, "554 5.7.1");
    assert_eq!(send("wrong", Some("guess"), b"Subject: wrong\r\n\r\n").await, "451 4.7.8");
    assert_eq!(send("right", Some("s3cret"), b"Subject: right\r\n\r\n").await, "250 2.0.0");
    postfix.arrival("alice@example.com", "Subject: right").await.unwrap();
    assert_eq!(postfix.messages("alice@example.com").unwrap().len(), 1);
    postfix.stop().await.unwrap();
}
