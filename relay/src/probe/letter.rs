//! The mail that is sent, and how it is known again.

use jiff::Timestamp;
use postern_config::DomainName;
use postern_proto::address::Mailbox;
use uuid::Uuid;

use super::ProbeError;

/// A mail that no other probe sends.
pub(super) struct Letter(Vec<u8>);

impl Letter {
    /// A mail to `recipient` from someone at `sender_domain`. A line of it begins with a dot, which must be there in the end, and once.
    pub(super) fn new(sender_domain: &str, recipient: &Mailbox) -> Self {
        let date = Timestamp::now().strftime("%a, %-d %b %Y %H:%M:%S %z");
        let id = Uuid::now_v7();
        let lines = [
            format!("From: probe@{sender_domain}"),
            format!("To: {recipient}"),
            "Subject: Does mail pass?".to_owned(),
            format!("Date: {date}"),
            format!("Message-ID: <{id}@{sender_domain}>"),
            String::new(),
            "It does, if someone reads this.".to_owned(),
            ".".to_owned(),
            "This is not the end, only a line with a dot.".to_owned(),
        ];
        Self(lines.map(|line| line + "\r\n").concat().into_bytes())
    }

    /// All of it, in lines that end with CRLF.
    pub(super) fn content(&self) -> &[u8] {
        &self.0
    }

    /// Whether `arrived` is this mail behind a Received field of the relay `hostname`, and nothing else is new.
    pub(super) fn check(&self, arrived: &[u8], hostname: &DomainName) -> Result<(), ProbeError> {
        let added = arrived.strip_suffix(self.content()).ok_or(ProbeError::Changed)?;
        let trace = String::from_utf8_lossy(added);
        let words: Vec<_> = trace.split_ascii_whitespace().collect();
        let is_of_relay = words.first() == Some(&"Received:") && words.windows(2).any(|pair| pair == ["by", hostname.as_str()]);
        if is_of_relay { Ok(()) } else { Err(ProbeError::NoTrace(hostname.clone())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> (Letter, DomainName) {
        let recipient = "probe@example.com".parse().unwrap();
        (Letter::new("sender.invalid", &recipient), DomainName::parse("mx1.example.com").unwrap())
    }

    fn arrives(before: &str, letter: &Letter) -> Vec<u8> {
        [before.as_bytes(), letter.content()].concat()
    }

    #[test]
    fn a_mail_is_known_again_behind_the_field_of_its_relay() {
        let (letter, relay) = letter();
        letter.check(&arrives("Received: from a\r\n\tby mx1.example.com with ESMTPS id 1;\r\n\tMon\r\n", &letter), &relay).unwrap();
    }

    #[test]
    fn a_mail_without_that_field_is_not() {
        let (letter, relay) = letter();
        for before in ["", "Received: by mx2.example.com\r\n", "X: by mx1.example.com\r\n"] {
            assert!(matches!(letter.check(&arrives(before, &letter), &relay), Err(ProbeError::NoTrace(_))), "{before:?}");
        }
    }

    #[test]
    fn another_mail_is_not_taken_for_it() {
        let ((letter, relay), (other, _)) = (letter(), self::letter());
        let field = "Received: by mx1.example.com\r\n";
        assert!(matches!(letter.check(&arrives(field, &other), &relay), Err(ProbeError::Changed)));
        let mut longer = arrives(field, &letter);
        longer.push(b'!');
        assert!(matches!(letter.check(&longer, &relay), Err(ProbeError::Changed)));
    }
}
