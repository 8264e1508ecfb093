//! One session of a scripted next hop.

use std::{future::pending, io, mem, time::Duration};

use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Act, Asked, At, Message, Record, Script, wire};

/// Why a session goes no further.
enum Ended {
    /// The script says so, or the client has gone.
    Closed,
    /// STARTTLS is answered 220.
    StartTls,
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// What a script's reply says to the state of the session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// In an exchange of AUTH.
    Challenge,
}

struct Session<IO> {
    io: BufStream<IO>,
    number: usize,
    script: Script,
    record: Record,
    client_certificate: Option<CertificateDer<'static>>,
    is_tls: bool,
    taken: usize,
    mail: Option<String>,
    rcpts: Vec<String>,
}

pub(super) async fn serve(tcp: TcpStream, number: usize, script: Script, record: Record) {
    let _ = tcp.set_nodelay(true);
    let tls = script.tls.clone();
    let mut clear = Session::new(tcp, number, script.clone(), record.clone());
    if !matches!(clear.greet_and_run().await, Ended::StartTls) {
        return;
    }
    // The client's first flight is left where it is.
    if clear.io.get_ref().peek(&mut [0]).await.is_err() || clear.act(At::Handshake, "", "").await.is_err() {
        return;
    }
    let (Some(config), tcp) = (tls, clear.io.into_inner()) else { return };
    if let Ok(stream) = TlsAcceptor::from(config).accept(tcp).await {
        let certificate = shown(&stream);
        let mut secure = Session::new(stream, number, script, record);
        (secure.is_tls, secure.client_certificate) = (true, certificate);
        secure.run().await;
    }
}

fn shown(stream: &TlsStream<TcpStream>) -> Option<CertificateDer<'static>> {
    stream.get_ref().1.peer_certificates()?.first().map(|leaf| leaf.clone().into_owned())
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    fn new(io: IO, number: usize, script: Script, record: Record) -> Self {
        Self {
            io: BufStream::new(io),
            number,
            script,
            record,
            client_certificate: None,
            is_tls: false,
            taken: 0,
            mail: None,
            rcpts: Vec::new(),
        }
    }

    async fn greet_and_run(&mut self) -> Ended {
        match self.act(At::Banner, "", "220 next-hop.test ESMTP").await {
            Ok(_) => self.run().await,
            Err(ended) => ended,
        }
    }

    async fn run(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.command().await {
                return ended;
            }
        }
    }

    async fn command(&mut self) -> Result<(), Ended> {
        let line = self.line().await?;
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r\n").unwrap_or(&line)).into_owned();
        self.record.command(self.number, &line);
        let at = At::of(&line);
        let answer = self.act(at, &line, &self.good_reply(at, &line)).await?;
        match (at, answer) {
            (At::Ehlo | At::Rset, Answer::Yes) => self.forget(),
            (At::StartTls, Answer::Yes) => return Err(Ended::StartTls),
            (At::Mail, Answer::Yes) => self.mail = Some(argument(&line)),
            (At::Rcpt, Answer::Yes) => self.rcpts.push(argument(&line)),
            (At::Data, Answer::Yes) => self.content().await?,
            (At::Auth, Answer::Challenge) => self.responses(&line).await?,
            _ if line.eq_ignore_ascii_case("QUIT") => return Err(Ended::Closed),
            _ => {}
        }
        Ok(())
    }

    fn good_reply(&self, at: At, line: &str) -> String {
        let reply = match at {
            At::Ehlo => return self.script.ehlo_reply(self.is_tls),
            At::StartTls => "220 2.0.0 Go ahead",
            At::Auth if line.split(' ').count() < 3 => "334 VXNlcm5hbWU6",
            At::Auth => "235 2.7.0 Welcome",
            At::Mail if self.mail.is_some() => "503 5.5.1 MAIL was said",
            At::Mail => "250 2.1.0 Ok",
            At::Rcpt if self.mail.is_none() => "503 5.5.1 MAIL first",
            At::Rcpt => "250 2.1.5 Ok",
            At::Data if self.rcpts.is_empty() => "554 5.5.1 No recipient",
            At::Data => "354 Go ahead",
            _ => "250 2.0.0 Ok",
        };
        reply.to_owned()
    }

    /// The rest of an exchange that a challenge began. LOGIN asks for two responses, others for one.
    async fn responses(&mut self, auth: &str) -> Result<(), Ended> {
        let mut wanted = if auth.eq_ignore_ascii_case("AUTH LOGIN") { 2 } else { 1 };
        let mut answer = Answer::Challenge;
        while answer == Answer::Challenge {
            let line = self.line().await?;
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r\n").unwrap_or(&line)).into_owned();
            self.record.command(self.number, &line);
            wanted -= 1;
            let good = if wanted > 0 { "334 UGFzc3dvcmQ6" } else { "235 2.7.0 Welcome" };
            answer = self.act(At::Auth, &line, good).await?;
        }
        Ok(())
    }

    async fn content(&mut self) -> Result<(), Ended> {
        self.act(At::Content, "", "").await?;
        let mut content = Vec::new();
        loop {
            let line = self.line().await?;
            if line == b".\r\n" {
                break;
            }
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        self.record.message(Message {
            connection: self.number,
            is_tls: self.is_tls,
            client_certificate: self.client_certificate.clone(),
            mail: self.mail.clone().unwrap_or_default(),
            rcpts: mem::take(&mut self.rcpts),
            content,
        });
        self.forget();
        self.act(At::EndOfData, "", "250 2.0.0 Taken").await?;
        self.taken += 1;
        self.act(At::Idle, "", "").await?;
        self.record.rested();
        Ok(())
    }

    fn forget(&mut self) {
        self.mail = None;
        self.rcpts.clear();
    }

    /// Reads a line; one that the client leaves unfinished is none.
    async fn line(&mut self) -> Result<Vec<u8>, Ended> {
        let mut line = Vec::new();
        loop {
            self.io.read_until(b'\n', &mut line).await?;
            if !line.ends_with(b"\n") {
                return Err(Ended::Closed);
            }
            if line.ends_with(b"\r\n") {
                return Ok(line);
            }
        }
    }

    /// Does what the script says; `good` is what a good server would say, where it says something.
    async fn act(&mut self, at: At, line: &str, good: &str) -> Result<Answer, Ended> {
        let asked = Asked { at, line: line.to_owned(), connection: self.number, taken: self.taken, is_tls: self.is_tls };
        let mut act = (self.script.decide)(&asked);
        while let Act::When(told, then) = act {
            told.notified().await;
            act = *then;
        }
        match act {
            Act::Comply | Act::Whisper(_) if good.is_empty() => Ok(Answer::Yes),
            Act::Comply => self.say(good).await,
            Act::Say(reply) => self.say(&reply).await,
            Act::Write(bytes) => {
                self.write(&bytes).await?;
                Ok(Answer::Yes)
            }
            Act::Whisper(pause) => self.whisper(good, pause).await,
            Act::SayAndClose(reply) => {
                self.say(&reply).await?;
                self.close().await
            }
            Act::Close => Err(Ended::Closed),
            Act::Hang | Act::When(..) => pending().await,
        }
    }

    /// Closes our side and waits for the client's, since a connection that is torn down with something unread loses what was said last.
    async fn close(&mut self) -> Result<Answer, Ended> {
        self.io.shutdown().await?;
        tokio::io::copy(&mut self.io, &mut tokio::io::sink()).await?;
        Err(Ended::Closed)
    }

    async fn say(&mut self, reply: &str) -> Result<Answer, Ended> {
        self.write(&wire(reply)).await?;
        Ok(judge(reply))
    }

    async fn whisper(&mut self, reply: &str, pause: Duration) -> Result<Answer, Ended> {
        for byte in wire(reply) {
            tokio::time::sleep(pause).await;
            self.write(&[byte]).await?;
        }
        Ok(judge(reply))
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }
}

fn judge(reply: &str) -> Answer {
    match reply.as_bytes() {
        [b'3', b'3', b'4', ..] => Answer::Challenge,
        [b'2' | b'3', ..] => Answer::Yes,
        _ => Answer::No,
    }
}

/// What stands behind the colon of MAIL or RCPT.
fn argument(line: &str) -> String {
    line.split_once(':').map_or(line, |(_, argument)| argument).to_owned()
}
