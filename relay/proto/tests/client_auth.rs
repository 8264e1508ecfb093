//! How we authenticate with a next hop: after TLS, with what it offers, and in the order of the exchange.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

#[path = "support/talk.rs"]
mod talk;

use postern_proto::{
    address::ReversePath,
    client::{CommandError, Event, Mechanism, Session, SessionError, To},
    envelope::MailFrom,
};
use talk::{code, hear, said};

fn challenge(session: &mut Session) -> Vec<u8> {
    match session.step() {
        Ok(Event::Challenge(challenge)) => challenge,
        other => panic!("no challenge: {other:?}"),
    }
}

fn offer(session: &mut Session, ehlo_reply: &str) {
    session.ehlo("relay.example.com").unwrap();
    hear(session, ehlo_reply);
    assert_eq!(code(session.step()), (To::Ehlo, 250));
}

fn in_clear(ehlo_reply: &str) -> Session {
    let mut session = Session::new();
    hear(&mut session, "220 mx.example.net\r\n");
    session.step().unwrap();
    offer(&mut session, ehlo_reply);
    session
}

/// A session over TLS; the next hop offered what `auth` says.
fn over_tls(auth: &str) -> Session {
    let mut session = in_clear("250-mx\r\n250 STARTTLS\r\n");
    session.starttls().unwrap();
    hear(&mut session, "220 go\r\n");
    session.step().unwrap();
    let mut session = session.into_tls();
    offer(&mut session, &format!("250-mx\r\n250-{auth}\r\n250 PIPELINING\r\n"));
    session
}

#[test]
fn an_initial_response_is_all_it_takes() {
    let mut session = over_tls("AUTH PLAIN LOGIN");
    session.auth(Mechanism::Plain, Some(b"\0user\0pass")).unwrap();
    assert_eq!(said(&mut session), "AUTH PLAIN AHVzZXIAcGFzcw==\r\n");
    assert!(!session.is_reusable());
    hear(&mut session, "235 2.7.0 welcome\r\n");
    assert_eq!(code(session.step()), (To::Auth, 235));
    assert!(session.is_reusable());
    session.mail(&MailFrom::new(ReversePath::Null)).unwrap();
}

#[test]
fn an_empty_initial_response_is_not_none() {
    for (initial, line) in [(Some(&b""[..]), "AUTH XOAUTH2 =\r\n"), (None, "AUTH XOAUTH2\r\n")] {
        let mut session = over_tls("AUTH XOAUTH2");
        session.auth(Mechanism::XOAuth2, initial).unwrap();
        assert_eq!(said(&mut session), line);
    }
}

#[test]
fn challenges_are_answered_one_by_one() {
    let mut session = over_tls("AUTH LOGIN");
    session.auth(Mechanism::Login, None).unwrap();
    assert_eq!(said(&mut session), "AUTH LOGIN\r\n");
    for (sent, decoded, response, line) in [
        ("334 VXNlcm5hbWU6\r\n", &b"Username:"[..], &b"user"[..], "dXNlcg==\r\n"),
        ("334 \r\n", b"", b"pass", "cGFzcw==\r\n"),
        ("334\r\n", b"", b"", "\r\n"),
    ] {
        hear(&mut session, sent);
        assert_eq!(challenge(&mut session), decoded);
        session.auth_response(response).unwrap();
        assert_eq!(said(&mut session), line);
    }
    hear(&mut session, "535 5.7.8 no\r\n");
    assert_eq!(code(session.step()), (To::Auth, 535));
    session.auth(Mechanism::Login, None).unwrap();
}

#[test]
fn a_challenge_can_be_refused() {
    let mut session = over_tls("AUTH XOAUTH2");
    session.auth(Mechanism::XOAuth2, Some(b"token")).unwrap();
    hear(&mut session, "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n");
    assert_eq!(challenge(&mut session), br#"{"status":"401"}"#);
    session.auth_cancel().unwrap();
    assert_eq!(said(&mut session), "*\r\n");
    hear(&mut session, "501 5.7.0 cancelled\r\n");
    assert_eq!(code(session.step()), (To::Auth, 501));
    assert!(session.is_reusable());
}

#[test]
fn in_clear_no_secret_is_said() {
    let mut session = in_clear("250-mx\r\n250 AUTH PLAIN\r\n");
    assert!(session.capabilities().offers_mechanism(Mechanism::Plain));
    assert_eq!(session.auth(Mechanism::Plain, Some(b"secret")), Err(CommandError::NeedsTls));
    assert_eq!(said(&mut session), "");
}

#[test]
fn what_was_offered_in_clear_is_forgotten() {
    let mut session = in_clear("250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n");
    session.starttls().unwrap();
    hear(&mut session, "220 go\r\n");
    session.step().unwrap();
    let mut session = session.into_tls();
    offer(&mut session, "250 mx\r\n");
    assert_eq!(session.auth(Mechanism::Plain, Some(b"secret")), Err(CommandError::OutOfSequence(To::Auth)));
}

#[test]
fn a_mechanism_is_used_only_when_it_is_offered() {
    let all = [Mechanism::Plain, Mechanism::Login, Mechanism::XOAuth2];
    for (auth, offered) in [
        ("AUTH PLAIN LOGIN XOAUTH2", &all[..]),
        ("auth plain CRAM-MD5 xoauth2", &[Mechanism::Plain, Mechanism::XOAuth2]),
        ("AUTH=LOGIN PLAIN", &[Mechanism::Plain, Mechanism::Login]),
        ("AUTH=LOGIN", &[Mechanism::Login]),
        ("AUTH XOAUTH2\r\n250-AUTH=LOGIN", &[Mechanism::Login, Mechanism::XOAuth2]),
        ("AUTH=", &[]),
        ("AUTH", &[]),
        ("AUTHPLAIN PLAIN", &[]),
    ] {
        for mechanism in all {
            let mut session = over_tls(auth);
            let queued = session.auth(mechanism, None);
            let expected = if offered.contains(&mechanism) { Ok(()) } else { Err(CommandError::OutOfSequence(To::Auth)) };
            assert_eq!(queued, expected, "{auth}: {mechanism:?}");
        }
    }
}

#[test]
fn nothing_else_is_said_within_the_exchange() {
    let mut session = over_tls("AUTH LOGIN");
    assert_eq!(session.auth_response(b"x"), Err(CommandError::OutOfSequence(To::Auth)), "no challenge came");
    session.auth(Mechanism::Login, None).unwrap();
    assert_eq!(session.auth_response(b"x"), Err(CommandError::OutOfSequence(To::Auth)), "AUTH is not answered");
    hear(&mut session, "334 \r\n");
    challenge(&mut session);
    assert_eq!(session.mail(&MailFrom::new(ReversePath::Null)), Err(CommandError::OutOfSequence(To::Mail)));
    assert_eq!(session.ehlo("me"), Err(CommandError::OutOfSequence(To::Ehlo)));
    assert_eq!(session.auth(Mechanism::Login, None), Err(CommandError::OutOfSequence(To::Auth)));
    assert!(!session.is_reusable());
    session.auth_cancel().unwrap();
    assert_eq!(session.auth_cancel(), Err(CommandError::OutOfSequence(To::Auth)));
}

#[test]
fn a_challenge_that_can_not_be_read_ends_the_session() {
    for reply in ["334 Username:\r\n", "334-VXNl\r\n334 cm5h\r\n"] {
        let mut session = over_tls("AUTH LOGIN");
        session.auth(Mechanism::Login, None).unwrap();
        hear(&mut session, reply);
        assert_eq!(session.step(), Err(SessionError::Challenge));
        assert_eq!(session.auth_response(b"user"), Err(CommandError::OutOfSequence(To::Auth)));
    }
}

#[test]
fn a_reply_of_another_kind_ends_the_session() {
    let mut session = over_tls("AUTH LOGIN");
    session.auth(Mechanism::Login, None).unwrap();
    hear(&mut session, "354 go\r\n");
    assert_eq!(session.step(), Err(SessionError::Unexpected { to: To::Auth, code: 354 }));
    let mut session = over_tls("AUTH LOGIN");
    session.auth(Mechanism::Login, None).unwrap();
    session.input().extend_from_slice(b"235 at once\r\n");
    assert_eq!(session.step(), Err(SessionError::Unexpected { to: To::Auth, code: 235 }), "the command is not written");
}

#[test]
fn a_challenge_that_nobody_answers_to_ends_the_session() {
    let mut session = over_tls("AUTH LOGIN");
    hear(&mut session, "334 VXNl\r\n");
    assert_eq!(session.step(), Err(SessionError::Unsolicited));
}

#[test]
fn no_secret_is_shown() {
    let mut session = over_tls("AUTH PLAIN");
    session.auth(Mechanism::Plain, Some(b"secret")).unwrap();
    assert_eq!(format!("{session:?}"), "Session { state: Authenticating, awaited: [Auth], .. }");
}
