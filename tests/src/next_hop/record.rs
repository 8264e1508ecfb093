//! What a scripted next hop saw.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;

use super::At;

/// What a next hop saw; clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    ended: usize,
    rests: usize,
    commands: Vec<(usize, String)>,
    messages: Vec<Message>,
}

/// A message whose end of data came. Whether it was taken is for the script to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// On which connection, counted from 0.
    pub connection: usize,
    /// Whether it came in TLS.
    pub is_tls: bool,
    /// The certificate that the client showed.
    pub client_certificate: Option<CertificateDer<'static>>,
    /// The argument of MAIL FROM, parameters included.
    pub mail: String,
    /// The arguments of the RCPTs that were accepted.
    pub rcpts: Vec<String>,
    /// The content, without dot-stuffing and without the line that ends it.
    pub content: Vec<u8>,
}

impl Record {
    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// How many connections were closed.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.lock().ended
    }

    /// How often all was done that the script wants while nobody asks anything.
    #[must_use]
    pub fn rests(&self) -> usize {
        self.lock().rests
    }

    /// Every message that came to its end.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.lock().messages.clone()
    }

    /// Every command line, with the number of its connection.
    #[must_use]
    pub fn commands(&self) -> Vec<(usize, String)> {
        self.lock().commands.clone()
    }

    /// How often a command came that begins with `verb`.
    #[must_use]
    pub fn count(&self, verb: &str) -> usize {
        self.lock().commands.iter().filter(|(_, line)| line.starts_with(verb)).count()
    }

    /// Counts a connection, and returns how many there were before it.
    pub(super) fn connected(&self) -> usize {
        let mut seen = self.lock();
        seen.connections += 1;
        seen.connections - 1
    }

    pub(super) fn ended(&self) {
        self.lock().ended += 1;
    }

    pub(super) fn rested(&self) {
        self.lock().rests += 1;
    }

    pub(super) fn command(&self, connection: usize, line: &str) {
        self.lock().commands.push((connection, line.to_owned()));
    }

    pub(super) fn message(&self, message: Message) {
        self.lock().messages.push(message);
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl At {
    /// Where a command line leads.
    pub(super) fn of(line: &str) -> Self {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" => Self::Ehlo,
            "STARTTLS" => Self::StartTls,
            "AUTH" => Self::Auth,
            "MAIL" => Self::Mail,
            "RCPT" => Self::Rcpt,
            "DATA" => Self::Data,
            "RSET" => Self::Rset,
            _ => Self::Other,
        }
    }
}
