//! Logs: one line per event on standard error, as JSON or text.

mod redact;

use std::{fmt, io};

use clap::{Args, ValueEnum};
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_subscriber::{EnvFilter, fmt::writer::BoxMakeWriter};

use redact::Redacting;

/// How to log.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Form of a line
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub log_format: Format,
    /// What is logged: error, warn, info, debug or trace, or a list of `target=level`
    #[arg(long, default_value = "info", value_parser = level)]
    pub log_level: String,
    /// Show the mailboxes of senders and recipients as `[redacted]@example.com`, wherever they stand in a line
    #[arg(long)]
    pub redact_addresses: bool,
}

/// Form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// A mailbox in a line, in angle brackets, which part it from its neighbours.
pub struct Shown<'a, T>(pub &'a T);

impl<T: fmt::Display> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

/// Logs from now on; once per process.
///
/// # Errors
/// When something in the process logs already.
pub fn start(options: &Options) -> Result<(), SetGlobalDefaultError> {
    // It was checked when the options were read.
    let filter = EnvFilter::new(&options.log_level);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer(options));
    match options.log_format {
        Format::Json => set_global_default(builder.json().flatten_event(true).with_span_list(false).finish()),
        Format::Text => set_global_default(builder.finish()),
    }
}

/// Redaction is the last step before a line leaves the process, so that no line can forget it: a next hop's reply names mailboxes too.
fn writer(options: &Options) -> BoxMakeWriter {
    let format = options.log_format;
    if options.redact_addresses {
        BoxMakeWriter::new(move || Redacting { out: io::stderr(), format })
    } else {
        BoxMakeWriter::new(io::stderr)
    }
}

fn level(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
