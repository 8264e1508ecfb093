//! The Received field tells how a message came, in a form that nothing from outside can break.

#![allow(clippy::expect_used, reason = "functions that tests share are tests too")]

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::{Timestamp, civil::date, tz::TimeZone};
use postern_config::DomainName;
use postern_proto::address::{Domain, ForwardPath, Mailbox};
use postern_relay::filter::{TlsFacts, Trace};
use proptest::prelude::*;

fn noon() -> Timestamp {
    date(2025, 7, 1).at(12, 0, 0, 987_654_321).to_zoned(TimeZone::UTC).expect("a time").timestamp()
}

fn host() -> DomainName {
    DomainName::parse("mx1.example.com").expect("a name")
}

fn recipient(local: &str) -> ForwardPath {
    ForwardPath::Mailbox(Mailbox { local: local.to_owned(), domain: Domain::Name("example.com".to_owned()) })
}

fn trace(host: &DomainName) -> Trace<'_> {
    Trace {
        helo: Some("client.example.net"),
        client: Ipv4Addr::new(192, 0, 2, 1).into(),
        tls: None,
        host,
        protocol: "ESMTP",
        id: "0197c5a8-0c00-7000-8000-000000000001",
        recipient: None,
        at: noon(),
    }
}

#[test]
fn a_message_over_tls_for_one_recipient() {
    let (host, recipient) = (host(), recipient("user"));
    let tls = Some(TlsFacts { version: "TLSv1.3", cipher: "TLS13_AES_256_GCM_SHA384" });
    let trace = Trace { tls, protocol: "ESMTPS", recipient: Some(&recipient), ..trace(&host) };
    let expected = "Received: from client.example.net ([192.0.2.1])\r\n\
        \t(using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)\r\n\
        \tby mx1.example.com with ESMTPS id 0197c5a8-0c00-7000-8000-000000000001\r\n\
        \tfor <user@example.com>;\r\n\
        \tTue, 1 Jul 2025 12:00:00 +0000\r\n";
    assert_eq!(trace.to_field(), expected);
}

#[test]
fn a_message_in_clear_for_several_recipients() {
    let expected = "Received: from client.example.net ([192.0.2.1])\r\n\
        \tby mx1.example.com with ESMTP id 0197c5a8-0c00-7000-8000-000000000001;\r\n\
        \tTue, 1 Jul 2025 12:00:00 +0000\r\n";
    assert_eq!(trace(&host()).to_field(), expected);
}

#[test]
fn an_ipv6_client_that_calls_itself_by_its_address() {
    let host = host();
    let client = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x25).into();
    let trace = Trace { helo: Some("[IPv6:2001:db8::25]"), client, recipient: Some(&ForwardPath::Postmaster), ..trace(&host) };
    let expected = "Received: from [IPv6:2001:db8::25] ([IPv6:2001:db8::25])\r\n\
        \tby mx1.example.com with ESMTP id 0197c5a8-0c00-7000-8000-000000000001\r\n\
        \tfor <Postmaster>;\r\n\
        \tTue, 1 Jul 2025 12:00:00 +0000\r\n";
    assert_eq!(trace.to_field(), expected);
}

#[test]
fn a_name_that_would_break_the_field_is_cleaned() {
    let host = host();
    let first_line = |helo, protocol| {
        let field = Trace { helo, protocol, ..trace(&host) }.to_field();
        field.lines().next().unwrap_or_default().to_owned()
    };
    let evil = "a\r\nX-Evil: (b) \"c\"; <d>\0\\\u{7f}";
    assert_eq!(first_line(Some(evil), "ESMTP"), "Received: from a??X-Evil:??b???c????d???? ([192.0.2.1])");
    assert_eq!(first_line(Some("gr\u{fc}n.example\u{2028}"), "ESMTP"), "Received: from gr?n.example? ([192.0.2.1])");
    assert_eq!(first_line(Some("gr\u{fc}n.example\u{2028}"), "UTF8SMTPS"), "Received: from gr\u{fc}n.example? ([192.0.2.1])");
    assert_eq!(first_line(Some(""), "ESMTP"), "Received: from unknown ([192.0.2.1])");
    assert_eq!(first_line(None, "SMTP"), "Received: from unknown ([192.0.2.1])");
}

#[test]
fn a_recipient_in_utf8_shows_only_where_utf8_is_allowed() {
    let (host, recipient) = (host(), recipient("j\u{f8}rgen"));
    let field = |protocol| Trace { recipient: Some(&recipient), protocol, ..trace(&host) }.to_field();
    assert!(field("UTF8SMTPS").contains("\r\n\tfor <j\u{f8}rgen@example.com>;\r\n"));
    assert!(field("ESMTPS").is_ascii());
    assert!(!field("ESMTPS").contains("for <"));
}

#[test]
fn long_names_are_folded_and_bounded() {
    let host = host();
    let name = format!("{}example.net", "label-of-a-long-name.".repeat(20));
    let field = Trace { helo: Some(&name), ..trace(&host) }.to_field();
    let lines: Vec<_> = field.split("\r\n").collect();
    assert_eq!(lines[0], "Received: from");
    assert_eq!(lines[1], format!("\t{}", &name[..255]));
    assert_eq!(lines[2], "\t([192.0.2.1])");
    assert!(lines[3].starts_with("\tby mx1.example.com "));
}

proptest! {
    #[test]
    fn whatever_a_client_says_the_field_is_one_field(helo in any::<String>(), local in any::<String>(), utf8 in any::<bool>()) {
        let (host, recipient) = (host(), recipient(&local));
        let protocol = if utf8 { "UTF8SMTPS" } else { "ESMTPS" };
        let field = Trace { helo: Some(&helo), recipient: Some(&recipient), protocol, ..trace(&host) }.to_field();
        let lines: Vec<_> = field.strip_suffix("\r\n").expect("a line end").split("\r\n").collect();
        prop_assert!(lines[0].starts_with("Received: from"));
        prop_assert!(lines[1..].iter().all(|line| line.starts_with('\t')));
        prop_assert!(lines.iter().all(|line| line.len() <= 998 && !line.chars().any(|char| char.is_control() && char != '\t')));
        prop_assert!(utf8 || field.is_ascii());
        prop_assert!(field.ends_with(";\r\n\tTue, 1 Jul 2025 12:00:00 +0000\r\n"));
    }
}
