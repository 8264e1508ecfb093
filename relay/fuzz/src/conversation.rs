//! A second opinion: reads all that the client said again, slowly and plainly, and holds it against what the session made of it.

use std::{iter::Peekable, vec::IntoIter};

use postern_proto::server::{AuthOffer, Offer, TlsOffer};

use crate::{
    base64,
    naive::{self, Outcome},
};

/// Longest line that is taken, without its CRLF.
const MAX_LINE: usize = 2046;
/// The same in an exchange of AUTH.
const MAX_AUTH_LINE: usize = 12_286;
/// Exchanges of AUTH that may fail.
const MAX_EXCHANGES: u32 = 3;

/// Chunks up to this size are always read away, even when they are refused.
const LITTLE: u64 = 64 * 1024;

/// What a session did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It gave a reply of this code.
    Reply(u16),
    /// It gave the driver what the client says in an exchange of AUTH, if it says something.
    Auth(Option<Vec<u8>>),
    /// It told the driver to forget the exchange.
    AuthCancelled,
    /// It asked for a sender or a recipient.
    Asked(String),
    /// It asked whether content may come.
    Content,
    /// The driver refused the content.
    Refused,
    /// It gave a message to deliver.
    Message(Vec<u8>),
    /// It found the content at fault, and will give a reply of this code.
    Flawed(u16),
    /// It told the driver to forget the transaction.
    Discarded,
    /// It told the driver of a sender who needs TLS.
    NeedsTls(String),
    /// It ended.
    Closed,
}

/// What was said and done until TLS started or the session ended.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) over_tls: bool,
    pub(crate) said: Vec<u8>,
    pub(crate) events: Vec<Event>,
}

impl Conversation {
    /// Panics unless the events are those that the client's words call for.
    pub(crate) fn check(&self, offer: &Offer) {
        let events: Vec<_> = self.events.iter().filter(|event| !matches!(event, Event::Discarded | Event::NeedsTls(_))).collect();
        let replay = Replay {
            unread: &self.said,
            events: events.into_iter().peekable(),
            limit: offer.max_message_bytes,
            clear: !self.over_tls,
            tls_required: !self.over_tls && offer.tls == TlsOffer::Required,
            auth_required: offer.auth == AuthOffer::Required,
            exchanges: 0,
            authenticated: false,
            greeting: Greeting::None,
            recipients: None,
            chunks: None,
        };
        replay.check();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Greeting {
    None,
    Helo,
    Ehlo,
}

/// The naive server.
struct Replay<'a> {
    unread: &'a [u8],
    events: Peekable<IntoIter<&'a Event>>,
    limit: u64,
    clear: bool,
    tls_required: bool,
    auth_required: bool,
    /// Those of AUTH that have begun.
    exchanges: u32,
    authenticated: bool,
    greeting: Greeting,
    /// Those of the open transaction.
    recipients: Option<u32>,
    /// What came with BDAT in the open transaction.
    chunks: Option<Vec<u8>>,
}

impl<'a> Replay<'a> {
    fn check(mut self) {
        while !self.has_ended() {
            let Some(end) = find_crlf(self.unread) else { return self.end_within_line() };
            let line = &self.unread[..end];
            self.unread = &self.unread[end + 2..];
            if !self.line(line) {
                break;
            }
        }
    }

    /// Whether nothing is left but the end: a session may close at any time, with or without a reply.
    fn has_ended(&self) -> bool {
        let mut left = self.events.clone();
        let (first, second, third) = (left.next(), left.next(), left.next());
        matches!((first, second, third), (Some(Event::Closed), None, _) | (Some(Event::Reply(421)), Some(Event::Closed), None))
    }

    fn end_within_line(mut self) {
        if self.is_broken(self.unread.strip_suffix(b"\r").unwrap_or(self.unread)) {
            self.events.next_if(|event| matches!(event, Event::Reply(500 | 501)));
        }
        assert!(self.has_ended() || self.events.peek().is_none(), "nobody asked for {:?}", self.events.collect::<Vec<_>>());
    }

    /// One command; false when it is the last.
    fn line(&mut self, line: &[u8]) -> bool {
        let is_command = !self.is_broken(line) && str::from_utf8(line).is_ok_and(|line| !line.contains(char::is_control));
        if !is_command {
            return self.bad_line(line);
        }
        let (verb, argument) = match line.iter().position(|byte| *byte == b' ') {
            Some(space) => (&line[..space], line[space..].trim_ascii()),
            None => (line, &b""[..]),
        };
        match (verb.to_ascii_uppercase().as_slice(), argument) {
            (b"EHLO", _) => self.hello(Greeting::Ehlo),
            (b"HELO", _) => self.hello(Greeting::Helo),
            (b"MAIL", _) => self.mail(),
            (b"RCPT", _) => self.rcpt(),
            (b"DATA", b"") => return self.data(),
            (b"BDAT", _) => return self.bdat(argument),
            (b"AUTH", _) if self.offers_auth() => return self.auth(argument),
            (b"RSET", b"") => {
                assert_eq!(self.reply(), 250);
                self.forget();
            }
            (b"STARTTLS", b"") => return self.start_tls(),
            (b"QUIT", b"") => {
                assert_eq!(self.reply(), 221);
                assert!(self.has_ended(), "QUIT ends the session");
                return false;
            }
            _ => {
                self.reply();
            }
        }
        true
    }

    fn bad_line(&mut self, line: &[u8]) -> bool {
        let code = self.reply();
        if line.len() >= 5 && line[..4].eq_ignore_ascii_case(b"BDAT") && !line[4].is_ascii_alphanumeric() {
            assert!(code == 501 && self.has_ended(), "nobody can tell where this chunk ends");
            return false;
        }
        assert!(matches!(code, 500 | 501), "a broken line is refused");
        true
    }

    fn offers_auth(&self) -> bool {
        self.auth_required && !self.clear
    }

    fn is_broken(&self, line: &[u8]) -> bool {
        let is_auth = line.len() >= 5 && line[..5].eq_ignore_ascii_case(b"AUTH ");
        is_broken(line, if is_auth && self.offers_auth() { MAX_AUTH_LINE } else { MAX_LINE })
    }

    /// AUTH, and what the client says in its exchange; false when it is the last.
    fn auth(&mut self, argument: &[u8]) -> bool {
        let Some(Event::Auth(initial)) = self.events.next_if(|event| matches!(event, Event::Auth(_))) else {
            assert!(self.reply() >= 400, "nobody is let in whom the driver was not asked for");
            return true;
        };
        assert!(self.greeting == Greeting::Ehlo && !self.authenticated && self.exchanges < MAX_EXCHANGES, "AUTH stands in its place");
        self.exchanges += 1;
        let said = argument.iter().position(|byte| *byte == b' ').map(|space| argument[space..].trim_ascii());
        let heard = initial.as_ref().map(|initial| if initial.is_empty() { b"=".to_vec() } else { base64::encode(initial) });
        assert_eq!(heard.as_deref(), said, "the initial response is what the client said");
        loop {
            if self.has_ended() {
                return false;
            }
            match self.reply() {
                334 => {}
                code => {
                    self.authenticated = code == 235;
                    return true;
                }
            }
            let Some(end) = find_crlf(self.unread) else { return self.end_within_response() };
            let line = &self.unread[..end];
            self.unread = &self.unread[end + 2..];
            if !self.response(line) {
                return true;
            }
        }
    }

    /// One response; false when the exchange is over with it.
    fn response(&mut self, line: &[u8]) -> bool {
        if self.has_ended() {
            return true;
        }
        let code = match base64::decode(line) {
            _ if is_broken(line, MAX_AUTH_LINE) => 500,
            Some(response) => {
                assert_eq!(self.events.next(), Some(&Event::Auth(Some(response))), "the response is what the client said");
                return true;
            }
            None => 501,
        };
        assert_eq!(self.reply(), code, "a response that can't be read ends the exchange");
        assert!(self.take(&Event::AuthCancelled), "the driver hears of it");
        false
    }

    fn end_within_response(&mut self) -> bool {
        if is_broken(self.unread.strip_suffix(b"\r").unwrap_or(self.unread), MAX_AUTH_LINE) && self.take(&Event::Reply(500)) {
            assert!(self.take(&Event::AuthCancelled), "the driver hears of it");
        }
        assert!(self.has_ended() || self.events.peek().is_none(), "nobody asked for {:?}", self.events.peek());
        false
    }

    /// The reply that must come next.
    fn reply(&mut self) -> u16 {
        match self.events.next() {
            Some(Event::Reply(code)) => *code,
            other => panic!("a reply is due instead of {other:?}, before {:?}", self.unread),
        }
    }

    fn take(&mut self, event: &Event) -> bool {
        self.events.next_if(|next| *next == event).is_some()
    }

    fn take_question(&mut self) -> bool {
        self.events.next_if(|next| matches!(next, Event::Asked(_))).is_some()
    }

    fn forget(&mut self) {
        self.recipients = None;
        self.chunks = None;
    }

    fn hello(&mut self, greeting: Greeting) {
        if self.reply() == 250 {
            self.greeting = greeting;
            self.forget();
        }
    }

    fn mail(&mut self) {
        let asked = self.take_question();
        if asked {
            assert!(self.greeting != Greeting::None && self.recipients.is_none() && !self.tls_required, "MAIL stands in its place");
            assert!(self.authenticated || !self.auth_required, "MAIL comes after AUTH");
        }
        if self.is_taken(asked) {
            self.recipients = Some(0);
        }
    }

    fn rcpt(&mut self) {
        let asked = self.take_question();
        let recipients = self.recipients;
        assert!(!asked || recipients.is_some() && self.chunks.is_none(), "RCPT stands in its place");
        if self.is_taken(asked) {
            self.recipients = recipients.map(|count| count + 1);
        }
    }

    /// Whether the next reply says yes. Only the driver may say so.
    fn is_taken(&mut self, asked: bool) -> bool {
        if self.has_ended() {
            return false;
        }
        let taken = self.reply() < 400;
        assert!(asked || !taken, "nobody takes what the driver was not asked for");
        taken
    }

    fn start_tls(&mut self) -> bool {
        let starts = self.reply() == 220;
        assert_eq!(starts, self.clear, "STARTTLS is for a session in clear");
        assert!(!starts || self.events.peek().is_none(), "nothing comes between STARTTLS and TLS");
        !starts
    }

    fn data(&mut self) -> bool {
        if self.take(&Event::Content) {
            assert!(self.recipients.is_some_and(|count| count > 0) && self.chunks.is_none(), "DATA stands in its place");
            if self.take(&Event::Refused) {
                self.forget();
            }
        }
        if self.has_ended() {
            return false;
        }
        if self.reply() != 354 {
            return true;
        }
        assert!(self.recipients.is_some(), "DATA is taken for somebody");
        self.forget();
        let refused = self.take(&Event::Refused);
        let (verdict, rest) = match naive::data(self.unread) {
            Outcome::Unfinished => return self.unfinished(refused, 0),
            Outcome::Content(content, rest) if content.len() as u64 <= self.limit => (Verdict::Sound(content), rest),
            Outcome::Content(_, rest) => (Verdict::Flawed(&[552]), rest),
            Outcome::Refused(rest) => (Verdict::Flawed(&[554, 552]), rest),
        };
        if self.has_ended() {
            return false;
        }
        self.unread = &self.unread[self.unread.len() - rest.len()..];
        self.end(if refused { Verdict::Refused } else { verdict });
        true
    }

    /// The client stopped within the content. A chunk of great `size` is not read away: the session ends with its refusal.
    fn unfinished(&mut self, refused: bool, size: u64) -> bool {
        if !refused {
            self.events.next_if(|event| matches!(event, Event::Flawed(552 | 554)));
        }
        if size > LITTLE && self.events.next_if(|event| matches!(event, Event::Reply(400..))).is_some() {
            assert!(self.has_ended(), "a chunk that is not read away is the end");
        }
        assert!(self.events.peek().is_none() || self.has_ended(), "nobody asked for {:?}", self.events.clone().collect::<Vec<_>>());
        false
    }

    /// The content has come to its end.
    fn end(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Sound(content) if !self.take(&Event::Refused) => {
                assert_eq!(self.events.next(), Some(&Event::Message(content)));
                if !self.has_ended() {
                    self.reply();
                }
                return;
            }
            Verdict::Sound(_) | Verdict::Refused => {}
            Verdict::Flawed(codes) => self.flaw(codes),
        }
        if !self.has_ended() {
            assert!(self.reply() >= 400, "refused content is not taken");
        }
    }

    /// Content at fault is refused, by the driver or else with the reply that fits.
    fn flaw(&mut self, codes: &[u16]) {
        let flawed = match self.events.next() {
            Some(Event::Refused) => return,
            Some(Event::Flawed(code)) => *code,
            other => panic!("the content is at fault, and here is {other:?}"),
        };
        assert!(codes.contains(&flawed), "{flawed} is none of {codes:?}");
        assert!(self.has_ended() || self.events.peek() == Some(&&Event::Reply(flawed)), "the reply fits the flaw");
    }

    fn bdat(&mut self, argument: &[u8]) -> bool {
        let Some((size, last)) = chunk_size(argument) else {
            assert!(self.reply() == 501 && self.has_ended(), "nobody can tell where this chunk ends");
            return false;
        };
        let asked = self.take(&Event::Content);
        let refused_at_once = asked && self.take(&Event::Refused);
        assert!(!asked || self.recipients.is_some_and(|count| count > 0) && self.chunks.is_none(), "BDAT stands in its place");
        if asked {
            self.chunks = Some(Vec::new());
        }
        if self.has_ended() {
            return false;
        }
        let whole = usize::try_from(size).is_ok_and(|size| size <= self.unread.len());
        let refused = refused_at_once || self.take(&Event::Refused);
        if !whole {
            return self.unfinished(refused, size);
        }
        let (chunk, rest) = self.unread.split_at(usize::try_from(size).unwrap_or(usize::MAX));
        self.unread = rest;
        self.chunk(chunk, last, refused)
    }

    fn chunk(&mut self, chunk: &'a [u8], last: bool, refused: bool) -> bool {
        let Some(mut content) = self.chunks.take() else {
            self.refused_chunk(chunk.len());
            return true;
        };
        content.extend_from_slice(chunk);
        let recipients = self.recipients.take();
        if last {
            self.end(if refused { Verdict::Refused } else { self.whole(&content) });
        } else if refused || self.take(&Event::Refused) {
            self.end(Verdict::Refused);
        } else if self.may_go_on(&content) {
            if !self.has_ended() {
                assert_eq!(self.reply(), 250, "a sound chunk is taken");
            }
            (self.chunks, self.recipients) = (Some(content), recipients);
        } else {
            self.end(Verdict::Flawed(&[552, 554]));
        }
        true
    }

    /// A chunk out of place, or a first one that is too big.
    fn refused_chunk(&mut self, size: usize) {
        if self.take(&Event::Flawed(552)) {
            assert!(size as u64 > self.limit && self.recipients.take().is_some_and(|count| count > 0), "the chunk is too big");
        }
        assert!(self.has_ended() || self.reply() >= 400, "such a chunk is not taken");
    }

    fn whole(&self, content: &[u8]) -> Verdict {
        // The CRLF that completes the content does not count against the limit.
        let too_big = content.len() as u64 > self.limit;
        match naive::chunks(content) {
            Outcome::Content(content, _) if !too_big => Verdict::Sound(content),
            Outcome::Content(..) => Verdict::Flawed(&[552]),
            _ if too_big => Verdict::Flawed(&[552, 554]),
            _ => Verdict::Flawed(&[554]),
        }
    }

    /// Whether another chunk may follow. A CR that ends this one may have its LF in the next.
    fn may_go_on(&self, content: &[u8]) -> bool {
        let settled = content.strip_suffix(b"\r").unwrap_or(content);
        content.len() as u64 <= self.limit && !matches!(naive::chunks(settled), Outcome::Refused(_))
    }
}

/// What the naive reader thinks of content.
enum Verdict {
    Sound(Vec<u8>),
    /// The reply must have one of these codes.
    Flawed(&'static [u16]),
    /// The driver did not want it.
    Refused,
}

fn find_crlf(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|window| window == b"\r\n")
}

fn is_broken(line: &[u8], limit: usize) -> bool {
    line.len() > limit || line.contains(&b'\r') || line.contains(&b'\n')
}

/// `SIZE` or `SIZE LAST`, where the size fits in 64 bits.
fn chunk_size(argument: &[u8]) -> Option<(u64, bool)> {
    let words: Vec<_> = str::from_utf8(argument).ok()?.split(' ').filter(|word| !word.is_empty()).collect();
    let (size, last) = match words[..] {
        [size] => (size, false),
        [size, last] if last.eq_ignore_ascii_case("LAST") => (size, true),
        _ => return None,
    };
    let size = size.bytes().all(|byte| byte.is_ascii_digit()).then(|| size.parse().ok())??;
    Some((size, last))
}
