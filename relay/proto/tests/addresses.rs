//! Paths of MAIL and RCPT, and mailboxes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

#[path = "support/text.rs"]
mod text;

use postern_proto::{
    address::{Domain, ForwardPath, Mailbox, ReversePath},
    path_parser::PathError,
};
use proptest::prelude::*;
use text::{escape, unescape};

/// Each path with what it is.
fn vectors() -> impl Iterator<Item = (String, String)> {
    include_str!("vectors/addresses.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (path, outcome) = line.split_once("=> ").unwrap();
        (utf8(path.trim_end()), utf8(outcome))
    })
}

fn utf8(text: &str) -> String {
    String::from_utf8(unescape(text)).unwrap()
}

fn describe(mailbox: &Mailbox) -> String {
    let a_label = mailbox.domain.to_a_label();
    assert_eq!(a_label.is_none(), matches!(mailbox.domain, Domain::Literal(_)), "every name that is taken has an A-label");
    format!("mailbox | {} | {} | {}", mailbox.local, mailbox.domain, a_label.unwrap_or("-".into()))
}

fn reverse(text: &str) -> String {
    match ReversePath::parse(text) {
        Ok((path, rest)) => {
            assert_eq!(rest, "", "{text}");
            match path {
                ReversePath::Null => "null".to_owned(),
                ReversePath::Mailbox(mailbox) => describe(&mailbox),
            }
        }
        Err(error) => format!("error {error:?}"),
    }
}

fn forward(text: &str) -> String {
    match ForwardPath::parse(text) {
        Ok((path, rest)) => {
            assert_eq!(rest, "", "{text}");
            match path {
                ForwardPath::Postmaster => "postmaster".to_owned(),
                ForwardPath::Mailbox(mailbox) => describe(&mailbox),
            }
        }
        Err(error) => format!("error {error:?}"),
    }
}

#[test]
fn every_path_is_what_the_vectors_say() {
    for (path, outcome) in vectors() {
        let (as_sender, as_recipient) = match outcome.as_str() {
            "null" => ("null", "error LocalPart"),
            "postmaster" => ("error NoDomain", "postmaster"),
            other => (other, other),
        };
        assert_eq!(reverse(&path), as_sender, "{} as the path of MAIL", escape(path.as_bytes()));
        assert_eq!(forward(&path), as_recipient, "{} as the path of RCPT", escape(path.as_bytes()));
    }
}

#[test]
fn a_path_ends_at_its_bracket() {
    let (path, rest) = ReversePath::parse("<a@x.test> SIZE=1 <b@x.test>").unwrap();
    assert_eq!((path.to_string().as_str(), rest), ("a@x.test", " SIZE=1 <b@x.test>"));
}

#[test]
fn a_mailbox_without_brackets_is_the_whole_text() {
    assert_eq!("u@d.test".parse::<Mailbox>().map(|mailbox| mailbox.to_string()).as_deref(), Ok("u@d.test"));
    assert_eq!("u@d.test>".parse::<Mailbox>(), Err(PathError::Unclosed));
    assert_eq!("u@d.test ".parse::<Mailbox>(), Err(PathError::Unclosed));
    assert_eq!("@x.test:u@d.test".parse::<Mailbox>(), Err(PathError::LocalPart), "a source route belongs to a path");
}

/// Texts that are paths, or nearly.
fn near_path() -> impl Strategy<Value = String> {
    prop_oneof!["<[a-z@.\"\\\\%!:,\\[\\]>ü ]{0,20}>?", "<[a-z.]{1,5}@[a-z.-]{1,8}>", "<\"[ -~]{0,8}\"@[a-zü.]{1,8}>", "\\PC{0,30}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn a_path_that_is_taken_is_the_same_when_it_is_written_and_read_again(text in near_path()) {
        if let Ok((path, _)) = ForwardPath::parse(&text) {
            let written = format!("<{path}>");
            prop_assert_eq!(ForwardPath::parse(&written), Ok((path, "")));
        }
        if let Ok((path, _)) = ReversePath::parse(&text) {
            let written = format!("<{path}>");
            prop_assert_eq!(ReversePath::parse(&written), Ok((path, "")));
        }
    }

    #[test]
    fn a_mailbox_that_is_taken_has_no_line_end_no_bracket_that_is_not_quoted_and_a_name_to_compare(text in near_path()) {
        if let Ok((ForwardPath::Mailbox(mailbox), _)) = ForwardPath::parse(&text) {
            let written = mailbox.to_string();
            prop_assert!(!written.chars().any(char::is_control));
            prop_assert!(mailbox.local.starts_with('"') || !written.contains(['<', '>', ' ', '"']));
            prop_assert!((1..=64).contains(&mailbox.local.len()));
            match mailbox.domain {
                Domain::Name(_) => prop_assert!(mailbox.domain.to_a_label().is_some_and(|name| name.is_ascii() && !name.ends_with('.'))),
                Domain::Literal(_) => prop_assert!(written.ends_with(']')),
            }
        }
    }
}
