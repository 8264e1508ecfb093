//! Standard output, in the format that was asked for.

use std::{
    fmt::Display,
    io::{self, BufWriter, Stdout, Write as _},
};

use serde::Serialize;

use super::Format;

/// Standard output. Whatever is written is there when a command ends, or at [`flush`](Self::flush).
pub(super) struct Output {
    stdout: BufWriter<Stdout>,
    format: Format,
}

impl Output {
    pub(super) fn new(format: Format) -> Self {
        Self { stdout: BufWriter::new(io::stdout()), format }
    }

    /// Writes a line: `text` for people, `object` for machines.
    pub(super) fn line(&mut self, object: &impl Serialize, text: impl Display) -> io::Result<()> {
        match self.format {
            Format::Text => writeln!(self.stdout, "{text}"),
            Format::Json => {
                serde_json::to_writer(&mut self.stdout, object)?;
                writeln!(self.stdout)
            }
        }
    }

    /// Writes a line that machines do without.
    pub(super) fn text(&mut self, text: impl Display) -> io::Result<()> {
        match self.format {
            Format::Text => writeln!(self.stdout, "{text}"),
            Format::Json => Ok(()),
        }
    }

    /// Writes a line for machines. People are told by `tell`.
    pub(super) fn line_beside(&mut self, object: &impl Serialize, tell: impl FnOnce()) -> io::Result<()> {
        match self.format {
            Format::Text => tell(),
            Format::Json => self.line(object, "")?,
        }
        Ok(())
    }

    /// Writes bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}
