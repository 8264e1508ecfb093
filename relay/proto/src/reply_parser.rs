//! Reads the replies of a server (RFC 5321 section 4.2), in bounded space, and makes them fit to be passed on.

use std::{borrow::Cow, str};

use memchr::{memchr, memchr2};

use crate::reply::{EnhancedCode, Reply};

/// Longest line that is taken, CRLF included. RFC 5321 section 4.5.3.1.5 allows 512; some servers do not keep to that.
pub const MAX_LINE_BYTES: usize = 2048;
/// Most lines of one reply.
pub const MAX_LINES: usize = 128;
/// Most bytes of one reply.
pub const MAX_REPLY_BYTES: usize = 64 * 1024;
/// Most characters of text that a [`Reply`] keeps; with codes and CRLF it fits a line of 512 octets.
pub const MAX_TEXT_CHARS: usize = 480;

/// Puts replies together from lines. Holds no more than one reply.
#[derive(Debug, Default)]
pub struct Parser {
    /// Text of the lines of the reply that is being read, each ended by LF; kept until the next reply begins.
    text: Vec<u8>,
    /// What is known of a reply whose last line has not come.
    unfinished: Option<Unfinished>,
}

#[derive(Clone, Copy, Debug)]
struct Unfinished {
    code: u16,
    lines: usize,
    bytes: usize,
}

/// A complete reply as the server wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawReply<'a> {
    /// Three digits, 200 to 599.
    pub code: u16,
    text: &'a [u8],
}

/// Why bytes are not a reply. What comes after them can't be trusted to answer anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line does not begin with a code of 200 to 599 and a space or a hyphen.
    #[error("a line does not begin with a reply code")]
    NoCode,
    /// The lines of one reply bear different codes.
    #[error("the lines of one reply bear different codes")]
    MixedCodes,
    /// A line ends in LF without CR, or holds a CR or a NUL.
    #[error("a line holds a lone CR, a lone LF or a NUL")]
    ControlByte,
    /// A line is longer than [`MAX_LINE_BYTES`].
    #[error("a line is longer than {MAX_LINE_BYTES} bytes")]
    LineTooLong,
    /// A reply has more than [`MAX_LINES`] lines or [`MAX_REPLY_BYTES`] bytes.
    #[error("a reply is longer than {MAX_LINES} lines or {MAX_REPLY_BYTES} bytes")]
    ReplyTooLong,
}

impl Parser {
    /// Takes whole lines from the start of `input`, up to the end of one reply. Returns how many bytes were taken, and the reply when it is
    /// complete; what is left is a part of a line, or belongs to the next reply. An error is final.
    pub fn take(&mut self, input: &[u8]) -> Result<(usize, Option<RawReply<'_>>), ReplyError> {
        let mut taken = 0;
        while let Some(end) = memchr(b'\n', &input[taken..]) {
            let line = &input[taken..=taken + end];
            taken += line.len();
            if let Some(code) = self.line(line)? {
                return Ok((taken, Some(RawReply { code, text: &self.text })));
            }
        }
        if input.len() - taken >= MAX_LINE_BYTES {
            return Err(ReplyError::LineTooLong);
        }
        Ok((taken, None))
    }

    /// Takes one line, LF included. Returns the code when it was the last of its reply.
    fn line(&mut self, line: &[u8]) -> Result<Option<u16>, ReplyError> {
        if line.len() > MAX_LINE_BYTES {
            return Err(ReplyError::LineTooLong);
        }
        let content = line.strip_suffix(b"\r\n").ok_or(ReplyError::ControlByte)?;
        if memchr2(b'\r', 0, content).is_some() {
            return Err(ReplyError::ControlByte);
        }
        let (code, is_last, text) = split(content).ok_or(ReplyError::NoCode)?;
        let so_far = self.begin_or_continue(code)?;
        let reply = Unfinished { code, lines: so_far.lines + 1, bytes: so_far.bytes + line.len() };
        if reply.lines > MAX_LINES || reply.bytes > MAX_REPLY_BYTES {
            return Err(ReplyError::ReplyTooLong);
        }
        self.text.extend_from_slice(text);
        self.text.push(b'\n');
        self.unfinished = (!is_last).then_some(reply);
        Ok(is_last.then_some(code))
    }

    fn begin_or_continue(&mut self, code: u16) -> Result<Unfinished, ReplyError> {
        match self.unfinished {
            Some(unfinished) if unfinished.code == code => Ok(unfinished),
            Some(_) => Err(ReplyError::MixedCodes),
            None => {
                self.text.clear();
                Ok(Unfinished { code, lines: 0, bytes: 0 })
            }
        }
    }
}

/// `250-text`, `250 text` or `250` (which RFC 5321 section 4.2 tells clients to take): the code, whether the line is the last, the text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    if !(200..600).contains(&code) {
        return None;
    }
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

impl<'a> RawReply<'a> {
    /// The text of each line, as the server wrote it.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.text.strip_suffix(b"\n").unwrap_or(self.text).split(|&byte| byte == b'\n')
    }

    /// The reply as it may be passed on: the enhanced status code parted from the text, the text printable ASCII of at most
    /// [`MAX_TEXT_CHARS`] characters. An enhanced code of another class than the code's is left in the text.
    #[must_use]
    pub fn clean(&self) -> Reply {
        let enhanced = self.lines().find_map(|line| self.enhanced(line)).map(|(enhanced, _)| enhanced);
        let mut text = String::new();
        for line in self.lines() {
            let rest = self.enhanced(line).filter(|(code, _)| Some(*code) == enhanced).map_or(line, |(_, rest)| rest);
            push_printable(&mut text, rest);
            text.push('\n');
        }
        text.pop();
        text.truncate(MAX_TEXT_CHARS);
        Reply { code: self.code, enhanced, text: Cow::Owned(text) }
    }

    /// The enhanced status code at the start of a line, and what stands behind it.
    fn enhanced<'l>(&self, line: &'l [u8]) -> Option<(EnhancedCode, &'l [u8])> {
        let end = memchr(b' ', line).unwrap_or(line.len());
        let (code, rest) = line.split_at(end);
        let code = parse_enhanced(str::from_utf8(code).ok()?)?;
        (u16::from(code.class) == self.code / 100).then_some((code, rest.trim_ascii_start()))
    }
}

fn parse_enhanced(text: &str) -> Option<EnhancedCode> {
    let number = |part: &str| (part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?;
    let mut parts = text.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let class = matches!(class, "2" | "4" | "5").then(|| class.parse().ok())??;
    (parts.next().is_none()).then_some(EnhancedCode { class, subject: number(subject)?, detail: number(detail)? })
}

fn push_printable(out: &mut String, text: &[u8]) {
    out.extend(String::from_utf8_lossy(text).chars().map(|char| match char {
        ' '..='~' => char,
        '\t' => ' ',
        _ => '?',
    }));
}
