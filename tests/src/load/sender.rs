//! The sending side: many sessions at once, or many connections that stay idle.

use std::{
    cell::Cell,
    net::SocketAddr,
    ops::Range,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustls::pki_types::ServerName;
use serde::Serialize;
use tokio::{
    net::TcpStream,
    task::{JoinSet, LocalSet},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{message::Maker, stream::Stream};

/// How long one session may take for one message.
const PATIENCE: Duration = Duration::from_mins(1);
/// Handshakes under way at once while idle connections are opened.
const OPENING: usize = 64;

/// What is sent, and how.
pub struct Plan {
    /// The relay.
    pub target: SocketAddr,
    /// Sessions at once.
    pub sessions: usize,
    /// The numbers of the messages of all sessions together.
    pub numbers: Range<u64>,
    /// Messages that one connection carries before it is closed.
    pub per_connection: u64,
    /// How to go to TLS, and the name that the relay must show; in clear when absent.
    pub tls: Option<(TlsConnector, ServerName<'static>)>,
    /// What is sent.
    pub maker: Maker,
}

/// What became of it, printed as one line of JSON.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Messages that were answered 250.
    pub accepted: u64,
    /// From the first connection to the last answer.
    pub seconds: f64,
}

/// Sends every message of the plan. The first that is not taken ends it with an error.
pub async fn send(plan: Plan) -> Result<Outcome> {
    let plan = Rc::new(plan);
    let next = Rc::new(Cell::new(plan.numbers.start));
    let started = Instant::now();
    let local = LocalSet::new();
    let sessions: Vec<_> = (0..plan.sessions).map(|_| local.spawn_local(session(Rc::clone(&plan), Rc::clone(&next)))).collect();
    local
        .run_until(async {
            for session in sessions {
                session.await??;
            }
            anyhow::Ok(())
        })
        .await?;
    Ok(Outcome { accepted: plan.numbers.end - plan.numbers.start, seconds: started.elapsed().as_secs_f64() })
}

/// Opens `count` connections, past TLS and EHLO, and returns them once all are open.
pub async fn open(plan: Plan, count: usize) -> Result<Vec<Stream>> {
    let plan = Rc::new(plan);
    let local = LocalSet::new();
    local
        .run_until(async {
            let mut opening = JoinSet::new();
            let mut streams = Vec::with_capacity(count);
            for _ in 0..count {
                if opening.len() == OPENING {
                    streams.extend(opening.join_next().await.transpose()?.transpose()?);
                }
                let plan = Rc::clone(&plan);
                opening.spawn_local(async move { connect(&plan).await });
            }
            while let Some(opened) = opening.join_next().await {
                streams.push(opened??);
            }
            Ok(streams)
        })
        .await
}

/// Takes numbers until none is left.
async fn session(plan: Rc<Plan>, next: Rc<Cell<u64>>) -> Result<()> {
    while next.get() < plan.numbers.end {
        let mut stream = timeout(PATIENCE, connect(&plan)).await.context("no connection in time")??;
        for _ in 0..plan.per_connection {
            let number = next.get();
            if number >= plan.numbers.end {
                break;
            }
            next.set(number + 1);
            timeout(PATIENCE, transaction(&mut stream, &plan.maker.message(number))).await.context("no answer in time")??;
        }
        ask(&mut stream, "QUIT\r\n", '2').await?;
    }
    Ok(())
}

async fn connect(plan: &Plan) -> Result<Stream> {
    let mut stream = Stream::new(TcpStream::connect(plan.target).await?)?;
    expect(&mut stream, '2').await.context("banner")?;
    greet(&mut stream).await?;
    let Some((connector, name)) = &plan.tls else {
        return Ok(stream);
    };
    ask(&mut stream, "STARTTLS\r\n", '2').await?;
    let mut stream = Stream::over(connector.connect(name.clone(), stream.into_inner()?).await?);
    greet(&mut stream).await?;
    Ok(stream)
}

async fn greet(stream: &mut Stream) -> Result<()> {
    ask(stream, "EHLO client.example.net\r\n", '2').await
}

async fn transaction(stream: &mut Stream, content: &[u8]) -> Result<()> {
    ask(stream, "MAIL FROM:<sender@client.example.net>\r\n", '2').await?;
    ask(stream, "RCPT TO:<user@bench.example.com>\r\n", '2').await?;
    ask(stream, "DATA\r\n", '3').await?;
    stream.send(content).await?;
    expect(stream, '2').await.context("end of data")
}

async fn ask(stream: &mut Stream, command: &str, class: char) -> Result<()> {
    stream.send(command.as_bytes()).await?;
    expect(stream, class).await.with_context(|| command.trim_end().to_owned())
}

async fn expect(stream: &mut Stream, class: char) -> Result<()> {
    loop {
        let line = stream.line().await?;
        ensure!(line.starts_with(class), "answered {line:?}");
        match line.as_bytes().get(3) {
            Some(b'-') => {}
            Some(b' ') | None => return Ok(()),
            Some(_) => bail!("not a reply: {line:?}"),
        }
    }
}
