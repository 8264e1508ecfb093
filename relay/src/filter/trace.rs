//! The Received field that the relay puts before a message (RFC 5321 section 4.4).

use std::net::IpAddr;

use jiff::Timestamp;
use postern_config::DomainName;
use postern_proto::address::{Domain, ForwardPath, Literal};

/// Where a line is folded, in bytes (RFC 5322 section 2.1.1). A single word may be longer; none comes near the limit of 998.
const FOLD_AT: usize = 78;

/// Longest name that is repeated from what a client or the DNS says, in bytes.
const MAX_NAME: usize = 255;

/// What the relay knows of how a message came.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// What the client called itself in EHLO or HELO, as it did.
    pub helo: Option<&'a str>,
    /// The client's address.
    pub client: IpAddr,
    /// The TLS that the message came over, if any.
    pub tls: Option<TlsFacts<'a>>,
    /// This relay.
    pub host: &'a DomainName,
    /// `SMTP`, `ESMTPS` and so on (RFC 3848, RFC 6531 section 4.3). One that begins with `UTF8` allows UTF-8 in the field.
    pub protocol: &'a str,
    /// The message's id, as logs have it.
    pub id: &'a str,
    /// The recipient, if it is the only one: several must not learn of each other (RFC 5321 section 7.2).
    pub recipient: Option<&'a ForwardPath>,
    /// When it came.
    pub at: Timestamp,
}

/// What was negotiated in TLS.
#[derive(Clone, Copy, Debug)]
pub struct TlsFacts<'a> {
    /// Protocol version, such as `TLSv1.3`.
    pub version: &'a str,
    /// Cipher suite, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher: &'a str,
}

impl Trace<'_> {
    /// The field with its line end: one clause to a line, folded, ASCII unless the protocol allows UTF-8.
    #[must_use]
    pub fn to_field(&self) -> String {
        let mut field = Folded::begin("Received:");
        field.words(&["from", &self.helo(), &self.client()]);
        if let Some(TlsFacts { version, cipher }) = self.tls {
            field.line();
            field.words(&["(using", version, "with", "cipher", &format!("{cipher})")]);
        }
        field.line();
        field.words(&["by", self.host.as_str(), "with", self.protocol, "id", self.id]);
        if let Some(recipient) = self.recipient() {
            field.line();
            field.words(&["for", &format!("<{recipient}>")]);
        }
        field.end_with(&self.at.strftime("%a, %-d %b %Y %H:%M:%S %z").to_string())
    }

    fn helo(&self) -> String {
        self.helo.map(|name| self.clean(name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// The TCP-info: the address alone, since no name is looked up.
    fn client(&self) -> String {
        format!("({})", Domain::Literal(Literal::Address(self.client)))
    }

    /// The recipient, unless it can't stand in this field.
    fn recipient(&self) -> Option<String> {
        let recipient = self.recipient?.to_string();
        recipient.chars().all(|char| !char.is_control() && (char.is_ascii() || self.allows_utf8())).then_some(recipient)
    }

    /// A name of which only what names and address literals are made of is left, so that it can't end a comment or the field.
    fn clean(&self, name: &str) -> String {
        let is_letter = |char: char| char.is_alphanumeric() && (char.is_ascii() || self.allows_utf8());
        let bounded = &name[..name.floor_char_boundary(MAX_NAME)];
        bounded.chars().map(|char| if is_letter(char) || "-._:[]".contains(char) { char } else { '?' }).collect()
    }

    fn allows_utf8(&self) -> bool {
        self.protocol.starts_with("UTF8")
    }
}

/// A header field that is folded between words.
struct Folded {
    text: String,
    line_start: usize,
}

impl Folded {
    fn begin(name: &str) -> Self {
        Self { text: name.to_owned(), line_start: 0 }
    }

    /// Goes to a new line.
    fn line(&mut self) {
        self.text.push_str("\r\n");
        self.line_start = self.text.len();
    }

    fn words(&mut self, words: &[&str]) {
        for word in words {
            let is_begun = self.text.len() > self.line_start;
            if is_begun && self.text.len() - self.line_start + 1 + word.len() > FOLD_AT {
                self.line();
            }
            self.text.push(if self.text.len() > self.line_start { ' ' } else { '\t' });
            self.text.push_str(word);
        }
    }

    fn end_with(mut self, date: &str) -> String {
        self.text.push(';');
        self.line();
        self.words(&[date]);
        self.text.push_str("\r\n");
        self.text
    }
}
