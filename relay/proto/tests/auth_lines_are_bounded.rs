//! Lines of AUTH may be longer than any other line, and no longer than RFC 4954 wants; what they say is not shown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

use std::sync::Arc;

use postern_proto::server::{AuthOffer, Mechanism, Offer, Session, Settings, Step, TlsOffer, Turn};

/// Longest line, with its CRLF (RFC 4954 section 4).
const LONGEST: usize = 12_288;
/// `AUTH PLAIN `.
const COMMAND: usize = 11;

/// What a session did with a line.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// It gave the driver so many octets, which are all `a`.
    Response(usize),
    /// It replied.
    Reply(String),
}

fn session() -> Session {
    let mut session = Session::new(Arc::new(Settings::new(Offer {
        hostname: "mx.test".to_owned(),
        max_message_bytes: 1000,
        max_recipients: 100,
        tls: TlsOffer::Active,
        one_next_hop_per_transaction: false,
        auth: AuthOffer::Required,
        dsn: false,
    })));
    session.offer_mechanisms([Mechanism::Plain, Mechanism::Login].into_iter().collect());
    session.input().extend_from_slice(b"EHLO client.test\r\n");
    assert!(matches!(session.step(), Step::Read));
    session.sent(session.output().len());
    session
}

/// A session whose client has been challenged.
fn challenged() -> Session {
    let mut session = session();
    session.input().extend_from_slice(b"AUTH LOGIN\r\n");
    let Step::Auth(begin, turn) = session.step() else { panic!("AUTH begins") };
    assert_eq!((begin.mechanism, begin.initial), (Mechanism::Login, None));
    session.challenge(turn, b"Username:");
    assert!(matches!(session.step(), Step::Read));
    assert_eq!(session.output(), b"334 VXNlcm5hbWU6\r\n");
    session.sent(session.output().len());
    session
}

/// Hears a line as a driver does that knows no more than the spare capacity of the input.
fn hear(session: &mut Session, line: &[u8]) -> Heard {
    let mut unread = line;
    let (response, turn): (Vec<u8>, Turn) = loop {
        match session.step() {
            Step::Auth(begin, turn) => break (begin.initial.unwrap(), turn),
            Step::AuthResponse(response, turn) => break (response, turn),
            Step::AuthCancelled => {}
            Step::Read if unread.is_empty() => {
                let reply = String::from_utf8(session.output().to_vec()).unwrap();
                session.sent(reply.len());
                return Heard::Reply(reply);
            }
            Step::Read => {
                let input = session.input();
                let room = input.capacity() - input.len();
                assert!(room > 0 && input.capacity() <= 4 * LONGEST, "{}", input.capacity());
                let (piece, rest) = unread.split_at(room.min(unread.len()));
                input.extend_from_slice(piece);
                unread = rest;
            }
            _ => panic!("AUTH leads to nothing else"),
        }
    };
    assert!(unread.is_empty() && response.iter().all(|octet| *octet == b'a'));
    session.challenge(turn, b"");
    Heard::Response(response.len())
}

/// `aaa` so many times, encoded, behind `start`.
fn line(start: &str, times: usize) -> Vec<u8> {
    [start.as_bytes(), &b"YWFh".repeat(times), b"\r\n"].concat()
}

#[test]
fn a_line_may_be_as_long_as_rfc_4954_wants() {
    let times = (LONGEST - 2 - COMMAND) / 4;
    assert_eq!(hear(&mut session(), &line("AUTH PLAIN ", times)), Heard::Response(3 * times));
    let times = (LONGEST - 2) / 4;
    assert_eq!(hear(&mut challenged(), &line("", times)), Heard::Response(3 * times));
}

#[test]
fn a_longer_line_is_refused_and_the_next_one_is_heard() {
    let too_long = Heard::Reply("500 5.5.6 The line is too long for AUTH\r\n".to_owned());
    let times = (LONGEST - 2 - COMMAND) / 4 + 1;
    for (mut session, line) in [
        (session(), line("AUTH PLAIN ", times)),
        (session(), line("auth plain ", 100_000)),
        (challenged(), line("", times + 3)),
        (challenged(), line("", 100_000)),
    ] {
        assert_eq!(hear(&mut session, &line), too_long);
        assert_eq!(hear(&mut session, b"NOOP\r\n"), Heard::Reply("250 2.0.0 OK\r\n".to_owned()));
        assert!(session.input().capacity() <= 2048, "the room is given back");
    }
}

#[test]
fn where_the_line_is_cut_makes_no_difference() {
    let longest = line("AUTH PLAIN ", (LONGEST - 2 - COMMAND) / 4);
    for cut in (1..longest.len()).step_by(97) {
        let mut session = session();
        session.input().extend_from_slice(&longest[..cut]);
        assert!(matches!(session.step(), Step::Read), "cut at {cut}");
        assert!(matches!(hear(&mut session, &longest[cut..]), Heard::Response(_)), "cut at {cut}");
    }
}

#[test]
fn other_commands_are_no_longer_for_it() {
    let reply = hear(&mut session(), &[b"NOOP ", &b"x".repeat(3000)[..], b"\r\n"].concat());
    assert_eq!(reply, Heard::Reply("500 5.5.2 The line is too long\r\n".to_owned()));
}

#[test]
fn no_secret_is_shown() {
    let mut session = session();
    session.input().extend_from_slice(b"AUTH PLAIN YWFh\r\nYWFh\r\n");
    let Step::Auth(begin, turn) = session.step() else { panic!("AUTH begins") };
    assert_eq!(begin.initial.as_deref(), Some(&b"aaa"[..]));
    assert_eq!(format!("{begin:?}"), "AuthBegin { mechanism: Plain, .. }");
    session.challenge(turn, b"");
    let shown = format!("{session:?}");
    assert!(shown.contains("Input { unread: 6, .. }"), "{shown}");
}
