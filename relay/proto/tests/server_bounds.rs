//! What a client can make a session spend, and what the session owes its driver.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

use std::sync::Arc;

use postern_proto::{
    reply::Reply,
    server::{AuthOffer, Expect, Offer, Session, Settings, Step, TlsOffer},
};

const TRANSACTION: &[u8] = b"EHLO client.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<u@d.test>\r\n";

fn session() -> Session {
    Session::new(Arc::new(Settings::new(Offer {
        hostname: "mx.test".to_owned(),
        max_message_bytes: 10_000_000,
        max_recipients: 100,
        tls: TlsOffer::Optional,
        one_next_hop_per_transaction: false,
        auth: AuthOffer::Never,
        dsn: false,
    })))
}

fn ok() -> Reply {
    Reply::new(250, (0, 0), "OK")
}

/// Steps until the session wants more, answering yes and sending all; gives what was sent.
fn settle(session: &mut Session) -> String {
    let mut sent = String::new();
    loop {
        let wants_more = match session.step() {
            Step::Mail(_, turn) | Step::Rcpt(_, turn) | Step::Content(turn) | Step::Message(turn) => {
                session.answer(turn, ok());
                false
            }
            Step::Body(_) | Step::Discard(_) | Step::NeedsTls(_) | Step::Flush => false,
            Step::Read | Step::StartTls | Step::Close => true,
        };
        sent.push_str(str::from_utf8(session.output()).unwrap());
        session.sent(session.output().len());
        if wants_more {
            return sent;
        }
    }
}

fn hear(session: &mut Session, bytes: &[u8]) -> String {
    session.input().extend_from_slice(bytes);
    settle(session)
}

/// Reads as a driver does that knows no more than the spare capacity; gives how often it read.
fn hear_in_reads(session: &mut Session, mut bytes: &[u8]) -> usize {
    let mut reads = 0;
    while !bytes.is_empty() {
        let input = session.input();
        let room = input.capacity() - input.len();
        assert!(room > 0, "there is always room, or a read would look like the end of the connection");
        let (piece, rest) = bytes.split_at(room.min(bytes.len()));
        input.extend_from_slice(piece);
        bytes = rest;
        reads += 1;
        settle(session);
    }
    reads
}

#[test]
fn an_idle_session_holds_a_small_buffer_and_a_busy_one_a_large_one() {
    let mut session = session();
    settle(&mut session);
    assert!(session.input().capacity() <= 2048);

    hear(&mut session, &[TRANSACTION, b"DATA\r\n"].concat());
    assert_eq!(session.expects(), Expect::Content);
    assert!((32 * 1024..=64 * 1024).contains(&session.input().capacity()));

    hear(&mut session, b"text\r\n.\r\n");
    assert_eq!(session.expects(), Expect::Command);
    assert!(session.input().capacity() <= 2048);
}

#[test]
fn content_of_any_length_is_read_in_a_buffer_that_does_not_grow() {
    let mut session = session();
    hear(&mut session, &[TRANSACTION, b"DATA\r\n"].concat());
    let content = b"x".repeat(1_000_000);
    assert!(hear_in_reads(&mut session, &content) < 50);
    assert!(session.input().capacity() <= 64 * 1024);
    assert_eq!(hear(&mut session, b"\r\n.\r\n"), "250 2.0.0 OK\r\n");
}

#[test]
fn a_command_line_of_any_length_is_read_in_a_buffer_that_does_not_grow() {
    let mut session = session();
    settle(&mut session);
    hear_in_reads(&mut session, &b"x".repeat(1_000_000));
    assert!(session.input().capacity() <= 4096);
    assert_eq!(hear(&mut session, b"\r\nNOOP\r\n"), "250 2.0.0 OK\r\n");
}

#[test]
fn replies_that_are_not_read_hold_up_the_commands_behind_them() {
    let mut session = session();
    session.input().extend_from_slice(&b"EHLO client.test\r\n".repeat(150));
    assert!(matches!(session.step(), Step::Flush));
    let answered = str::from_utf8(session.output()).unwrap().matches("250-mx.test\r\n").count();
    let waiting = session.output().len();
    assert!((4096..8192).contains(&waiting), "{waiting}");
    assert!(matches!(session.step(), Step::Flush), "nothing goes on without the driver");
    assert_eq!(session.output().len(), waiting);

    session.sent(waiting - 1);
    assert_eq!(session.output(), b"\n", "a part may be sent");
    assert_eq!(settle(&mut session).matches("250-mx.test\r\n").count() + answered, 150);
}

#[test]
fn an_unanswered_question_ends_the_session() {
    let mut session = session();
    settle(&mut session);
    session.input().extend_from_slice(b"EHLO client.test\r\nMAIL FROM:<a@x.test>\r\nNOOP\r\n");
    let Step::Mail(_, turn) = session.step() else { panic!("MAIL is asked first") };
    assert!(matches!(session.step(), Step::Close));
    assert!(session.output().ends_with(b"421 4.3.0 Internal error, closing\r\n"));
    session.answer(turn, ok());
    assert!(matches!(session.step(), Step::Close), "an answer that comes too late changes nothing");
    assert!(session.output().ends_with(b"421 4.3.0 Internal error, closing\r\n"));
}

#[test]
fn a_driver_that_closes_a_transaction_need_not_be_told_to_forget_it() {
    let mut session = session();
    hear(&mut session, &[TRANSACTION, b"DATA\r\ntext\r\n"].concat());
    assert!(session.in_transaction());
    session.close(&Reply::new(421, (3, 2), "Shutting down"));
    assert!(!session.in_transaction());
    assert!(matches!(session.step(), Step::Close));
    assert_eq!(session.output(), b"421 4.3.2 Shutting down\r\n");
    session.input().extend_from_slice(b"\r\n.\r\nNOOP\r\n");
    assert!(matches!(session.step(), Step::Close), "nothing comes after it");
}

#[test]
fn content_is_refused_only_while_it_comes() {
    let mut session = session();
    hear(&mut session, TRANSACTION);
    session.refuse_content(Reply::new(452, (3, 1), "Full"));
    assert!(session.in_transaction());
    assert_eq!(hear(&mut session, b"NOOP\r\n"), "250 2.0.0 OK\r\n");
}

#[test]
fn what_the_session_knows_of_the_client_is_forgotten_with_starttls() {
    let mut session = session();
    hear(&mut session, TRANSACTION);
    assert_eq!((session.helo(), session.protocol(), session.in_transaction()), (Some("client.test"), "ESMTP", true));
    assert_eq!(hear(&mut session, b"STARTTLS\r\nEHLO evil.test\r\n"), "220 2.0.0 Go ahead with TLS\r\n");
    let mut session = session.into_tls();
    assert!(matches!(session.step(), Step::Read));
    assert_eq!((session.helo(), session.output(), session.in_transaction()), (None, &b""[..], false));
    assert!(hear(&mut session, b"EHLO client.test\r\n").ends_with("250 LIMITS RCPTMAX=100\r\n"));
    assert_eq!(session.protocol(), "ESMTPS");
}
