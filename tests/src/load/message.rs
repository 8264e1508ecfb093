//! Messages that prove themselves: each carries a number of its own and the digest of its body.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

const NUMBER_FIELD: &str = "X-Load-Number: ";
const DIGEST_FIELD: &str = "X-Load-Digest: ";
/// Characters of a body's line without its CRLF.
const LINE: usize = 76;
/// Every this many lines one begins with a dot, so that dot-stuffing is proven too.
const DOTTED: usize = 7;

/// Whether messages differ in their bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// All the same, made once: for speed.
    Same,
    /// Each its own: for proof.
    Distinct,
}

/// Makes messages of one size.
pub struct Maker {
    size: usize,
    bodies: Bodies,
    /// The body that all messages share, dot-stuffed, and its digest.
    shared: (String, String),
}

impl Maker {
    /// Makes messages with bodies of about `size` bytes: whole lines, at least one.
    #[must_use]
    pub fn new(size: usize, bodies: Bodies) -> Self {
        Self { size, bodies, shared: stuffed_body(0, size) }
    }

    /// The content of message `number` as it goes over the wire: dot-stuffed, with the end of data.
    #[must_use]
    pub fn message(&self, number: u64) -> Vec<u8> {
        let own;
        let (body, digest) = match self.bodies {
            Bodies::Same => &self.shared,
            Bodies::Distinct => {
                own = stuffed_body(number, self.size);
                &own
            }
        };
        let header = format!(
            "From: <sender@client.example.net>\r\nTo: <user@bench.example.com>\r\nDate: Mon, 02 Nov 2026 08:00:00 +0000\r\n\
             Message-ID: <{number}@client.example.net>\r\nSubject: load\r\n{NUMBER_FIELD}{number}\r\n{DIGEST_FIELD}{digest}\r\n\r\n"
        );
        [header.as_bytes(), body.as_bytes(), b".\r\n"].concat()
    }
}

/// What a message says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its number.
    pub number: u64,
    /// Whether its body has the digest that its header names.
    pub is_whole: bool,
}

/// Reads the claim of a message; `content` is dot-unstuffed and ends before the dot. Fields that a relay added are passed over.
pub fn verify(content: &[u8]) -> Result<Claim> {
    let end = memchr::memmem::find(content, b"\r\n\r\n").context("a message without a body")?;
    let (header, body) = (&content[..end], &content[end + 4..]);
    let header = std::str::from_utf8(header).context("a header that is not text")?;
    let field = |name: &str| header.split("\r\n").find_map(|line| line.strip_prefix(name));
    let number = field(NUMBER_FIELD).context("a message without a number")?.parse()?;
    let digest = field(DIGEST_FIELD).context("a message without a digest")?;
    Ok(Claim { number, is_whole: digest == hex_digest(body) })
}

/// A body of whole lines, dot-stuffed, and the digest of what it is without the stuffing.
fn stuffed_body(seed: u64, size: usize) -> (String, String) {
    let mut noise = Noise::new(seed);
    let (mut plain, mut stuffed) = (String::new(), String::new());
    for index in 0..size.div_ceil(LINE + 2).max(1) {
        let mut line: String = noise.by_ref().take(LINE).collect();
        if index % DOTTED == 0 {
            line.replace_range(..1, ".");
            stuffed.push('.');
        }
        line.push_str("\r\n");
        stuffed.push_str(&line);
        plain.push_str(&line);
    }
    (stuffed, hex_digest(plain.as_bytes()))
}

fn hex_digest(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Printable characters that look like chance and are the same on every run (xorshift64).
struct Noise(u64);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
}

impl Iterator for Noise {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Some(char::from(ALPHABET[usize::from(self.0.to_le_bytes()[4] & 63)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server keeps of what came over the wire.
    fn received(wire: &[u8]) -> Vec<u8> {
        let text = String::from_utf8(wire.to_vec()).unwrap();
        let content = text.strip_suffix(".\r\n").unwrap();
        content.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect::<String>().into_bytes()
    }

    #[test]
    fn a_message_that_arrives_as_it_was_sent_is_whole() {
        for bodies in [Bodies::Same, Bodies::Distinct] {
            let wire = Maker::new(10_240, bodies).message(7);
            assert!(wire.windows(4).any(|bytes| bytes == b"\r\n.."), "nothing was dot-stuffed");
            assert_eq!(verify(&received(&wire)).unwrap(), Claim { number: 7, is_whole: true });
        }
    }

    #[test]
    fn one_changed_byte_of_the_body_is_seen() {
        let mut content = received(&Maker::new(10_240, Bodies::Distinct).message(7));
        let last = content.len() - 3;
        content[last] ^= 1;
        assert_eq!(verify(&content).unwrap(), Claim { number: 7, is_whole: false });
    }

    #[test]
    fn distinct_bodies_differ() {
        let maker = Maker::new(1_000, Bodies::Distinct);
        let body = |number| {
            let content = received(&maker.message(number));
            let end = memchr::memmem::find(&content, b"\r\n\r\n").unwrap();
            content[end..].to_vec()
        };
        assert_eq!(body(1), body(1));
        assert_ne!(body(1), body(2));
    }
}
