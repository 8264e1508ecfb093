//! The header firewall: fields that only we or the mail server behind us may write don't come in from outside.

use std::mem;

use memchr::memchr;
use postern_config::{DomainName, Tenant};
use postern_proto::reply::Reply;

use super::{
    completion::Completion,
    field::{Head, MAX_HEAD_BYTES, Rules, judge},
};

/// Longest header section, in bytes, with what is stripped from it and the empty line: 256 KiB.
pub const MAX_HEADER_BYTES: usize = 256 * 1024;

/// Most Received fields; a message with more goes round in a loop (RFC 5321 section 6.3).
pub const MAX_RECEIVED_FIELDS: u32 = 100;

/// Why a message is refused for its header section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More than [`MAX_RECEIVED_FIELDS`].
    #[error("over {MAX_RECEIVED_FIELDS} Received fields")]
    Loop,
    /// It does not say that it comes from a tenant of ours.
    #[error("not of a tenant that is trusted")]
    ForeignTenant,
    /// Longer than [`MAX_HEADER_BYTES`].
    #[error("header section over {MAX_HEADER_BYTES} bytes")]
    TooLong,
}

/// Strips forbidden fields out of a message that comes in pieces, and passes all else byte for byte.
///
/// Stripped are, each with its continuation lines: `X-MS-Exchange-Organization-*` and `X-MS-Exchange-Forest-*`, which Exchange believes,
/// and Authentication-Results that name this relay's host (RFC 8601 section 5). Memory is bounded: what can't be decided yet, at most
/// 2 KiB, is kept between pieces; nothing else is copied.
#[derive(Debug)]
pub struct HeaderFirewall {
    rules: Rules,
    /// What is added at the end of the header section to a message that lacks it.
    completion: Option<Completion>,
    names_tenant: bool,
    place: Place,
    fate: Fate,
    /// The start of a line that is not decided yet, or that was decided to pass and is lent out.
    kept: Vec<u8>,
    lent: bool,
    header_bytes: usize,
    received: u32,
    stripped: u32,
}

/// Where the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the header section at the start of a line.
    LineStart,
    /// In a line of the header section whose field is decided.
    InLine,
    /// After the header section.
    Body,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Pass,
    Strip,
}

impl HeaderFirewall {
    /// A firewall for one message. `host` is the name that our own Authentication-Results would bear.
    #[must_use]
    pub fn new(host: DomainName) -> Self {
        // A line that continues no field of the message would continue the one that we put before it: it goes.
        Self {
            rules: Rules { host, tenant: None },
            completion: None,
            names_tenant: false,
            place: Place::LineStart,
            fate: Fate::Strip,
            kept: Vec::new(),
            lent: false,
            header_bytes: 0,
            received: 0,
            stripped: 0,
        }
    }

    /// The same, adding what the message lacks.
    #[must_use]
    pub fn completing(self, completion: Completion) -> Self {
        Self { completion: Some(completion), ..self }
    }

    /// The same, refusing what is not of the tenant.
    #[must_use]
    pub fn requiring(mut self, tenant: Option<Tenant>) -> Self {
        self.rules.tenant = tenant;
        self
    }

    /// Takes bytes off the front of `piece` and gives the next of them that pass; `None` when the piece is used up.
    ///
    /// After an error the message is to be refused, and nothing more is to be asked.
    pub fn next<'s, 'p: 's>(&'s mut self, piece: &mut &'p [u8]) -> Result<Option<&'s [u8]>, HeaderError> {
        if mem::take(&mut self.lent) {
            self.kept.clear();
        }
        if !self.kept.is_empty() && !piece.is_empty() {
            self.decide_kept(piece)?;
        }
        if self.lent {
            return Ok(Some(&self.kept));
        }
        let run = self.next_run(piece)?;
        if self.lent {
            return Ok(Some(&self.kept));
        }
        Ok((!run.is_empty()).then_some(run))
    }

    /// Ends the message: gives what passes of the bytes that were not decided yet, and what it lacks if its header section did not end.
    ///
    /// # Errors
    /// [`HeaderError::ForeignTenant`].
    pub fn finish(&mut self) -> Result<&[u8], HeaderError> {
        if mem::replace(&mut self.lent, true) {
            self.kept.clear();
        }
        let undecided = self.kept.len();
        self.kept.extend_from_slice(b"\r\n\r\n");
        let head = judge(&self.kept, &self.rules);
        self.kept.truncate(undecided);
        if head == Some(Head::Forbidden) {
            self.stripped += 1;
            self.kept.clear();
        } else if let Some(head) = head {
            self.note(head)?;
        }
        if self.place != Place::Body {
            self.check_tenant()?;
            let addition = self.addition();
            self.kept.extend(addition);
        }
        Ok(&self.kept)
    }

    /// Fields that were stripped so far.
    #[must_use]
    pub fn stripped(&self) -> u32 {
        self.stripped
    }

    /// Looks at the bytes that were kept together with those that follow them, and lends them out if they pass.
    fn decide_kept(&mut self, piece: &mut &[u8]) -> Result<(), HeaderError> {
        let kept = self.kept.len();
        let ahead = piece.len().min(MAX_HEAD_BYTES - kept);
        self.kept.extend_from_slice(&piece[..ahead]);
        let Some(head) = judge(&self.kept, &self.rules) else {
            *piece = &[];
            return self.measure(ahead);
        };
        self.kept.truncate(kept);
        self.settle(head)?;
        if head == Head::End {
            let addition = self.addition();
            self.kept.splice(..0, addition);
        }
        if self.place == Place::InLine && self.kept.ends_with(b"\n") {
            self.place = Place::LineStart;
        }
        match self.fate {
            Fate::Pass => self.lent = true,
            Fate::Strip => self.kept.clear(),
        }
        Ok(())
    }

    /// The next bytes that pass as they stand in the piece.
    fn next_run<'p>(&mut self, piece: &mut &'p [u8]) -> Result<&'p [u8], HeaderError> {
        let mut run = *piece;
        let mut len = 0;
        while len < run.len() {
            let rest = &run[len..];
            if self.lacks_before(rest) {
                if len == 0 {
                    self.kept = self.addition();
                    self.lent = true;
                }
                *piece = rest;
                return Ok(&run[..len]);
            }
            let (segment, passes) = self.next_segment(rest)?;
            if passes {
                len += segment;
            } else if len == 0 {
                run = &rest[segment..];
            } else {
                *piece = &rest[segment..];
                return Ok(&run[..len]);
            }
        }
        *piece = &[];
        Ok(run)
    }

    /// How many of these bytes share one fate: up to the end of a line in the header section, all of them after it. What is not decided
    /// yet is kept, and does not pass for the moment.
    fn next_segment(&mut self, rest: &[u8]) -> Result<(usize, bool), HeaderError> {
        if self.place == Place::LineStart {
            let Some(head) = judge(rest, &self.rules) else {
                self.kept.extend_from_slice(rest);
                self.measure(rest.len())?;
                return Ok((rest.len(), false));
            };
            self.settle(head)?;
        }
        if self.place == Place::Body {
            return Ok((rest.len(), true));
        }
        let line_end = memchr(b'\n', rest);
        let len = line_end.map_or(rest.len(), |at| at + 1);
        self.place = if line_end.is_some() { Place::LineStart } else { Place::InLine };
        self.measure(len)?;
        Ok((len, self.fate == Fate::Pass))
    }

    fn settle(&mut self, head: Head) -> Result<(), HeaderError> {
        self.place = Place::InLine;
        self.note(head)?;
        match head {
            Head::Continuation => {}
            Head::End => {
                self.check_tenant()?;
                (self.place, self.fate) = (Place::Body, Fate::Pass);
            }
            Head::Date | Head::MessageId | Head::Tenant(_) | Head::Other => self.fate = Fate::Pass,
            Head::Received => {
                self.fate = Fate::Pass;
                self.received += 1;
                if self.received > MAX_RECEIVED_FIELDS {
                    return Err(HeaderError::Loop);
                }
            }
            Head::Forbidden => {
                self.fate = Fate::Strip;
                self.stripped += 1;
            }
        }
        Ok(())
    }

    /// Notes a field that the message has.
    fn note(&mut self, head: Head) -> Result<(), HeaderError> {
        if let Some(completion) = &mut self.completion {
            completion.note(head);
        }
        match head {
            Head::Tenant(false) => Err(HeaderError::ForeignTenant),
            Head::Tenant(true) => {
                self.names_tenant = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The header section is over.
    fn check_tenant(&self) -> Result<(), HeaderError> {
        if self.rules.tenant.is_some() && !self.names_tenant { Err(HeaderError::ForeignTenant) } else { Ok(()) }
    }

    /// Takes what the message lacks.
    fn addition(&mut self) -> Vec<u8> {
        self.completion.as_mut().map(Completion::take).unwrap_or_default()
    }

    /// Whether the header section ends with the line that `rest` begins with, and something must stand before it.
    fn lacks_before(&self, rest: &[u8]) -> bool {
        self.place == Place::LineStart
            && self.completion.as_ref().is_some_and(Completion::is_due)
            && judge(rest, &self.rules) == Some(Head::End)
    }

    fn measure(&mut self, bytes: usize) -> Result<(), HeaderError> {
        self.header_bytes += bytes;
        if self.header_bytes > MAX_HEADER_BYTES { Err(HeaderError::TooLong) } else { Ok(()) }
    }
}

impl HeaderError {
    /// What the client hears in place of an answer to its message.
    #[must_use]
    pub fn reply(self) -> Reply {
        match self {
            Self::Loop => Reply::new(554, (4, 6), "Routing loop: too many Received fields"),
            Self::TooLong => Reply::new(552, (3, 4), "Header section is too long"),
            Self::ForeignTenant => Reply::new(550, (7, 1), "This tenant may not send here"),
        }
    }
}

impl From<HeaderError> for Reply {
    fn from(error: HeaderError) -> Self {
        error.reply()
    }
}
