//! The order that a session with a next hop keeps, whatever the next hop says and in whatever pieces.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

#[path = "support/talk.rs"]
mod talk;

use postern_proto::{
    address::{Domain, ForwardPath, Mailbox, ReversePath},
    client::{CommandError, Event, Extension, Session, SessionError, SizeLimit, To},
    envelope::{BodyType, DsnRequest, MailFrom, Notify, OriginalRecipient, RcptTo, Return},
    reply_parser::ReplyError,
};
use talk::{code, hear, said};

const EHLO_REPLY: &str = "250-mx.example.net greets you\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8bitmime\r\n250 SMTPUTF8\r\n";

fn mailbox(local: &str) -> Mailbox {
    Mailbox { local: local.to_owned(), domain: Domain::Name("example.com".to_owned()) }
}

fn mail() -> MailFrom {
    MailFrom::new(ReversePath::Mailbox(mailbox("from")))
}

fn rcpt(local: &str) -> RcptTo {
    RcptTo::new(ForwardPath::Mailbox(mailbox(local)))
}

/// A session that is ready for MAIL; the next hop offered what `ehlo_reply` says.
fn ready(ehlo_reply: &str) -> Session {
    let mut session = Session::new();
    hear(&mut session, "220 mx.example.net\r\n");
    assert_eq!(code(session.step()), (To::Connect, 220));
    session.ehlo("relay.example.com").unwrap();
    assert_eq!(said(&mut session), "EHLO relay.example.com\r\n");
    hear(&mut session, ehlo_reply);
    assert_eq!(code(session.step()), (To::Ehlo, 250));
    session
}

/// A session with MAIL and one RCPT answered.
fn open() -> Session {
    let mut session = ready(EHLO_REPLY);
    session.mail(&mail()).unwrap();
    session.rcpt(&rcpt("to")).unwrap();
    said(&mut session);
    hear(&mut session, "250 ok\r\n250 ok\r\n");
    assert_eq!((code(session.step()), code(session.step())), ((To::Mail, 250), (To::Rcpt, 250)));
    session
}

/// A session that waits for content.
fn in_content() -> Session {
    let mut session = open();
    session.data().unwrap();
    said(&mut session);
    hear(&mut session, "354 go on\r\n");
    assert_eq!(code(session.step()), (To::Data, 354));
    session
}

#[test]
fn a_whole_transaction_leaves_the_session_reusable() {
    let mut session = in_content();
    session.content(b"Subject: x\r\n\r\n.dot\r\n").unwrap();
    session.end_of_data().unwrap();
    assert_eq!(said(&mut session), "Subject: x\r\n\r\n..dot\r\n.\r\n");
    assert!(!session.is_reusable());
    hear(&mut session, "250 2.0.0 queued\r\n");
    assert_eq!(code(session.step()), (To::EndOfData, 250));
    assert!(session.is_reusable());
    session.mail(&mail()).unwrap();
    assert_eq!(said(&mut session), "MAIL FROM:<from@example.com> BODY=8BITMIME\r\n");
}

#[test]
fn the_dialogue_is_the_same_when_replies_come_byte_by_byte() {
    let mut session = Session::new();
    for byte in "220 mx\r\n".bytes() {
        assert_eq!(session.step(), Ok(Event::Read));
        session.input().push(byte);
    }
    assert_eq!(code(session.step()), (To::Connect, 220));
    session.ehlo("me.example.com").unwrap();
    said(&mut session);
    for byte in EHLO_REPLY.bytes() {
        assert_eq!(session.step(), Ok(Event::Read));
        session.input().push(byte);
    }
    assert_eq!(code(session.step()), (To::Ehlo, 250));
    assert!(session.capabilities().offers(Extension::Pipelining));
    assert_eq!(session.capabilities().size, SizeLimit::Bytes(1000));
}

#[test]
fn capabilities_are_read_whatever_their_case_and_parameters() {
    let reply = "250-STARTTLS rocks\r\n250-starttls\r\n250-Size\r\n250-AUTH LOGIN\r\n250-LIMITS RCPTMAX=20 MAILMAX=2\r\n250 pipelining\r\n";
    let session = ready(reply);
    let capabilities = session.capabilities();
    assert!(capabilities.offers(Extension::StartTls) && capabilities.offers(Extension::Pipelining));
    assert!(!capabilities.offers(Extension::SmtpUtf8) && !capabilities.offers(Extension::EightBitMime));
    assert_eq!((capabilities.size, capabilities.mail_max), (SizeLimit::Unlimited, Some(2)));
}

#[test]
fn the_greeting_line_of_ehlo_is_no_capability() {
    assert!(!ready("250 STARTTLS\r\n").capabilities().offers(Extension::StartTls));
}

#[test]
fn a_second_ehlo_replaces_what_the_first_one_offered() {
    let mut session = ready(EHLO_REPLY);
    session.ehlo("relay.example.com").unwrap();
    hear(&mut session, "250 mx\r\n");
    session.step().unwrap();
    assert!(!session.capabilities().offers(Extension::Pipelining));
}

#[test]
fn commands_are_pipelined_when_that_is_offered() {
    let mut session = ready(EHLO_REPLY);
    session.mail(&mail()).unwrap();
    session.rcpt(&rcpt("a")).unwrap();
    session.rcpt(&rcpt("b")).unwrap();
    assert_eq!(said(&mut session), "MAIL FROM:<from@example.com> BODY=8BITMIME\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n");
    hear(&mut session, "250 ok\r\n550 no\r\n250 ok\r\n");
    let replies = [code(session.step()), code(session.step()), code(session.step())];
    assert_eq!(replies, [(To::Mail, 250), (To::Rcpt, 550), (To::Rcpt, 250)]);
}

#[test]
fn without_pipelining_a_command_waits_for_the_reply_before_it() {
    let mut session = ready("250 mx\r\n");
    session.mail(&mail()).unwrap();
    assert_eq!(session.rcpt(&rcpt("a")), Err(CommandError::OutOfSequence(To::Rcpt)));
    hear(&mut session, "250 ok\r\n");
    session.step().unwrap();
    session.rcpt(&rcpt("a")).unwrap();
}

#[test]
fn parameters_are_sent_only_to_a_next_hop_that_knows_them() {
    let mut declared = mail();
    (declared.size, declared.smtputf8) = (Some(10), true);
    let mut knows_all = ready(EHLO_REPLY);
    knows_all.mail(&declared).unwrap();
    assert_eq!(said(&mut knows_all), "MAIL FROM:<from@example.com> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n");
    let mut knows_none = ready("250 mx\r\n");
    knows_none.mail(&declared).unwrap();
    assert_eq!(said(&mut knows_none), "MAIL FROM:<from@example.com>\r\n");
}

#[test]
fn wishes_about_reports_are_passed_on_to_a_next_hop_that_knows_them() {
    let wishes = MailFrom { dsn: DsnRequest { ret: Some(Return::Full), envelope_id: Some("a=b c+d".to_owned()) }, ..mail() };
    let original = OriginalRecipient { address_type: "utf-8".to_owned(), address: "ü x@old.example".to_owned() };
    let notify = Notify::On { success: true, failure: true, delay: false };
    let recipient = RcptTo { notify: Some(notify), original: Some(original), ..rcpt("to") };
    let mut knows = ready("250-mx\r\n250-PIPELINING\r\n250 DSN\r\n");
    knows.mail(&wishes).unwrap();
    knows.rcpt(&recipient).unwrap();
    knows.rcpt(&rcpt("other")).unwrap();
    assert_eq!(
        said(&mut knows),
        "MAIL FROM:<from@example.com> RET=FULL ENVID=a+3Db+20c+2Bd\r\n\
         RCPT TO:<to@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;\\x{FC}\\x{20}x@old.example\r\n\
         RCPT TO:<other@example.com>\r\n"
    );
    let mut does_not = ready("250-mx\r\n250 PIPELINING\r\n");
    does_not.mail(&wishes).unwrap();
    does_not.rcpt(&recipient).unwrap();
    assert_eq!(said(&mut does_not), "MAIL FROM:<from@example.com>\r\nRCPT TO:<to@example.com>\r\n");
}

#[test]
fn a_body_that_is_declared_seven_bit_is_not_declared_otherwise() {
    let mut session = ready(EHLO_REPLY);
    session.mail(&MailFrom { body: Some(BodyType::SevenBit), ..mail() }).unwrap();
    assert_eq!(said(&mut session), "MAIL FROM:<from@example.com>\r\n");
}

#[test]
fn the_null_sender_and_postmaster_are_written_as_they_are() {
    let mut session = ready("250-mx\r\n250 PIPELINING\r\n");
    session.mail(&MailFrom { path: ReversePath::Null, ..mail() }).unwrap();
    session.rcpt(&RcptTo::new(ForwardPath::Postmaster)).unwrap();
    assert_eq!(said(&mut session), "MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n");
}

#[test]
fn an_address_with_a_line_break_is_never_sent() {
    let mut session = ready(EHLO_REPLY);
    let forged = MailFrom { path: ReversePath::Mailbox(mailbox("a\r\nRCPT TO:<x>")), ..mail() };
    assert_eq!(session.mail(&forged), Err(CommandError::ControlByte));
    assert_eq!(said(&mut session), "");
    assert!(session.is_reusable());
}

#[test]
fn what_was_sent_in_clear_behind_the_220_is_forgotten() {
    let mut session = ready("250-mx\r\n250 STARTTLS\r\n");
    session.starttls().unwrap();
    assert_eq!(said(&mut session), "STARTTLS\r\n");
    hear(&mut session, "220 go\r\n250-evil\r\n250 SIZE 1\r\n");
    assert_eq!(code(session.step()), (To::StartTls, 220));
    let mut session = session.into_tls();
    assert_eq!(session.capabilities().size, SizeLimit::NotOffered);
    assert_eq!(session.mail(&mail()), Err(CommandError::OutOfSequence(To::Mail)));
    session.ehlo("relay.example.com").unwrap();
    assert_eq!(session.step(), Ok(Event::Read));
    hear(&mut session, "250 mx\r\n");
    assert_eq!(code(session.step()), (To::Ehlo, 250));
}

#[test]
fn starttls_is_sent_only_when_it_is_offered() {
    assert_eq!(ready(EHLO_REPLY).starttls(), Err(CommandError::OutOfSequence(To::StartTls)));
}

#[test]
fn after_starttls_nothing_is_said_in_clear() {
    let mut session = ready("250-mx\r\n250 STARTTLS\r\n");
    session.starttls().unwrap();
    hear(&mut session, "220 go\r\n");
    session.step().unwrap();
    assert_eq!(session.mail(&mail()), Err(CommandError::OutOfSequence(To::Mail)));
    assert_eq!(session.quit(), Err(CommandError::OutOfSequence(To::Quit)));
    assert!(!session.is_reusable());
}

#[test]
fn what_nobody_asked_for_ends_the_session() {
    let mut session = ready(EHLO_REPLY);
    hear(&mut session, "421 bye\r\n");
    assert!(!session.is_reusable());
    assert_eq!(session.mail(&mail()), Err(CommandError::Unsolicited));
    assert_eq!(session.step(), Err(SessionError::Unsolicited));
}

#[test]
fn a_part_of_a_line_that_nobody_asked_for_counts_too() {
    let mut session = ready(EHLO_REPLY);
    hear(&mut session, "2");
    assert!(!session.is_reusable());
    assert_eq!(session.step(), Err(SessionError::Unsolicited));
}

#[test]
fn nothing_is_asked_while_something_is_unread_that_would_pass_for_the_answer() {
    let mut session = open();
    hear(&mut session, "250 2.1.5 ok\r\n");
    assert_eq!(session.rcpt(&rcpt("b")), Err(CommandError::Unsolicited));
    assert_eq!(session.data(), Err(CommandError::Unsolicited));
    assert_eq!(session.rset(), Err(CommandError::Unsolicited));
}

#[test]
fn content_that_is_refused_before_its_end_is_never_ended() {
    let mut session = in_content();
    session.content(b"x\r\n").unwrap();
    hear(&mut session, "552 too big\r\n");
    assert_eq!(session.end_of_data(), Err(CommandError::Unsolicited));
    assert_eq!(code(session.step()), (To::EndOfData, 552));
    assert_eq!(session.end_of_data(), Err(CommandError::OutOfSequence(To::EndOfData)));
    assert!(!session.is_reusable());
}

#[test]
fn a_reply_before_the_end_of_data_is_written_is_early_too() {
    for (reply, expected) in
        [("552 too big\r\n", Ok(552)), ("250 queued\r\n", Err(SessionError::Unexpected { to: To::EndOfData, code: 250 }))]
    {
        let mut session = in_content();
        session.content(b"x\r\n").unwrap();
        session.end_of_data().unwrap();
        session.sent(3);
        session.input().extend_from_slice(reply.as_bytes());
        assert_eq!(session.step().map(|event| code(Ok(event)).1), expected);
        assert!(!session.is_reusable());
    }
}

#[test]
fn content_that_is_taken_before_its_end_is_bad_syntax() {
    let mut session = in_content();
    session.content(b"x\r\n").unwrap();
    hear(&mut session, "250 queued\r\n");
    assert_eq!(session.step(), Err(SessionError::Unexpected { to: To::EndOfData, code: 250 }));
    assert_eq!(session.end_of_data(), Err(CommandError::OutOfSequence(To::EndOfData)));
}

#[test]
fn a_positive_reply_of_another_kind_is_bad_syntax() {
    for (command, code) in [(To::Data, 250), (To::Mail, 354), (To::Rcpt, 354), (To::Rset, 354)] {
        let mut session = if command == To::Mail { ready(EHLO_REPLY) } else { open() };
        match command {
            To::Data => session.data(),
            To::Mail => session.mail(&mail()),
            To::Rcpt => session.rcpt(&rcpt("b")),
            _ => session.rset(),
        }
        .unwrap();
        hear(&mut session, &format!("{code} odd\r\n"));
        assert_eq!(session.step(), Err(SessionError::Unexpected { to: command, code }));
        assert_eq!(session.quit(), Err(CommandError::OutOfSequence(To::Quit)));
    }
}

#[test]
fn bad_syntax_ends_the_session() {
    let mut session = Session::new();
    hear(&mut session, "SSH-2.0-OpenSSH\r\n");
    assert_eq!(session.step(), Err(SessionError::Syntax(ReplyError::NoCode)));
    assert_eq!(session.ehlo("me"), Err(CommandError::OutOfSequence(To::Ehlo)));
}

#[test]
fn a_421_ends_the_session_whatever_it_answers() {
    let mut session = open();
    session.data().unwrap();
    hear(&mut session, "421 4.3.2 closing\r\n");
    assert_eq!(code(session.step()), (To::Data, 421));
    assert_eq!(session.rset(), Err(CommandError::OutOfSequence(To::Rset)));
}

#[test]
fn a_refused_mail_leaves_no_transaction() {
    let mut session = ready(EHLO_REPLY);
    session.mail(&mail()).unwrap();
    session.rcpt(&rcpt("a")).unwrap();
    said(&mut session);
    hear(&mut session, "550 no\r\n");
    session.step().unwrap();
    assert!(!session.is_reusable(), "a reply is still to come");
    hear(&mut session, "503 no mail\r\n");
    session.step().unwrap();
    assert!(session.is_reusable());
}

#[test]
fn a_transaction_that_is_open_or_refused_at_data_needs_rset() {
    let mut session = open();
    assert!(!session.is_reusable());
    session.data().unwrap();
    said(&mut session);
    hear(&mut session, "451 later\r\n");
    session.step().unwrap();
    assert!(!session.is_reusable());
    assert_eq!(session.content(b"x"), Err(CommandError::OutOfSequence(To::EndOfData)));
    session.rset().unwrap();
    assert_eq!(said(&mut session), "RSET\r\n");
    hear(&mut session, "250 ok\r\n");
    session.step().unwrap();
    assert!(session.is_reusable());
}

#[test]
fn a_refused_rset_ends_the_session() {
    let mut session = open();
    session.rset().unwrap();
    said(&mut session);
    hear(&mut session, "500 what\r\n");
    session.step().unwrap();
    assert!(!session.is_reusable());
}

#[test]
fn no_more_transactions_are_begun_than_the_server_takes() {
    let mut session = ready("250-mx\r\n250-PIPELINING\r\n250 LIMITS MAILMAX=2\r\n");
    for expected in [true, false] {
        session.mail(&mail()).unwrap();
        said(&mut session);
        hear(&mut session, "450 later\r\n");
        session.step().unwrap();
        assert_eq!(session.is_reusable(), expected);
    }
}

#[test]
fn nothing_follows_quit() {
    let mut session = ready(EHLO_REPLY);
    session.quit().unwrap();
    assert_eq!(said(&mut session), "QUIT\r\n");
    assert_eq!(session.mail(&mail()), Err(CommandError::OutOfSequence(To::Mail)));
    hear(&mut session, "221 bye\r\n");
    assert_eq!(code(session.step()), (To::Quit, 221));
    assert!(!session.is_reusable());
}
