//! Logs: one line per event on standard error, as JSON or text. No secret is ever part of one.

use std::io;

use clap::{Args, ValueEnum};
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_subscriber::EnvFilter;

/// How to log.
#[derive(Clone, Debug, Args)]
pub struct Logging {
    /// Form of a line
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub log_format: Format,
    /// What is logged: error, warn, info, debug or trace, or a list of `target=level`
    #[arg(long, default_value = "info", value_parser = level)]
    pub log_level: String,
}

/// Form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Logs from now on; once per process.
///
/// # Errors
/// When something in the process logs already.
pub fn start(options: &Logging) -> Result<(), SetGlobalDefaultError> {
    // It was checked when the options were read. The client's library calls every failed request an error; whoever made it says what it means.
    let filter = EnvFilter::new(format!("kube_client=off,{}", options.log_level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(io::stderr);
    match options.log_format {
        Format::Json => set_global_default(builder.json().flatten_event(true).with_span_list(false).finish()),
        Format::Text => set_global_default(builder.finish()),
    }
}

fn level(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
