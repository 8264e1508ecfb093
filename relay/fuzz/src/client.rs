//! The client session, with a server that says anything and a driver that asks anything.

use std::collections::VecDeque;

use postern_proto::{
    address::{ForwardPath, ReversePath},
    client::{CommandError, Event, Session, To},
    envelope::{MailFrom, RcptTo},
};

use crate::tape::{Tape, byte};

/// Most that the input buffer may hold: one reply that is too long, and one read.
const MAX_INPUT: usize = 16 * 1024;

/// Lets the driver ask what its tape says, and hear what the rest of the input says.
pub fn check(mut input: &[u8]) {
    let length = byte(&mut input);
    let tape = Tape::cut_from(&mut input, length);
    Run { session: Session::new(), tape, unheard: input, heard: Vec::new(), asked: VecDeque::from([To::Connect]), answers: 0 }.finish();
}

struct Run<'a> {
    session: Session,
    tape: Tape<'a>,
    unheard: &'a [u8],
    /// What the server said since the connection or TLS began.
    heard: Vec<u8>,
    /// What was asked and is not answered.
    asked: VecDeque<To>,
    /// Replies since the connection or TLS began.
    answers: usize,
}

/// How it goes on.
#[derive(PartialEq, Eq)]
enum Then {
    Ask,
    Hear,
    End,
}

impl Run<'_> {
    fn finish(&mut self) {
        loop {
            let then = if self.tape.next().is_multiple_of(2) { self.hear() } else { self.ask() };
            if then == Then::End || self.unheard.is_empty() && then == Then::Hear {
                return;
            }
        }
    }

    /// Takes one reply, or reads some bytes.
    fn hear(&mut self) -> Then {
        let written = self.session.output().is_empty();
        match self.session.step() {
            Ok(Event::Read) => {
                self.write();
                self.read();
                Then::Hear
            }
            Ok(Event::Reply(to, reply)) => {
                let expected = self.asked.pop_front();
                assert!(expected == Some(to) || expected.is_none() && to == To::EndOfData && !reply.is_positive());
                assert!(written || !reply.is_positive(), "a command is not answered before it is written");
                self.answers += 1;
                assert_eq!(Some(reply.code), code(&self.heard, self.answers), "the replies come in order");
                if to == To::StartTls && reply.is_positive() {
                    self.start_tls();
                }
                Then::Ask
            }
            Err(_) => {
                assert!(!self.session.is_reusable(), "nothing is reused after an error");
                assert!(matches!(self.session.mail(&mail()), Err(CommandError::OutOfSequence(_) | CommandError::Unsolicited)));
                Then::End
            }
        }
    }

    fn write(&mut self) {
        let waiting = self.session.output().len();
        let part = waiting.min(usize::from(self.tape.next()));
        self.session.sent(part);
        if self.tape.next() % 4 != 3 {
            self.session.sent(waiting - part);
            assert!(self.session.output().is_empty());
        }
    }

    fn read(&mut self) {
        let input = self.session.input();
        let room = input.capacity() - input.len();
        assert!(room > 0 && input.capacity() <= MAX_INPUT, "{}", input.capacity());
        let size = match self.tape.next() {
            0 => room,
            size => usize::from(size),
        };
        let (piece, rest) = self.unheard.split_at(size.min(room).min(self.unheard.len()));
        input.extend_from_slice(piece);
        self.heard.extend_from_slice(piece);
        self.unheard = rest;
    }

    fn start_tls(&mut self) {
        let fresh = Session::new();
        self.session = std::mem::replace(&mut self.session, fresh).into_tls();
        self.heard.clear();
        self.asked.clear();
        self.answers = 0;
        assert!(self.session.input().is_empty() && self.session.output().is_empty() && !self.session.is_reusable());
    }

    fn ask(&mut self) -> Then {
        let (to, asked) = match self.tape.next() % 10 {
            0 => (To::Ehlo, self.session.ehlo("relay.test")),
            1 => (To::StartTls, self.session.starttls()),
            2 | 3 => (To::Mail, self.session.mail(&mail())),
            4 | 5 => (To::Rcpt, self.session.rcpt(&RcptTo::new(ForwardPath::Postmaster))),
            6 => (To::Data, self.session.data()),
            7 => {
                if self.session.content(b".a\r\n.").is_err() {
                    return Then::Ask;
                }
                (To::EndOfData, self.session.end_of_data())
            }
            8 => (To::Rset, self.session.rset()),
            _ => (To::Quit, self.session.quit()),
        };
        if asked.is_ok() {
            self.asked.push_back(to);
        }
        Then::Ask
    }
}

fn mail() -> MailFrom {
    MailFrom::new(ReversePath::Null)
}

/// The code of the n-th reply, from the first three bytes of the lines that end one.
fn code(heard: &[u8], number: usize) -> Option<u16> {
    let last_lines = heard.split_inclusive(|byte| *byte == b'\n').filter(|line| line.get(3) != Some(&b'-'));
    let line = last_lines.take(number).last()?;
    str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}
