//! What ends a session that leads nowhere: bad commands, commands without a recipient, refused recipients, content without end.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

use std::sync::Arc;

use postern_proto::{
    reply::Reply,
    server::{AuthOffer, Offer, Session, Settings, Step, TlsOffer},
};

/// A session that has said EHLO, and whose driver accepts what does not begin with `bad` or `later`.
struct Talk(Session);

impl Talk {
    fn begin() -> Self {
        let offer = Offer {
            hostname: "mx.test".to_owned(),
            max_message_bytes: 1000,
            max_recipients: 1000,
            tls: TlsOffer::Optional,
            one_next_hop_per_transaction: false,
            auth: AuthOffer::Never,
            dsn: false,
        };
        let mut talk = Self(Session::new(Arc::new(Settings::new(offer))));
        talk.say("EHLO client.test");
        talk
    }

    fn say(&mut self, line: &str) -> String {
        self.hear(format!("{line}\r\n").as_bytes())
    }

    /// What is answered to `bytes`.
    fn hear(&mut self, mut bytes: &[u8]) -> String {
        let mut said = String::new();
        loop {
            let goes_on = match self.0.step() {
                Step::Rcpt(rcpt, turn) if rcpt.path.to_string().starts_with("bad") => {
                    self.0.answer(turn, Reply::new(550, (1, 1), "Unknown"));
                    true
                }
                Step::Rcpt(rcpt, turn) if rcpt.path.to_string().starts_with("later") => {
                    self.0.answer(turn, Reply::new(452, (5, 3), "In another transaction"));
                    true
                }
                Step::Mail(_, turn) | Step::Rcpt(_, turn) | Step::Content(turn) | Step::Message(turn) => {
                    self.0.answer(turn, Reply::new(250, (0, 0), "OK"));
                    true
                }
                Step::Body(_) | Step::Discard(_) | Step::NeedsTls(_) | Step::Flush => true,
                Step::Read if !bytes.is_empty() => {
                    let (piece, rest) = bytes.split_at(bytes.len().min(1024));
                    self.0.input().extend_from_slice(piece);
                    bytes = rest;
                    true
                }
                Step::Read | Step::StartTls | Step::Close => false,
            };
            said.push_str(str::from_utf8(self.0.output()).unwrap());
            self.0.sent(self.0.output().len());
            if !goes_on {
                break;
            }
        }
        if matches!(self.0.step(), Step::Close) {
            said.push_str("CLOSED");
        }
        said
    }

    fn deliver(&mut self, recipient: &str) {
        self.say("MAIL FROM:<a@x.test>");
        self.say(&format!("RCPT TO:<{recipient}>"));
        self.say("DATA");
        assert_eq!(self.say("."), "250 2.0.0 OK\r\n");
    }
}

#[test]
fn twenty_bad_commands_are_answered_and_the_next_ends_the_session() {
    let mut talk = Talk::begin();
    for _ in 0..20 {
        assert!(talk.say("NONSENSE").starts_with("500 5.5.1 "));
    }
    let last = talk.say("NONSENSE");
    assert!(last.starts_with("421 4.7.0 ") && last.ends_with("CLOSED"), "{last}");
}

#[test]
fn bad_commands_are_forgotten_with_a_message_that_was_taken() {
    let mut talk = Talk::begin();
    for _ in 0..30 {
        assert!(talk.say("NONSENSE").starts_with("500 5.5.1 "));
        talk.deliver("u@d.test");
    }
}

#[test]
fn commands_that_lead_to_no_recipient_are_bounded() {
    for command in ["NOOP", "RSET", "VRFY u", "HELP", "EHLO client.test"] {
        let mut talk = Talk::begin();
        let closed = (0..250).position(|_| talk.say(command).ends_with("CLOSED"));
        assert_eq!(closed, Some(199), "{command}");
    }
}

#[test]
fn a_session_that_delivers_may_go_on_for_ever() {
    let mut talk = Talk::begin();
    (0..300).for_each(|_| talk.deliver("u@d.test"));
}

#[test]
fn refused_recipients_are_bounded_in_the_whole_session() {
    let mut talk = Talk::begin();
    talk.say("MAIL FROM:<a@x.test>");
    for number in 0..100 {
        assert!(talk.say(&format!("RCPT TO:<bad{number}@d.test>")).starts_with("550 5.1.1 "));
        assert!(talk.say("RCPT TO:<u@d.test>").starts_with("250 "));
    }
    let last = talk.say("RCPT TO:<bad@d.test>");
    assert!(last.starts_with("421 4.7.0 ") && last.ends_with("CLOSED"), "{last}");
}

#[test]
fn a_long_list_of_which_a_part_has_to_come_again_is_borne() {
    let mut talk = Talk::begin();
    talk.say("MAIL FROM:<a@x.test>");
    talk.say("RCPT TO:<u@d.test>");
    for number in 0..500 {
        assert!(talk.say(&format!("RCPT TO:<later{number}@d.test>")).starts_with("452 4.5.3 "));
    }
    for number in 1..1000 {
        assert!(talk.say(&format!("RCPT TO:<u{number}@d.test>")).starts_with("250 "));
    }
    for number in 0..500 {
        assert!(talk.say(&format!("RCPT TO:<more{number}@d.test>")).starts_with("452 4.5.3 "));
    }
    talk.say("DATA");
    assert_eq!(talk.say("."), "250 2.0.0 OK\r\n");
}

#[test]
fn recipients_that_are_all_to_come_again_are_bounded() {
    let mut talk = Talk::begin();
    talk.say("MAIL FROM:<a@x.test>");
    let closed = (0..250).position(|_| talk.say("RCPT TO:<later@d.test>").ends_with("CLOSED"));
    assert_eq!(closed, Some(198));
}

#[test]
fn refused_content_is_read_away_only_as_far_as_a_message_could_go() {
    let mut talk = Talk::begin();
    talk.say("MAIL FROM:<a@x.test>");
    talk.say("RCPT TO:<u@d.test>");
    talk.say("DATA");
    let last = talk.hear(&b"x".repeat(100_000));
    assert!(last.starts_with("552 5.3.4 ") && last.ends_with("CLOSED"), "{last}");
}

#[test]
fn a_chunk_that_no_message_could_hold_ends_the_session_at_once() {
    let mut talk = Talk::begin();
    let last = talk.say("BDAT 18446744073709551615");
    assert!(last.starts_with("503 5.5.1 ") && last.ends_with("CLOSED"), "{last}");
}

#[test]
fn a_message_may_come_in_any_number_of_chunks_but_not_in_empty_ones() {
    let mut talk = Talk::begin();
    talk.say("MAIL FROM:<a@x.test>");
    talk.say("RCPT TO:<u@d.test>");
    for _ in 0..400 {
        assert_eq!(talk.hear(b"BDAT 2\r\nab"), "250 2.0.0 Chunk taken\r\n");
    }
    assert_eq!(talk.say("BDAT 0 LAST"), "250 2.0.0 OK\r\n");
    talk.say("MAIL FROM:<a@x.test>");
    talk.say("RCPT TO:<u@d.test>");
    let closed = (0..250).position(|_| talk.say("BDAT 0").ends_with("CLOSED"));
    assert_eq!(closed, Some(200));
}
