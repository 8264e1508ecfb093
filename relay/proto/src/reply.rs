//! Replies (RFC 5321 section 4.2) with enhanced status codes (RFC 2034, RFC 3463).

use std::{borrow::Cow, fmt, io::Write as _};

/// One reply of a server, on one or several lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits, 200 to 599.
    pub code: u16,
    /// Status code that goes before the text; absent in the banner, in the reply to EHLO and in 354 (RFC 2034 section 4).
    pub enhanced: Option<EnhancedCode>,
    /// Text for people; `\n` parts the lines. Printable, without a CR.
    pub text: Cow<'static, str>,
}

/// `class.subject.detail` (RFC 3463 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5; always the first digit of the reply's code.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl Reply {
    /// A reply with an enhanced code of its own class: `Reply::new(550, (7, 1), "…")` is `550 5.7.1 …`.
    #[must_use]
    pub fn new(code: u16, (subject, detail): (u16, u16), text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: Some(EnhancedCode { class: class_digit(code), subject, detail }), text: text.into() }
    }

    /// A reply that carries no enhanced code.
    #[must_use]
    pub fn bare(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced: None, text: text.into() }
    }

    /// 2xx or 3xx: done, or go on.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// 4xx: the client is to try again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// Appends the reply as it goes on the wire.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { '-' } else { ' ' };
            // Writing to a Vec can't fail.
            let _ = match self.enhanced {
                Some(enhanced) => write!(out, "{}{separator}{enhanced} {line}\r\n", self.code),
                None => write!(out, "{}{separator}{line}\r\n", self.code),
            };
        }
    }
}

fn class_digit(code: u16) -> u8 {
    u8::try_from(code / 100).unwrap_or(5)
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// On one line, for logs.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, "{enhanced} ")?;
        }
        f.write_str(&self.text.replace('\n', " / "))
    }
}
