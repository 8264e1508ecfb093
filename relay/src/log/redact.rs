//! Takes mailboxes out of lines: what stands before an `@` goes, the domain stays.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use memchr::{memchr, memrchr};

use super::Format;

/// What stands for a local part.
const STAND_IN: &[u8] = b"[redacted]";

/// Redacts each line that is written, which comes whole.
pub(super) struct Redacting<W> {
    pub(super) out: W,
    pub(super) format: Format,
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.out.write_all(&redact(line, self.format))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn redact(line: &[u8], format: Format) -> Cow<'_, [u8]> {
    let Some(first) = memchr(b'@', line) else { return Cow::Borrowed(line) };
    let (mut redacted, mut done, mut next) = (Vec::with_capacity(line.len()), 0, Some(first));
    while let Some(at) = next {
        let local = done + local_part(&line[done..at], format);
        redacted.extend_from_slice(&line[done..local]);
        if local < at {
            redacted.extend_from_slice(STAND_IN);
        }
        done = at;
        next = memchr(b'@', &line[at + 1..]).map(|further| at + 1 + further);
    }
    redacted.extend_from_slice(&line[done..]);
    Cow::Owned(redacted)
}

/// Where the local part begins that `before` ends with; its length when there is none.
fn local_part(before: &[u8], format: Format) -> usize {
    match before {
        // The mark of a JSON string, not of a quoted one within.
        [head @ .., b'"'] if format == Format::Json && backslashes(head) == 0 => before.len(),
        [head @ .., b'"'] => quoted(head),
        _ => before.iter().rposition(|&byte| !is_atom(byte)).map_or(0, |stop| stop + 1),
    }
}

/// An octet of a dot-string (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
}

/// Where the quoted string begins whose last quote follows `head`. The line may hold it as it is, or inside a JSON string, where each quote
/// of its own has a backslash before it, and a quote inside it has three.
fn quoted(head: &[u8]) -> usize {
    let in_string = backslashes(head) > 0;
    let mut end = head.len();
    while let Some(quote) = memrchr(b'"', &head[..end]) {
        match backslashes(&head[..quote]) {
            // It begins the JSON string that this one is in: all of it goes, and the quote stays.
            0 if in_string => return quote + 1,
            0 => return quote,
            1 if in_string => return quote - 1,
            _ => end = quote,
        }
    }
    0
}

/// How many backslashes `text` ends with.
fn backslashes(text: &[u8]) -> usize {
    text.iter().rev().take_while(|&&byte| byte == b'\\').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(line: &str, format: Format) -> String {
        String::from_utf8(redact(line.as_bytes(), format).into_owned()).unwrap()
    }

    #[test]
    fn local_parts_go_and_domains_stay() {
        let lines = [
            ("no mailbox here", "no mailbox here"),
            ("from=<alice@example.com> to=<bob.b+x@example.org>", "from=<[redacted]@example.com> to=<[redacted]@example.org>"),
            ("<u%x@example.com>", "<[redacted]@example.com>"),
            ("<dörte@bücher.example>", "<[redacted]@bücher.example>"),
            ("reply=550 5.1.1 <alice@example.com>: unknown", "reply=550 5.1.1 <[redacted]@example.com>: unknown"),
            ("alice@example.com", "[redacted]@example.com"),
            ("<@relay.example:alice@example.com>", "<@relay.example:[redacted]@example.com>"),
            ("<a@b@example.com>", "<[redacted]@[redacted]@example.com>"),
            ("<alice@[192.0.2.1]>", "<[redacted]@[192.0.2.1]>"),
            ("@", "@"),
        ];
        for (line, expected) in lines {
            assert_eq!(redacted(line, Format::Text), expected);
        }
    }

    #[test]
    fn quoted_local_parts_go_as_they_are_and_within_json() {
        let mailboxes = [r#""alice@home"@example.com"#, r#""alice \" b"@example.com"#, r#""a b.c"@example.com"#];
        for mailbox in mailboxes {
            let line = redacted(&format!("from=<{mailbox}> x"), Format::Text);
            assert!(line.starts_with("from=<") && line.ends_with("@example.com> x"), "{line}");
            assert!(!line.contains("alice") && !line.contains("b.c"), "{line}");

            let json = serde_json::json!({"before": "kept", "from": format!("<{mailbox}>"), "after": "kept"}).to_string();
            let line = redacted(&json, Format::Json);
            let value: serde_json::Value = serde_json::from_str(&line).expect(&line);
            assert_eq!((&value["before"], &value["after"]), (&"kept".into(), &"kept".into()));
            assert!(!line.contains("alice") && !line.contains("b.c"), "{line}");
        }
    }

    #[test]
    fn json_stays_json_whatever_stands_before_the_sign() {
        for text in ["@", "\"@", "\\\"@", "a\"@b", "\\@", "\"\"@", "x \"y\\\"@z\"@", "\u{7f}@"] {
            let json = serde_json::json!({ "text": text, "after": "kept" }).to_string();
            let value: serde_json::Value = serde_json::from_str(&redacted(&json, Format::Json)).expect(&json);
            assert_eq!(value["after"], "kept");
        }
    }
}
