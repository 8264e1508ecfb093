//! The server session, with a client that says anything and a driver that does anything.

use std::{mem, sync::Arc};

use postern_proto::{
    reply::Reply,
    server::{AuthOffer, Mechanism, Offer, Session, Settings, Step, TlsOffer, Turn},
};

use crate::{
    conversation::{Conversation, Event},
    tape::{Tape, byte},
};

/// Most that may wait to be sent: what the session lets gather, the reply that crosses the line, and the driver's own.
const MAX_OUTPUT: usize = 4096 + 1024;
/// Most that the input buffer may hold.
const MAX_INPUT: usize = 64 * 1024;

/// Runs the session twice: with bytes that are cut and a driver that meddles, and with all bytes at once. Unless the driver meddled, the
/// two are the same. The naive server is to agree.
pub fn check(mut input: &[u8]) {
    let settings = settings(byte(&mut input));
    let (answers, cuts) = (byte(&mut input), byte(&mut input));
    let answers = Tape::cut_from(&mut input, answers);
    let cuts = Tape::cut_from(&mut input, cuts);
    let run = |cuts| {
        let mut run = Run::new(&settings, answers, cuts, input);
        run.finish();
        run
    };
    let cut = run(Some(cuts));
    cut.conversations.iter().for_each(|conversation| conversation.check(&settings));
    if !cut.meddled {
        let whole = run(None);
        assert!(cut.events().eq(whole.events()), "where the bytes are cut makes a difference");
        assert_eq!(cut.sent, whole.sent, "where the bytes are cut makes a difference to the replies");
    }
}

fn settings(choice: u8) -> Offer {
    Offer {
        hostname: "mx.test".to_owned(),
        max_message_bytes: [20, 1000, 100_000, u64::MAX][usize::from(choice >> 2 & 3)],
        max_recipients: [1, 2, 100, 100][usize::from(choice >> 4 & 3)],
        tls: [TlsOffer::Optional, TlsOffer::Required, TlsOffer::Active, TlsOffer::Optional][usize::from(choice & 3)],
        one_next_hop_per_transaction: choice & 0x40 != 0,
        auth: if choice & 0x80 == 0 { AuthOffer::Never } else { AuthOffer::Required },
        dsn: choice & 0x80 != 0,
    }
}

/// What the driver knows of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Envelope { recipients: u32 },
    Content,
}

struct Run<'a> {
    offer: &'a Offer,
    session: Session,
    answers: Tape<'a>,
    /// Where bytes are cut and what else the driver does; nothing of it if there is none.
    cuts: Option<Tape<'a>>,
    client: &'a [u8],
    /// How much of the client's bytes the session was given.
    given: usize,
    /// The one in clear, and the one over TLS.
    conversations: Vec<Conversation>,
    transaction: Transaction,
    /// An exchange of AUTH goes on.
    in_exchange: bool,
    authenticated: bool,
    body: Vec<u8>,
    /// The driver owes an answer that it does not give, or has closed.
    gave_up: bool,
    refusal: Option<Reply>,
    tls: bool,
    sent: Vec<u8>,
    /// How much of the session's output is noted already.
    noted: usize,
    /// The driver did what depends on where the bytes are cut.
    meddled: bool,
}

/// What a step of the session is, without what it borrows.
enum Owned {
    Read,
    Flush,
    Auth(Option<Vec<u8>>, Turn),
    AuthResponse(Vec<u8>, Turn),
    AuthCancelled,
    Mail(Option<u64>, String, Turn),
    Rcpt(String, Turn),
    Content(Turn),
    Body,
    Message(Turn),
    Discard(Option<Reply>),
    NeedsTls(String),
    StartTls,
    Close,
}

impl<'a> Run<'a> {
    fn new(offer: &'a Offer, answers: Tape<'a>, cuts: Option<Tape<'a>>, client: &'a [u8]) -> Self {
        let mut run = Self {
            offer,
            session: Session::new(Arc::new(Settings::new(offer.clone()))),
            answers,
            cuts,
            client,
            given: 0,
            conversations: vec![Conversation { over_tls: offer.tls == TlsOffer::Active, ..Conversation::default() }],
            transaction: Transaction::None,
            in_exchange: false,
            authenticated: false,
            body: Vec::new(),
            gave_up: false,
            refusal: None,
            tls: offer.tls == TlsOffer::Active,
            sent: Vec::new(),
            noted: 0,
            meddled: false,
        };
        run.session.offer_mechanisms(all_mechanisms().collect());
        run.note_replies();
        assert_eq!(run.conversation().events.pop(), Some(Event::Reply(220)), "a session begins with its banner");
        run
    }

    fn conversation(&mut self) -> &mut Conversation {
        self.conversations.last_mut().expect("there is one from the beginning")
    }

    fn events(&self) -> impl Iterator<Item = &[Event]> {
        self.conversations.iter().map(|conversation| conversation.events.as_slice())
    }

    fn finish(&mut self) {
        let mut steps = 0;
        while self.step() {
            self.check();
            steps += 1;
            assert!(steps < 1000 + 8 * (self.client.len() + self.sent.len()), "the session goes in circles");
        }
        self.check_sent();
    }

    /// What holds between any two steps.
    fn check(&mut self) {
        let waiting = self.session.output().len();
        assert!(waiting <= MAX_OUTPUT, "{waiting} bytes wait to be sent");
        assert_eq!(self.session.is_authenticated(), self.authenticated);
        if !self.gave_up {
            assert_eq!(self.session.in_transaction(), self.transaction != Transaction::None);
        }
    }

    /// All that was sent is replies.
    fn check_sent(&self) {
        let text = str::from_utf8(&self.sent).expect("replies are ASCII");
        assert!(text.is_empty() || text.ends_with("\r\n"));
        for line in text.split_terminator("\r\n") {
            assert!(matches!(line.as_bytes(), [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..]), "{line:?}");
            assert!(!line.contains(['\r', '\n']) && line.len() <= 510, "{line:?}");
        }
    }

    /// Does one step; false at the end.
    fn step(&mut self) -> bool {
        match self.owned_step() {
            Owned::Read => return self.read(),
            Owned::Flush => self.flush(),
            Owned::Auth(initial, turn) => {
                assert!(!self.in_exchange && self.tls && self.offer.auth == AuthOffer::Required, "AUTH out of order");
                self.authenticate(initial, turn);
            }
            Owned::AuthResponse(response, turn) => {
                assert!(self.in_exchange, "a response out of order");
                self.authenticate(Some(response), turn);
            }
            Owned::AuthCancelled => {
                assert!(mem::replace(&mut self.in_exchange, false), "nothing to forget");
                self.happened(Event::AuthCancelled);
            }
            Owned::Mail(size, path, turn) => self.mail(size, path, turn),
            Owned::Rcpt(path, turn) => self.rcpt(path, turn),
            Owned::Content(turn) => self.content(turn),
            Owned::Body => self.piece(),
            Owned::Message(turn) => self.message(turn),
            Owned::Discard(refusal) => self.discard(refusal.as_ref()),
            Owned::NeedsTls(path) => self.needs_tls(path),
            Owned::StartTls => self.start_tls(),
            Owned::Close => {
                self.flush();
                self.happened(Event::Closed);
                assert!(matches!(self.session.step(), Step::Close), "nothing comes after the end");
                assert!(self.session.output().is_empty());
                return false;
            }
        }
        true
    }

    fn owned_step(&mut self) -> Owned {
        match self.session.step() {
            Step::Read => Owned::Read,
            Step::Flush => Owned::Flush,
            Step::Auth(begin, turn) => Owned::Auth(begin.initial, turn),
            Step::AuthResponse(response, turn) => Owned::AuthResponse(response, turn),
            Step::AuthCancelled => Owned::AuthCancelled,
            Step::Mail(mail, turn) => Owned::Mail(mail.size, mail.path.to_string(), turn),
            Step::Rcpt(rcpt, turn) => Owned::Rcpt(rcpt.path.to_string(), turn),
            Step::Content(turn) => Owned::Content(turn),
            Step::Body(piece) => {
                assert!(!piece.is_empty());
                self.body.extend_from_slice(piece);
                Owned::Body
            }
            Step::Message(turn) => Owned::Message(turn),
            Step::Discard(refusal) => Owned::Discard(refusal),
            Step::NeedsTls(sender) => Owned::NeedsTls(sender.to_string()),
            Step::StartTls => Owned::StartTls,
            Step::Close => Owned::Close,
        }
    }

    fn happened(&mut self, event: Event) {
        self.note_replies();
        self.conversation().events.push(event);
    }

    fn note_replies(&mut self) {
        let output = self.session.output();
        let codes = reply_codes(&output[self.noted..]);
        self.noted = output.len();
        self.conversation().events.extend(codes.into_iter().map(Event::Reply));
    }

    /// Sends what waits, in one or two parts.
    fn flush(&mut self) {
        self.note_replies();
        self.noted = 0;
        self.sent.extend_from_slice(self.session.output());
        let waiting = self.session.output().len();
        let part = waiting.min(usize::from(self.meddle()));
        self.session.sent(part);
        self.session.sent(waiting - part);
        assert!(self.session.output().is_empty());
    }

    fn meddle(&mut self) -> u8 {
        self.cuts.as_mut().map_or(0, Tape::next)
    }

    /// Gives the session what comes next of the client's bytes: as much as it has room for, or less. False when there is nothing.
    fn read(&mut self) -> bool {
        self.flush();
        let unheard = &self.client[self.given..];
        if unheard.is_empty() {
            return false;
        }
        let size = match self.meddle() {
            0 => usize::MAX,
            255 => return self.close(),
            size => usize::from(size),
        };
        let input = self.session.input();
        let room = input.capacity() - input.len();
        assert!(room > 0 && input.capacity() <= MAX_INPUT);
        let piece = &unheard[..size.min(room).min(unheard.len())];
        input.extend_from_slice(piece);
        self.conversations.last_mut().expect("there is one from the beginning").said.extend_from_slice(piece);
        self.given += piece.len();
        true
    }

    fn close(&mut self) -> bool {
        self.session.close(&Reply::new(421, (3, 2), "Shutting down"));
        (self.meddled, self.gave_up) = (true, true);
        self.transaction = Transaction::None;
        true
    }

    /// The driver's answer; `None` when it gives none.
    fn reply(&mut self) -> Option<Reply> {
        Some(match self.answers.next() % 8 {
            3 => Reply::new(550, (7, 1), "No"),
            4 => Reply::new(451, (3, 0), "Later\nSee\nhttps://mx.test"),
            5 => Reply::new(421, (3, 2), "Going away"),
            6 => Reply::bare(350, "Odd"),
            7 => return None,
            _ => Reply::new(250, (0, 0), "Yes"),
        })
    }

    /// Answers, and tells whether the answer was positive and the session goes on.
    fn answer(&mut self, turn: Turn) -> bool {
        let Some(reply) = self.reply() else {
            drop(turn);
            self.gave_up = true;
            return false;
        };
        let positive = reply.is_positive();
        if reply.code == 421 {
            (self.gave_up, self.transaction) = (true, Transaction::None);
        }
        self.session.answer(turn, reply);
        positive
    }

    fn authenticate(&mut self, heard: Option<Vec<u8>>, turn: Turn) {
        assert!(!self.authenticated && self.transaction == Transaction::None, "AUTH out of order");
        self.happened(Event::Auth(heard));
        self.in_exchange = false;
        match self.answers.next() % 4 {
            1 => {
                self.session.challenge(turn, b"and?");
                self.in_exchange = true;
            }
            2 => {
                self.answer(turn);
            }
            _ => {
                self.session.authenticated(turn, Reply::new(235, (7, 0), "Welcome"));
                self.authenticated = true;
            }
        }
    }

    fn mail(&mut self, size: Option<u64>, path: String, turn: Turn) {
        assert!(self.session.helo().is_some(), "EHLO or HELO comes before MAIL");
        assert!(self.tls || self.offer.tls != TlsOffer::Required, "MAIL in clear");
        assert!(self.authenticated || self.offer.auth == AuthOffer::Never, "MAIL before AUTH");
        assert_eq!(self.transaction, Transaction::None, "MAIL in a transaction");
        assert!(size.is_none_or(|size| (1..=self.offer.max_message_bytes).contains(&size)));
        self.happened(Event::Asked(path));
        if self.answer(turn) {
            self.transaction = Transaction::Envelope { recipients: 0 };
        }
    }

    fn rcpt(&mut self, path: String, turn: Turn) {
        let Transaction::Envelope { recipients } = self.transaction else { panic!("RCPT out of order") };
        assert!(recipients < self.offer.max_recipients, "RCPT over the limit");
        assert!(!path.is_empty());
        self.happened(Event::Asked(path));
        if self.answer(turn) {
            self.transaction = Transaction::Envelope { recipients: recipients + 1 };
        }
        // The session may have lost patience: it ends by itself.
        self.gave_up |= !self.session.in_transaction();
    }

    fn content(&mut self, turn: Turn) {
        let Transaction::Envelope { recipients } = self.transaction else { panic!("content out of order") };
        assert!(recipients > 0, "content without a recipient");
        self.happened(Event::Content);
        self.body.clear();
        if self.answers.next() % 8 == 7 {
            self.refusal = Some(Reply::new(452, (3, 1), "Full"));
        }
        if self.answer(turn) {
            self.transaction = Transaction::Content;
        } else if !self.gave_up {
            // The refusal comes before the reply that tells it to the client.
            self.conversation().events.push(Event::Refused);
            self.transaction = Transaction::None;
        }
    }

    fn piece(&mut self) {
        assert!(self.transaction == Transaction::Content, "content out of order");
        assert!(self.body.len() as u64 <= self.offer.max_message_bytes.saturating_add(2), "content over the limit");
        if let Some(refusal) = self.refusal.take() {
            self.happened(Event::Refused);
            self.session.refuse_content(refusal);
            self.transaction = Transaction::None;
            self.meddled = true;
        }
    }

    fn message(&mut self, turn: Turn) {
        assert_eq!(self.transaction, Transaction::Content, "a message out of order");
        let body = mem::take(&mut self.body);
        self.refusal = None;
        let protocol = self.session.protocol();
        let is_extended = protocol != "SMTP";
        assert_eq!(self.tls && is_extended, protocol.trim_end_matches('A').ends_with('S'), "{protocol}");
        assert_eq!(self.authenticated && is_extended, protocol.ends_with('A'), "{protocol}");
        self.happened(Event::Message(body));
        self.answer(turn);
        if !self.gave_up {
            self.transaction = Transaction::None;
        }
    }

    fn discard(&mut self, refusal: Option<&Reply>) {
        assert_ne!(self.transaction, Transaction::None, "nothing to forget");
        assert!(refusal.is_none_or(|reply| !reply.is_positive()));
        self.happened(refusal.map_or(Event::Discarded, |reply| Event::Flawed(reply.code)));
        self.transaction = Transaction::None;
        self.refusal = None;
    }

    fn needs_tls(&mut self, path: String) {
        assert!(self.offer.tls == TlsOffer::Required && !self.tls);
        self.happened(Event::NeedsTls(path));
    }

    /// What the session has not read by now is lost. The client says it again over TLS, so that it makes no difference how much of it was
    /// given in clear.
    fn start_tls(&mut self) {
        assert!(!self.tls, "TLS over TLS");
        assert_eq!(self.transaction, Transaction::None);
        self.flush();
        self.given -= self.session.input().len();
        assert!(self.sent.ends_with(b"220 2.0.0 Go ahead with TLS\r\n"));
        let fresh = Session::new(Arc::new(Settings::new(self.offer.clone()))).into_tls();
        self.session = mem::replace(&mut self.session, fresh).into_tls();
        self.session.offer_mechanisms(all_mechanisms().collect());
        self.tls = true;
        assert!(!self.session.is_authenticated());
        self.conversations.push(Conversation { over_tls: true, ..Conversation::default() });
        assert!(self.session.output().is_empty() && self.session.input().is_empty() && self.session.helo().is_none());
    }
}

fn all_mechanisms() -> impl Iterator<Item = Mechanism> {
    use Mechanism::{External, Login, Plain, ScramSha256, ScramSha256Plus};
    [Plain, Login, External, ScramSha256, ScramSha256Plus].into_iter()
}

/// The codes of replies that are complete: of each, that of its last line.
fn reply_codes(replies: &[u8]) -> Vec<u16> {
    let lines = replies.split_inclusive(|byte| *byte == b'\n').filter(|line| line[3] == b' ');
    lines.map(|line| str::from_utf8(&line[..3]).ok().and_then(|code| code.parse().ok()).expect("a reply has a code")).collect()
}
