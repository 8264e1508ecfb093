//! Does what a server session asks, and writes a log of it.

use std::{mem, sync::Arc, vec};

use postern_proto::{
    envelope::{BodyType, MailFrom, RcptTo},
    reply::Reply,
    server::{Mechanisms, Offer, Session, Settings, Step, Turn},
};

use crate::text::escape;

/// How a driver deals with a question.
#[derive(Clone)]
pub(crate) enum Answer {
    /// It takes what it is asked for.
    Default,
    Reply(Reply),
    /// It goes on with AUTH.
    Challenge(Vec<u8>),
    /// It takes the content, then refuses it at its first piece.
    RefuseContent(Reply),
}

/// Drives a session.
pub(crate) struct Driver {
    session: Option<Session>,
    mechanisms: Mechanisms,
    answers: vec::IntoIter<Answer>,
    refusal: Option<Reply>,
    body: Vec<u8>,
    log: Vec<String>,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Hears,
    WantsTls,
    Closed,
}

impl Driver {
    /// A driver that has heard the preamble, of which the log says nothing.
    pub(crate) fn new(offer: &Offer, mechanisms: Mechanisms, preamble: &[u8], answers: Vec<Answer>) -> Self {
        let mut session = Session::new(Arc::new(Settings::new(offer.clone())));
        session.offer_mechanisms(mechanisms);
        let mut driver = Self {
            session: Some(session),
            mechanisms,
            answers: Vec::new().into_iter(),
            refusal: None,
            body: Vec::new(),
            log: Vec::new(),
            state: State::Hears,
        };
        driver.hear(preamble);
        if !preamble.is_empty() {
            driver.log.clear();
        }
        driver.answers = answers.into_iter();
        driver
    }

    /// Gives the session what the client said, and does what it wants until it wants more.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        let Some(mut session) = self.session.take() else { return };
        if self.state == State::Hears {
            session.input().extend_from_slice(bytes);
            while self.step(&mut session) {}
        }
        self.session = Some(session);
    }

    /// Does the handshake, if it is time for it.
    pub(crate) fn start_tls(&mut self) {
        if self.state == State::WantsTls {
            let mut session = self.session.take().unwrap().into_tls();
            session.offer_mechanisms(self.mechanisms);
            self.session = Some(session);
            self.state = State::Hears;
        }
    }

    pub(crate) fn log(&self) -> &[String] {
        &self.log
    }

    /// Does one step; false when there is none to do without the client.
    fn step(&mut self, session: &mut Session) -> bool {
        match session.step() {
            Step::Body(piece) => {
                self.body.extend_from_slice(piece);
                if let Some(refusal) = self.refusal.take() {
                    session.refuse_content(refusal);
                }
            }
            Step::Read => {
                self.write(session);
                return false;
            }
            Step::Flush => self.write(session),
            Step::Auth(begin, turn) => {
                let initial = begin.initial.map(|initial| format!(" [{}]", escape(&initial))).unwrap_or_default();
                self.authenticate(session, turn, &format!("? AUTH {}{initial}", begin.mechanism.name()));
            }
            Step::AuthResponse(response, turn) => self.authenticate(session, turn, &format!("? RESPONSE [{}]", escape(&response))),
            Step::AuthCancelled => {
                self.write(session);
                self.log.push("* AUTH CANCELLED".to_owned());
            }
            Step::Mail(mail, turn) => {
                self.write(session);
                let reply = self.ask(&mail_line(&mail), (250, "Sender taken"));
                session.answer(turn, reply);
            }
            Step::Rcpt(rcpt, turn) => {
                self.write(session);
                let reply = self.ask(&rcpt_line(&rcpt), (250, "Recipient taken"));
                session.answer(turn, reply);
            }
            Step::Content(turn) => {
                self.write(session);
                let reply = self.ask("? CONTENT", (250, "Unsaid"));
                session.answer(turn, reply);
            }
            Step::Message(turn) => {
                self.write(session);
                let body = mem::take(&mut self.body);
                self.log.extend(body.split_inclusive(|byte| *byte == b'\n').map(body_line));
                let question = format!("? MESSAGE {} from {}", session.protocol(), session.helo().unwrap());
                let reply = self.ask(&question, (250, "Delivered"));
                session.answer(turn, reply);
            }
            Step::Discard(refusal) => {
                self.write(session);
                self.body.clear();
                let cause = refusal.map(|reply| format!(" {}", reply.code));
                self.log.push(format!("* DISCARD{}", cause.unwrap_or_default()));
            }
            Step::NeedsTls(sender) => {
                self.write(session);
                self.log.push(format!("* NEEDS TLS <{sender}>"));
            }
            Step::StartTls => return self.stop(session, "* TLS", State::WantsTls),
            Step::Close => return self.stop(session, "* CLOSE", State::Closed),
        }
        true
    }

    /// Lets the client in, unless the answer is another.
    fn authenticate(&mut self, session: &mut Session, turn: Turn, question: &str) {
        self.write(session);
        self.log.push(question.to_owned());
        match self.answers.next() {
            Some(Answer::Challenge(challenge)) => session.challenge(turn, &challenge),
            Some(Answer::Reply(refusal)) => session.answer(turn, refusal),
            _ => session.authenticated(turn, Reply::new(235, (7, 0), "Welcome")),
        }
    }

    /// Writes the replies that wait to the log.
    fn write(&mut self, session: &mut Session) {
        let replies = String::from_utf8(session.output().to_vec()).unwrap();
        session.sent(replies.len());
        assert!(replies.is_empty() || replies.ends_with("\r\n"), "a reply ends with CRLF");
        self.log.extend(replies.split_terminator("\r\n").map(|line| format!("S: {line}")));
    }

    fn ask(&mut self, question: &str, (code, text): (u16, &'static str)) -> Reply {
        self.log.push(question.to_owned());
        match self.answers.next() {
            Some(Answer::Reply(reply)) => reply,
            Some(Answer::RefuseContent(refusal)) => {
                self.refusal = Some(refusal);
                self.body.clear();
                Reply::new(code, (0, 0), text)
            }
            Some(Answer::Challenge(_)) => panic!("only AUTH is answered with a challenge"),
            Some(Answer::Default) | None => Reply::new(code, (0, 0), text),
        }
    }

    fn stop(&mut self, session: &mut Session, event: &str, state: State) -> bool {
        self.write(session);
        self.log.push(event.to_owned());
        self.state = state;
        false
    }
}

fn mail_line(mail: &MailFrom) -> String {
    let size = mail.size.map(|size| format!(" SIZE={size}")).unwrap_or_default();
    let body = match mail.body {
        Some(BodyType::SevenBit) => " BODY=7BIT",
        Some(BodyType::EightBitMime) => " BODY=8BITMIME",
        None => "",
    };
    let smtputf8 = if mail.smtputf8 { " SMTPUTF8" } else { "" };
    let ret = mail.dsn.ret.map(|ret| format!(" RET={ret}")).unwrap_or_default();
    let envelope_id = mail.dsn.envelope_id.as_ref().map(|id| format!(" ENVID=[{id}]")).unwrap_or_default();
    format!("? MAIL <{}>{size}{body}{smtputf8}{ret}{envelope_id}", mail.path)
}

fn rcpt_line(rcpt: &RcptTo) -> String {
    let notify = rcpt.notify.map(|notify| format!(" NOTIFY={notify}")).unwrap_or_default();
    let original = rcpt.original.as_ref().map(|original| format!(" ORCPT={};[{}]", original.address_type, original.address));
    format!("? RCPT <{}>{notify}{}", rcpt.path, original.unwrap_or_default())
}

/// The line with its CRLF left out; whatever else ends it is written out.
fn body_line(line: &[u8]) -> String {
    format!("B: {}", escape(line.strip_suffix(b"\r\n").unwrap_or(line)))
}
