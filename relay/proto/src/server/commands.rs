//! What each command does.

use super::{
    auth::is_auth,
    input::Input,
    machine::{Machine, Notice},
    patience::Try,
    replies,
    settings::{AuthOffer, TlsOffer},
    state::{Envelope, Greeting, Phase, Question, Transaction},
    step::Step,
};
use crate::{
    command::{ChunkSize, CommandLine, Extensions, Framing, LineError, Verb, client_name, next_line, skip_line},
    content::ChunkReader,
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};

pub(super) type NextStep = Option<Step<'static>>;

impl Machine {
    /// One command line.
    pub(super) fn command_line(&mut self, transaction: Transaction, input: &mut Input) -> NextStep {
        self.phase = Phase::Command(transaction);
        if self.output.is_high() {
            return Some(Step::Flush);
        }
        let (length, step) = match next_line(input.unread(), self.line_limit(input.unread())) {
            Framing::Partial => (0, Some(Step::Read)),
            Framing::Line(line) if self.patience.allows(Try::Command) => (line.len() + 2, self.command(line, transaction)),
            Framing::Line(line) => {
                self.end(&replies::TOO_MANY_COMMANDS);
                (line.len() + 2, None)
            }
            Framing::Broken { error, seen } => {
                self.phase = Phase::SkipLine(transaction);
                (seen, self.bad_line(&input.unread()[..seen], error))
            }
        };
        input.take(length);
        step
    }

    /// A piece of a line that is refused already.
    pub(super) fn rest_of_line(&mut self, transaction: Transaction, input: &mut Input) -> NextStep {
        let (length, ended) = skip_line(input.unread());
        input.take(length);
        self.phase = if ended { Phase::Command(transaction) } else { Phase::SkipLine(transaction) };
        (!ended).then_some(Step::Read)
    }

    fn command(&mut self, line: &[u8], transaction: Transaction) -> NextStep {
        let CommandLine { verb, argument } = match CommandLine::parse(line) {
            Ok(command) => command,
            Err(error) => return self.bad_line(line, error),
        };
        match verb {
            Verb::Rset | Verb::Quit | Verb::StartTls if !argument.is_empty() => self.refused(&replies::usage(verb)),
            Verb::Ehlo | Verb::Helo => self.hello(verb, argument),
            Verb::StartTls => self.starttls(),
            Verb::Rset => self.reset(),
            Verb::Noop => self.done(&replies::OK),
            Verb::Quit => self.quit(),
            Verb::Bdat => self.bdat(argument, transaction),
            _ if self.tls == TlsOffer::Required => self.needs_tls(verb, argument),
            Verb::Mail => self.mail(argument, transaction),
            Verb::Rcpt => self.rcpt(argument, transaction),
            Verb::Data if !argument.is_empty() => self.refused(&replies::usage(verb)),
            Verb::Data => self.begin_data(transaction),
            Verb::Vrfy | Verb::Expn if argument.is_empty() => self.refused(&replies::usage(verb)),
            Verb::Vrfy => self.done(&replies::CANNOT_VERIFY),
            Verb::Help => self.done(&replies::HELP),
            Verb::Auth if self.offers_auth() => self.auth(argument),
            Verb::Auth if self.settings.offer.auth == AuthOffer::Required && self.tls != TlsOffer::Active => {
                self.refused(&replies::NEEDS_TLS)
            }
            Verb::Expn | Verb::Auth => self.refused(&replies::NOT_IMPLEMENTED),
        }
    }

    /// A line that is no command. Behind a BDAT that can't be read, content would be taken for commands: the session ends.
    fn bad_line(&mut self, line: &[u8], error: LineError) -> NextStep {
        if ChunkSize::may_follow(line) {
            self.end(&replies::usage(Verb::Bdat));
            return None;
        }
        match error {
            LineError::TooLong if is_auth(line) => self.refused(&replies::AUTH_LINE_TOO_LONG),
            _ => self.refused(&replies::line(error)),
        }
    }

    /// Who would have sent is told to the driver: requiring TLS turns away senders that can't do it, and people want to know whom.
    fn needs_tls(&mut self, verb: Verb, argument: &str) -> NextStep {
        if verb == Verb::Mail
            && let Ok(mail) = MailFrom::parse(argument, self.offered())
        {
            self.notice = Some(Notice::NeedsTls(mail.path));
        }
        self.refused(&replies::NEEDS_TLS)
    }

    fn hello(&mut self, verb: Verb, argument: &str) -> NextStep {
        let Some(name) = client_name(argument) else { return self.refused(&replies::usage(verb)) };
        self.discard_open();
        self.phase = Phase::Command(Transaction::None);
        let settings = &self.settings;
        let (greeting, reply) = match (verb, self.tls) {
            (Verb::Helo, _) => (Greeting::Helo(name.into()), &settings.helo),
            (_, TlsOffer::Active) => (Greeting::Ehlo(name.into()), &settings.ehlo_over_tls),
            (_, TlsOffer::Required | TlsOffer::Optional) => (Greeting::Ehlo(name.into()), &settings.ehlo_in_clear),
        };
        self.greeting = greeting;
        if verb == Verb::Ehlo && self.offers_auth() {
            return self.done(&replies::ehlo(&self.settings.offer, false, self.mechanisms));
        }
        self.output.bytes(reply);
        None
    }

    fn starttls(&mut self) -> NextStep {
        if self.tls == TlsOffer::Active {
            return self.refused(&replies::TLS_IS_UP);
        }
        self.discard_open();
        self.phase = Phase::StartTls;
        self.done(&replies::START_TLS)
    }

    fn reset(&mut self) -> NextStep {
        self.discard_open();
        self.phase = Phase::Command(Transaction::None);
        self.done(&replies::OK)
    }

    fn quit(&mut self) -> NextStep {
        self.end(&replies::GOODBYE);
        None
    }

    /// What a client may use after EHLO.
    fn offered(&self) -> Extensions {
        Extensions::Offered { dsn: self.settings.offer.dsn, auth: self.offers_auth() }
    }

    fn extensions(&self) -> Extensions {
        match self.greeting {
            Greeting::None | Greeting::Helo(_) => Extensions::None,
            Greeting::Ehlo(_) => self.offered(),
        }
    }

    fn mail(&mut self, argument: &str, transaction: Transaction) -> NextStep {
        match (&self.greeting, transaction) {
            (_, Transaction::Envelope(_) | Transaction::Chunks(..)) => return self.refused(&replies::MAIL_TWICE),
            (Greeting::None, _) => return self.refused(&replies::NEEDS_HELLO),
            (Greeting::Helo(_) | Greeting::Ehlo(_), _) => {}
        }
        self.phase = Phase::Command(Transaction::Failed);
        if self.needs_auth() {
            return self.refused(&replies::NEEDS_AUTH);
        }
        match MailFrom::parse(argument, self.extensions()) {
            Ok(mail) if mail.size.is_some_and(|size| size > self.settings.offer.max_message_bytes) => self.done(&replies::TOO_BIG),
            Ok(mail) => {
                let turn = self.ask(Question::Mail { smtputf8: mail.smtputf8 });
                Some(Step::Mail(mail, turn))
            }
            Err(error) => self.refused(&replies::argument(Verb::Mail, error)),
        }
    }

    fn rcpt(&mut self, argument: &str, transaction: Transaction) -> NextStep {
        let envelope = match transaction {
            Transaction::None => return self.refused(&replies::NEEDS_MAIL),
            Transaction::Failed => return self.done(&replies::NEEDS_MAIL),
            Transaction::Chunks(..) => return self.refused(&replies::CHUNKS_BEGAN),
            Transaction::Envelope(envelope) => envelope,
        };
        self.phase = Phase::Command(Transaction::Envelope(envelope.with_refusal()));
        match RcptTo::parse(argument, self.extensions(), envelope.smtputf8) {
            Ok(_) if envelope.recipients >= self.settings.offer.max_recipients => {
                self.patience.recipient_is_to_come_again(envelope.recipients);
                self.done(&replies::TOO_MANY_RECIPIENTS)
            }
            Ok(rcpt) => {
                let turn = self.ask(Question::Rcpt(envelope));
                Some(Step::Rcpt(rcpt, turn))
            }
            Err(error) => self.refused(&replies::argument(Verb::Rcpt, error)),
        }
    }

    fn begin_data(&mut self, transaction: Transaction) -> NextStep {
        match ready_for_content(transaction) {
            Ok(envelope) => Some(Step::Content(self.ask(Question::Data(envelope)))),
            Err(Refusal::Bad(reply)) => self.refused(&reply),
            Err(Refusal::Pipelined(reply)) => self.done(&reply),
        }
    }

    /// The chunk follows its command at once, whatever that is answered: it is read away when it can't be taken. Where its size can't be
    /// read, nobody knows where the next command begins.
    fn bdat(&mut self, argument: &str, transaction: Transaction) -> NextStep {
        let Ok(size) = ChunkSize::parse(argument) else {
            self.end(&replies::usage(Verb::Bdat));
            return None;
        };
        let (envelope, mut reader) = match self.ready_for_chunk(transaction) {
            Ok(ready) => ready,
            Err(refusal) => return self.refuse_chunk(size, refusal, transaction),
        };
        if let Err(flaw) = reader.begin(size.octets) {
            let refusal = replies::flaw(flaw);
            self.discard_for(&refusal);
            return self.refuse_chunk(size, Refusal::Pipelined(refusal), Transaction::Failed);
        }
        if matches!(transaction, Transaction::Chunks(..)) {
            // A message may come in any number of chunks; those that hold nothing lead nowhere.
            if size.octets > 0 {
                self.patience.led_on();
            }
            self.phase = Phase::Chunk { envelope, reader, left: size };
            return None;
        }
        Some(Step::Content(self.ask(Question::Chunk { envelope, reader, size })))
    }

    fn ready_for_chunk(&self, transaction: Transaction) -> Result<(Envelope, ChunkReader), Refusal> {
        match (transaction, &self.greeting) {
            _ if self.tls == TlsOffer::Required => Err(Refusal::Bad(replies::NEEDS_TLS)),
            (_, Greeting::None | Greeting::Helo(_)) => Err(Refusal::Bad(replies::NEEDS_EHLO)),
            (Transaction::Chunks(envelope, reader), _) => Ok((envelope, reader)),
            _ => Ok((ready_for_content(transaction)?, ChunkReader::new(self.settings.offer.max_message_bytes))),
        }
    }

    fn refuse_chunk(&mut self, size: ChunkSize, refusal: Refusal, then: Transaction) -> NextStep {
        let refusal = match refusal {
            Refusal::Bad(_) if !self.may_go_on() => return None,
            Refusal::Bad(reply) | Refusal::Pipelined(reply) => reply,
        };
        self.phase = Phase::DrainChunk { left: size.octets, refusal, then };
        None
    }

    pub(super) fn done(&mut self, reply: &Reply) -> NextStep {
        self.say(reply);
        None
    }

    pub(super) fn refused(&mut self, reply: &Reply) -> NextStep {
        self.refuse(reply);
        None
    }
}

/// Why content can't come now.
enum Refusal {
    /// The client is at fault.
    Bad(Reply),
    /// The client could not know: it pipelined the command behind one that was refused.
    Pipelined(Reply),
}

fn ready_for_content(transaction: Transaction) -> Result<Envelope, Refusal> {
    match transaction {
        Transaction::None => Err(Refusal::Bad(replies::NEEDS_MAIL)),
        Transaction::Failed => Err(Refusal::Pipelined(replies::NEEDS_MAIL)),
        Transaction::Chunks(..) => Err(Refusal::Bad(replies::CHUNKS_BEGAN)),
        Transaction::Envelope(envelope) if envelope.recipients > 0 => Ok(envelope),
        Transaction::Envelope(envelope) if envelope.any_refused => Err(Refusal::Pipelined(replies::NO_VALID_RECIPIENT)),
        Transaction::Envelope(_) => Err(Refusal::Bad(replies::NEEDS_RCPT)),
    }
}
