//! The protocol of a session, apart from its input.

use std::{mem, ops::Range, sync::Arc};

use super::{
    input::Input,
    mechanism::Mechanisms,
    output::Output,
    patience::{Patience, Try},
    replies,
    settings::{Settings, TlsOffer},
    state::{Envelope, Greeting, Phase, Question, Transaction},
    step::{Step, Turn},
};
use crate::{address::ReversePath, content::DataReader, reply::Reply};

/// So many octets of refused content are read away whatever the limit of messages is.
const LITTLE: u64 = 64 * 1024;

/// The state of a session, and the replies that wait.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) settings: Arc<Settings>,
    pub(super) tls: TlsOffer,
    /// Those that the driver has set.
    pub(super) mechanisms: Mechanisms,
    pub(super) authenticated: bool,
    pub(super) greeting: Greeting,
    pub(super) phase: Phase,
    pub(super) output: Output,
    pub(super) patience: Patience,
    /// What the driver is to be told before anything else.
    pub(super) notice: Option<Notice>,
}

/// What the driver is told, and does not answer.
#[derive(Debug)]
pub(super) enum Notice {
    /// A transaction is to be forgotten; with the reply to its content, if that is why.
    Discard(Option<Reply>),
    /// The exchange of AUTH has ended.
    AuthCancelled,
    /// A sender was refused because TLS is required.
    NeedsTls(ReversePath),
}

/// What the driver is to do, or where in the input its piece of content stands.
pub(super) enum Next {
    Step(Step<'static>),
    Body(Range<usize>),
}

impl Machine {
    pub(super) fn new(settings: Arc<Settings>, tls: TlsOffer) -> Self {
        Self {
            settings,
            tls,
            mechanisms: Mechanisms::default(),
            authenticated: false,
            greeting: Greeting::None,
            phase: Phase::Command(Transaction::None),
            output: Output::default(),
            patience: Patience::default(),
            notice: None,
        }
    }

    pub(super) fn greet(&mut self) {
        self.output.bytes(&self.settings.banner);
    }

    /// Reads on until there is something to do.
    pub(super) fn next(&mut self, input: &mut Input) -> Next {
        loop {
            match self.notice.take() {
                Some(Notice::Discard(refusal)) => return Next::Step(Step::Discard(refusal)),
                Some(Notice::AuthCancelled) => return Next::Step(Step::AuthCancelled),
                Some(Notice::NeedsTls(sender)) => return Next::Step(Step::NeedsTls(sender)),
                None => {}
            }
            if let Some(next) = self.advance(input) {
                return next;
            }
        }
    }

    /// Reads one line or one piece of content. The phase is taken out and each arm puts the next one in its place: forgotten, it would be
    /// the end of the session.
    fn advance(&mut self, input: &mut Input) -> Option<Next> {
        match mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Command(transaction) => self.command_line(transaction, input).map(Next::Step),
            Phase::SkipLine(transaction) => self.rest_of_line(transaction, input).map(Next::Step),
            Phase::AuthResponse => self.auth_response(input).map(Next::Step),
            Phase::Data { envelope, reader } => self.data(envelope, reader, input),
            Phase::DrainData { reader, refusal, drained } => self.drain_data(reader, refusal, drained, input).map(Next::Step),
            Phase::Chunk { envelope, reader, left } => self.chunk(envelope, reader, left, input),
            Phase::DrainChunk { left, refusal, then } => self.drain_chunk(left, refusal, then, input).map(Next::Step),
            Phase::Asked(question) => {
                self.phase = Phase::Asked(question);
                self.end(&replies::UNANSWERED);
                None
            }
            Phase::StartTls => {
                self.phase = Phase::StartTls;
                Some(Next::Step(Step::StartTls))
            }
            Phase::Closed => Some(Next::Step(Step::Close)),
        }
    }

    pub(super) fn ask(&mut self, question: Question) -> Turn {
        self.phase = Phase::Asked(question);
        Turn::new()
    }

    pub(super) fn answer(&mut self, reply: Reply) {
        let Phase::Asked(question) = self.phase else { return };
        if reply.code == 421 {
            return self.close(&reply);
        }
        match (question, reply.is_positive()) {
            (Question::Rcpt(_), true) => self.patience.led_on(),
            (Question::Rcpt(envelope), false) if reply.is_transient() => self.patience.recipient_is_to_come_again(envelope.recipients),
            (Question::Rcpt(_), false) if !self.patience.allows(Try::RefusedRecipient) => return self.end(&replies::TOO_MANY_REFUSED),
            (Question::Message(_), true) => self.patience.message_taken(),
            _ => {}
        }
        let command = |transaction| Phase::Command(transaction);
        let (phase, said) = match (question, reply.is_positive()) {
            (Question::Mail { smtputf8 }, true) => (command(Transaction::Envelope(Envelope::new(smtputf8))), Some(reply)),
            (Question::Mail { .. }, false) => (command(Transaction::Failed), Some(reply)),
            (Question::Rcpt(envelope), true) => (command(Transaction::Envelope(envelope.with_recipient())), Some(reply)),
            (Question::Rcpt(envelope), false) => (command(Transaction::Envelope(envelope.with_refusal())), Some(reply)),
            (Question::Data(envelope), true) => {
                let reader = DataReader::new(self.settings.offer.max_message_bytes);
                (Phase::Data { envelope, reader }, Some(replies::START_INPUT))
            }
            (Question::Chunk { envelope, reader, size }, true) => (Phase::Chunk { envelope, reader, left: size }, None),
            (Question::Chunk { size, .. }, false) => {
                (Phase::DrainChunk { left: size.octets, refusal: reply, then: Transaction::Failed }, None)
            }
            (Question::Auth | Question::Message(_), _) | (Question::Data(_), false) => (command(Transaction::None), Some(reply)),
        };
        self.phase = phase;
        if let Some(reply) = said {
            self.say(&reply);
        }
    }

    /// Reads the rest of the content away, then sends `refusal`.
    pub(super) fn refuse_content(&mut self, refusal: Reply) {
        self.phase = match mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Data { reader, .. } => Phase::DrainData { reader, refusal, drained: 0 },
            Phase::Chunk { left, .. } => Phase::DrainChunk { left: left.octets, refusal, then: Transaction::Failed },
            other => other,
        };
    }

    pub(super) fn say(&mut self, reply: &Reply) {
        self.output.reply(reply);
    }

    /// Refuses a command and counts it as bad.
    pub(super) fn refuse(&mut self, reply: &Reply) {
        if self.may_go_on() {
            self.say(reply);
        }
    }

    /// Counts a bad command; false when it was one too many, and the session has ended.
    pub(super) fn may_go_on(&mut self) -> bool {
        let may = self.patience.allows(Try::BadCommand);
        if !may {
            self.end(&replies::TOO_MANY_BAD_COMMANDS);
        }
        may
    }

    /// Forgets the transaction, if there is one that the driver knows of.
    pub(super) fn discard_open(&mut self) {
        if self.in_transaction() {
            self.notice = Some(Notice::Discard(None));
        }
    }

    /// Forgets the transaction because of its content.
    pub(super) fn discard_for(&mut self, refusal: &Reply) {
        self.notice = Some(Notice::Discard(Some(refusal.clone())));
    }

    /// Ends the session of its own accord: unlike the driver, who knows when it closes, it has to tell.
    pub(super) fn end(&mut self, reply: &Reply) {
        self.discard_open();
        self.close(reply);
    }

    pub(super) fn close(&mut self, reply: &Reply) {
        self.say(reply);
        self.phase = Phase::Closed;
    }

    /// Whether so much refused content is still worth reading. A client that sends far more than any message may hold is cut.
    pub(super) fn is_worth_draining(&self, octets: u64) -> bool {
        octets <= self.settings.offer.max_message_bytes.saturating_mul(2).max(LITTLE)
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.phase.envelope().is_some()
    }
}
