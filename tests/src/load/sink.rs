//! The receiving side: an SMTP server that takes everything, keeps nothing and counts.

use std::{cell::RefCell, io::Write as _, rc::Rc, time::Duration};

use anyhow::Result;
use tokio::{
    net::{TcpListener, TcpStream},
    task::spawn_local,
    time::{MissedTickBehavior, interval},
};
use tokio_rustls::TlsAcceptor;

use super::{message, stream::Stream, tally::Tally};

/// Largest message that is taken, in bytes.
const MAX_MESSAGE: usize = 64 << 20;
/// How often the tally is printed while it changes.
const PRINT_EVERY: Duration = Duration::from_millis(5);

/// What a sink does with a message beyond counting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing: for speed.
    Count,
    /// Its body must be whole.
    Verify,
}

struct Sink {
    tls: Option<TlsAcceptor>,
    check: Check,
    tally: RefCell<Tally>,
}

/// Serves for ever, and prints the tally as a line of JSON whenever it has changed. Call it inside a [`tokio::task::LocalSet`].
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, check: Check) -> Result<()> {
    let sink = Rc::new(Sink { tls, check, tally: RefCell::default() });
    spawn_local(print(Rc::clone(&sink)));
    loop {
        let (stream, _) = listener.accept().await?;
        let sink = Rc::clone(&sink);
        sink.tally.borrow_mut().sessions += 1;
        // A relay that goes away in the middle is the relay's affair: the counts tell.
        spawn_local(async move { sink.session(stream).await });
    }
}

async fn print(sink: Rc<Sink>) -> Result<()> {
    let mut ticks = interval(PRINT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut printed = None;
    loop {
        ticks.tick().await;
        let line = serde_json::to_string(&*sink.tally.borrow())?;
        if printed.as_ref() != Some(&line) {
            let mut output = std::io::stdout().lock();
            writeln!(output, "{line}")?;
            output.flush()?;
            printed = Some(line);
        }
    }
}

/// Whether a session goes on in TLS.
enum End {
    Closed,
    StartTls,
}

impl Sink {
    async fn session(&self, stream: TcpStream) -> Result<()> {
        let mut stream = Stream::new(stream)?;
        stream.send(b"220 sink.example.net ESMTP\r\n").await?;
        match self.commands(&mut stream, false).await? {
            End::Closed => Ok(()),
            End::StartTls => self.secure(stream).await,
        }
    }

    async fn secure(&self, stream: Stream) -> Result<()> {
        let Some(acceptor) = &self.tls else { return Ok(()) };
        let mut stream = Stream::over(acceptor.accept(stream.into_inner()?).await?);
        self.tally.borrow_mut().tls_sessions += 1;
        self.commands(&mut stream, true).await.map(|_| ())
    }

    async fn commands(&self, stream: &mut Stream, secure: bool) -> Result<End> {
        loop {
            let line = stream.line().await?;
            match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" if self.tls.is_some() && !secure => {
                    stream.send(b"250-sink.example.net\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 STARTTLS\r\n").await?;
                }
                "EHLO" => stream.send(b"250-sink.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n").await?,
                "STARTTLS" if self.tls.is_some() && !secure => {
                    stream.send(b"220 ready\r\n").await?;
                    return Ok(End::StartTls);
                }
                "HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP" => stream.send(b"250 ok\r\n").await?,
                "DATA" => self.data(stream, secure).await?,
                "QUIT" => {
                    stream.send(b"221 bye\r\n").await?;
                    return Ok(End::Closed);
                }
                _ => stream.send(b"500 unknown\r\n").await?,
            }
        }
    }

    async fn data(&self, stream: &mut Stream, secure: bool) -> Result<()> {
        stream.send(b"354 go on\r\n").await?;
        let content = stream.until(b"\r\n.\r\n", MAX_MESSAGE).await?;
        {
            let mut tally = self.tally.borrow_mut();
            if self.check == Check::Verify {
                tally.judge(message::verify(&unstuffed(content)).ok());
            }
            tally.messages += 1;
            tally.tls_messages += u64::from(secure);
        }
        stream.send(b"250 taken\r\n").await
    }
}

/// The content without the dots that were added on the wire, and with the CRLF of its last line.
fn unstuffed(mut content: Vec<u8>) -> Vec<u8> {
    content.extend_from_slice(b"\r\n");
    let mut plain = Vec::with_capacity(content.len());
    let mut start = usize::from(content.starts_with(b"."));
    for dot in memchr::memmem::find_iter(&content, b"\r\n.") {
        plain.extend_from_slice(&content[start..dot + 2]);
        start = dot + 3;
    }
    plain.extend_from_slice(&content[start..]);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffed_dots_are_taken_away_and_no_others() {
        for (wire, plain) in [("a\r\n..b", "a\r\n.b\r\n"), ("..a\r\nb.c", ".a\r\nb.c\r\n"), ("a\r\n...\r\n..", "a\r\n..\r\n.\r\n")] {
            assert_eq!(unstuffed(wire.into()), plain.as_bytes());
        }
    }
}
