//! A listener for servers of our own knows them by certificate or address, takes mail of their allowed senders, and queues it; all others, it refuses.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use common::{Stage, shown};
use postern_config::{
    ListenerTls, NextHopTlsMode, OutboundRoute, Role, RouteMatch, RouteTarget, SenderPattern, Tenant, TrustRequirement, Trusted,
};
use postern_proto::reply::Reply;
use postern_spool::Origin;
use postern_tests::{
    config::{CLIENT_CA, RelayFolder, next_hops},
    pki::Authority,
};

/// The address that the client of these sessions has.
const CLIENT: &str = "192.0.2.1/32";

fn answer(_: u16, _: &str) -> Reply {
    Reply::new(250, (0, 0), "Ok")
}

fn trusted(change: impl FnOnce(&mut Trusted)) -> Trusted {
    let senders = ["@example.com"];
    let mut trusted = Trusted {
        certificate_names: vec!["exch01.corp.example.com".to_owned()],
        cidrs: vec![CLIENT.parse().unwrap()],
        require: TrustRequirement::All,
        allowed_senders: senders.map(|sender| SenderPattern::parse(sender).unwrap()).to_vec(),
        tenant: None,
    };
    change(&mut trusted);
    trusted
}

/// A relay with one listener for `trusted` servers, who reach the world through a smart host, and example.com with next hops of its own.
async fn stage(trusted: Trusted) -> Stage {
    let change = |folder: &mut RelayFolder| {
        let listener = &mut folder.root.listeners[0];
        (listener.role, listener.tls) = (Role::Trusted, ListenerTls::StartTlsOptional);
        listener.client_cas = vec![CLIENT_CA.to_owned()];
        listener.trusted = Some(trusted);
        folder.trust_clients(&Authority::new("Corporate CA").unwrap()).unwrap();
        folder.spool("mx");
        folder.accept("example.com", 2001, NextHopTlsMode::Opportunistic).unwrap();
        folder.root.routes.push(OutboundRoute {
            name: "world".to_owned(),
            matches: RouteMatch::default(),
            to: RouteTarget::from(next_hops(2002, NextHopTlsMode::Opportunistic)),
            ehlo_name: None,
        });
    };
    Stage::new(answer, change).with_queue().await
}

/// Sends a message and gives the first reply that is no good, or that to the end of data.
async fn send(stage: &Stage, sender: &str, recipient: &str, header: &str) -> String {
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.mail(sender, recipient, &format!("{header}Subject: x\r\n\r\nx\r\n")).await
}

#[tokio::test]
async fn who_shows_what_is_asked_sends_anywhere_as_its_senders_alone() {
    let mut stage = stage(trusted(|_| {})).await;
    stage.tls = Some(shown(&["exch01.corp.example.com"]));
    assert!(send(&stage, "<user@example.com>", "<someone@example.net>", "").await.starts_with("250 2.0.0 Queued as "));
    assert!(send(&stage, "<>", "<user@example.com>", "").await.starts_with("250 "));
    for sender in ["<user@example.net>", "<user@sub.example.com>", "<example.com@example.net>", "<user@[192.0.2.1]>"] {
        assert_eq!(send(&stage, sender, "<someone@example.net>", "").await, "550 5.7.1 You may not send as this sender\r\n", "{sender}");
    }
    let queued = stage.queued().await;
    assert_eq!(queued.len(), 2);
    let (envelope, content) = &queued[0];
    assert_eq!(envelope.origin, Origin::Identity("exch01.corp.example.com".to_owned()));
    assert_eq!(envelope.reverse_path.to_string(), "user@example.com");
    assert_eq!(envelope.recipients[0].path.to_string(), "someone@example.net");
    assert!(content.starts_with("Received: ") && content.ends_with("Subject: x\r\n\r\nx\r\n"), "{content}");
}

#[tokio::test]
async fn who_does_not_is_nobody_here() {
    let mut stage = stage(trusted(|_| {})).await;
    for names in [&[][..], &["exch02.corp.example.com"], &["*.corp.example.com"], &["x.exch01.corp.example.com"]] {
        stage.tls = Some(shown(names));
        for recipient in ["<someone@example.net>", "<user@example.com>"] {
            let reply = send(&stage, "<user@example.com>", recipient, "").await;
            assert_eq!(reply, "550 5.7.1 This server is not known here\r\n", "{names:?} {recipient}");
        }
    }
    stage.tls = None;
    assert!(send(&stage, "<user@example.com>", "<user@example.com>", "").await.starts_with("550 5.7.1 "));
    assert!(stage.queued().await.is_empty());
}

#[tokio::test]
async fn one_of_both_is_enough_only_where_the_listener_says_so() {
    let by_either = |trusted: &mut Trusted| trusted.require = TrustRequirement::Any;
    let mut either = stage(trusted(by_either)).await;
    assert!(send(&either, "<user@example.com>", "<someone@example.net>", "").await.starts_with("250 "), "by its address");
    either.tls = Some(shown(&["exch02.corp.example.com"]));
    assert!(send(&either, "<user@example.com>", "<someone@example.net>", "").await.starts_with("250 "), "by its address");

    let elsewhere = |trusted: &mut Trusted| trusted.cidrs = vec!["198.51.100.0/24".parse().unwrap()];
    let mut both = stage(trusted(elsewhere)).await;
    both.tls = Some(shown(&["exch01.corp.example.com"]));
    assert!(send(&both, "<user@example.com>", "<someone@example.net>", "").await.starts_with("550 5.7.1 "), "from another address");
}

#[tokio::test]
async fn a_certificate_that_tenants_share_needs_the_tenants_name_in_the_message() {
    let name = "mail.protection.outlook.com";
    let tenant = Tenant { header: "X-OriginatorOrg".to_owned(), values: vec!["example.com".to_owned()] };
    let mut stage = stage(trusted(|trusted| {
        trusted.certificate_names = vec![name.to_owned()];
        trusted.tenant = Some(tenant);
    }))
    .await;
    stage.tls = Some(shown(&[name]));
    let said = async |header: &str| send(&stage, "<user@example.com>", "<someone@example.net>", header).await;
    assert!(said("X-OriginatorOrg: Example.com\r\n").await.starts_with("250 "));
    assert!(said("x-originatororg:\r\n\texample.com \r\n").await.starts_with("250 "));
    for header in ["", "X-OriginatorOrg: example.net\r\n", "X-OriginatorOrg: example.com.example.net\r\n", "X-OriginatorOrg:\r\n"] {
        assert_eq!(said(header).await, "550 5.7.1 This tenant may not send here\r\n", "{header:?}");
    }
    let twice = "X-OriginatorOrg: example.com\r\nX-OriginatorOrg: example.net\r\n";
    assert!(said(twice).await.starts_with("550 5.7.1 "), "one of each says nothing");
    assert_eq!(stage.queued().await.len(), 2);
}
