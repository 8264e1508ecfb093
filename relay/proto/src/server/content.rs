//! The content of a message: DATA up to its dot, BDAT chunk by chunk.

use super::{
    input::Input,
    machine::{Machine, Next},
    replies,
    state::{Envelope, Phase, Question, Transaction},
    step::Step,
};
use crate::{
    command::ChunkSize,
    content::{ChunkReader, DataReader, Ending, Flaw, Piece},
    reply::Reply,
};

impl Machine {
    /// One piece of what follows DATA.
    pub(super) fn data(&mut self, envelope: Envelope, mut reader: DataReader, input: &mut Input) -> Option<Next> {
        let (count, piece) = reader.read(input.unread());
        self.phase = Phase::Data { envelope, reader };
        let text = input.take(count);
        match piece {
            Piece::Text(_) if count == 0 => Some(Next::Step(Step::Read)),
            Piece::Text(0) => None,
            Piece::Text(length) => Some(Next::Body(text.end - length..text.end)),
            Piece::Flaw(flaw) => {
                let refusal = replies::flaw(flaw);
                self.discard_for(&refusal);
                self.phase = Phase::DrainData { reader, refusal, drained: 0 };
                None
            }
            Piece::End => Some(Next::Step(Step::Message(self.ask(Question::Message(envelope))))),
        }
    }

    /// One piece of what follows a DATA whose content is refused.
    pub(super) fn drain_data(&mut self, mut reader: DataReader, refusal: Reply, drained: u64, input: &mut Input) -> Option<Step<'static>> {
        let (count, piece) = reader.read(input.unread());
        input.take(count);
        if piece == Piece::End {
            self.phase = Phase::Command(Transaction::None);
            self.say(&refusal);
            return None;
        }
        let drained = drained + count as u64;
        if !self.is_worth_draining(drained) {
            self.end(&refusal);
            return None;
        }
        let starved = piece == Piece::Text(0) && count == 0;
        self.phase = Phase::DrainData { reader, refusal, drained };
        starved.then_some(Step::Read)
    }

    /// One piece of a chunk, or its end.
    pub(super) fn chunk(&mut self, envelope: Envelope, mut reader: ChunkReader, left: ChunkSize, input: &mut Input) -> Option<Next> {
        if left.octets == 0 {
            return self.end_of_chunk(envelope, reader, left);
        }
        let read = reader.read(up_to(left.octets, input.unread()));
        match read {
            Ok(length) => {
                self.phase = Phase::Chunk { envelope, reader, left: left.less(length) };
                Some(if length == 0 { Next::Step(Step::Read) } else { Next::Body(input.take(length)) })
            }
            Err(flaw) => self.refuse_rest_of_chunk(left, flaw),
        }
    }

    fn end_of_chunk(&mut self, envelope: Envelope, mut reader: ChunkReader, left: ChunkSize) -> Option<Next> {
        if !left.last {
            self.phase = Phase::Command(Transaction::Chunks(envelope, reader));
            self.say(&replies::CHUNK_TAKEN);
            return None;
        }
        match reader.finish() {
            Ok(Ending::Whole) => Some(Next::Step(Step::Message(self.ask(Question::Message(envelope))))),
            Ok(Ending::NeedsCrlf) => {
                self.phase = Phase::Chunk { envelope, reader, left };
                Some(Next::Step(Step::Body(b"\r\n")))
            }
            Err(flaw) => self.refuse_rest_of_chunk(left, flaw),
        }
    }

    fn refuse_rest_of_chunk(&mut self, left: ChunkSize, flaw: Flaw) -> Option<Next> {
        let refusal = replies::flaw(flaw);
        self.discard_for(&refusal);
        self.phase = Phase::DrainChunk { left: left.octets, refusal, then: Transaction::Failed };
        None
    }

    /// A piece of a chunk that is refused, or its end.
    pub(super) fn drain_chunk(&mut self, left: u64, refusal: Reply, then: Transaction, input: &mut Input) -> Option<Step<'static>> {
        if left == 0 {
            self.phase = Phase::Command(then);
            self.say(&refusal);
            return None;
        }
        if !self.is_worth_draining(left) {
            // An open transaction is to be discarded.
            self.phase = Phase::Command(then);
            self.end(&refusal);
            return None;
        }
        let count = up_to(left, input.unread()).len();
        input.take(count);
        self.phase = Phase::DrainChunk { left: left - count as u64, refusal, then };
        (count == 0).then_some(Step::Read)
    }
}

fn up_to(octets: u64, bytes: &[u8]) -> &[u8] {
    &bytes[..usize::try_from(octets).map_or(bytes.len(), |octets| octets.min(bytes.len()))]
}
