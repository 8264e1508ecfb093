//! A message that a user submits gets the Date and Message-ID that it lacks, at the end of its header section, wherever the network splits it.

#![allow(clippy::expect_used, reason = "functions that tests share are tests too")]

use jiff::Timestamp;
use postern_config::DomainName;
use postern_relay::filter::{Completion, HeaderFirewall};

const DATE: &str = "Date: Fri, 27 Nov 2026 12:00:00 -0000\r\n";
const MESSAGE_ID: &str = "Message-ID: <01234567-89ab@mx1.example.com>\r\n";

fn filter<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let host = DomainName::parse("mx1.example.com").expect("a name");
    let now: Timestamp = "2026-11-27T12:00:00Z".parse().expect("a time");
    let mut firewall = HeaderFirewall::new(host.clone()).completing(Completion::new(now, "01234567-89ab", &host));
    let mut passed = Vec::new();
    for mut piece in pieces {
        while let Some(bytes) = firewall.next(&mut piece).expect("within bounds") {
            passed.extend_from_slice(bytes);
        }
    }
    passed.extend_from_slice(firewall.finish().expect("within bounds"));
    String::from_utf8(passed).expect("UTF-8")
}

fn assert_completed(message: &str, expected: &str) {
    let bytes = message.as_bytes();
    assert_eq!(filter([bytes]), expected, "whole");
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        assert_eq!(filter([head, tail]), expected, "{message:?} split at {at}");
    }
    assert_eq!(filter(bytes.chunks(1)), expected, "{message:?} byte by byte");
}

#[test]
fn what_is_missing_is_added_where_the_header_section_ends() {
    let vectors = [
        ("Subject: x\r\n\r\nbody\r\n", format!("Subject: x\r\n{DATE}{MESSAGE_ID}\r\nbody\r\n")),
        ("Date: today\r\nSubject: x\r\n\r\nbody\r\n", format!("Date: today\r\nSubject: x\r\n{MESSAGE_ID}\r\nbody\r\n")),
        ("MESSAGE-id :\r\n <a@b>\r\n\r\nbody\r\n", format!("MESSAGE-id :\r\n <a@b>\r\n{DATE}\r\nbody\r\n")),
        ("Dates: x\r\n\r\nDate: in the body\r\n", format!("Dates: x\r\n{DATE}{MESSAGE_ID}\r\nDate: in the body\r\n")),
        ("\r\nbody\r\n", format!("{DATE}{MESSAGE_ID}\r\nbody\r\n")),
        ("Subject: no body\r\n", format!("Subject: no body\r\n{DATE}{MESSAGE_ID}")),
        ("", format!("{DATE}{MESSAGE_ID}")),
    ];
    for (message, expected) in vectors {
        assert_completed(message, &expected);
    }
}

#[test]
fn what_is_there_stays_as_it_is() {
    let whole = "Date: today\r\nMessage-ID: <a@b>\r\nX: y\r\n\r\nbody\r\n\r\nmore\r\n";
    assert_completed(whole, whole);
}
