//! Load for the benchmarks: a client and a sink that speak TLS, hold idle connections and verify bodies.

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::{Args, Parser};
use postern_tests::{
    load::{
        message::{Bodies, Maker},
        sender::{self, Plan},
        sink::{self, Check},
        tls,
    },
    pki::Authority,
};
use rustls::pki_types::ServerName;
use tokio::{net::TcpListener, runtime, task::LocalSet};

#[derive(Parser)]
#[command(about)]
enum Command {
    /// Sends messages as fast as they are taken, and prints how many were, as JSON.
    Send(Send),
    /// Opens connections past TLS and EHLO, prints how many, and holds them until standard input ends.
    Hold {
        #[command(flatten)]
        target: Target,
        /// Connections to hold.
        #[arg(long)]
        connections: usize,
    },
    /// Takes every message, and prints counts as lines of JSON.
    Sink {
        /// Address to listen on.
        listen: SocketAddr,
        /// Folder with `tls.crt` and `tls.key`: offers STARTTLS.
        #[arg(long)]
        tls: Option<PathBuf>,
        /// Check that every body is whole.
        #[arg(long)]
        verify: bool,
    },
    /// Writes an authority (`ca.pem`) and a certificate for the given names (`tls.crt`, `tls.key`) to a folder.
    Certificates {
        /// The folder.
        folder: PathBuf,
        /// Names of the certificate.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Args)]
struct Target {
    /// The relay.
    address: SocketAddr,
    /// Go to TLS by STARTTLS, and trust the authority of this file alone.
    #[arg(long)]
    authority: Option<PathBuf>,
    /// The name that the relay's certificate must hold.
    #[arg(long, default_value = "mx.bench.example.com")]
    name: String,
}

#[derive(Args)]
struct Send {
    #[command(flatten)]
    target: Target,
    /// Sessions at once.
    #[arg(long, default_value_t = 50)]
    sessions: usize,
    /// Messages of all sessions together.
    #[arg(long)]
    messages: u64,
    /// The number of the first one: clients that share a sink need numbers of their own.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Messages of one connection.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    per_connection: u64,
    /// Size of a body, in bytes.
    #[arg(long, default_value_t = 10_240)]
    size: usize,
    /// Give every message a body of its own.
    #[arg(long)]
    distinct: bool,
}

fn main() -> Result<()> {
    let command = Command::parse();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        Command::Send(send) => {
            let bodies = if send.distinct { Bodies::Distinct } else { Bodies::Same };
            let maker = Maker::new(send.size, bodies);
            let numbers = send.first..send.first + send.messages;
            let outcome = runtime.block_on(sender::send(plan(&send.target, send.sessions, numbers, send.per_connection, maker)?))?;
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
        Command::Hold { target, connections } => {
            let held = runtime.block_on(sender::open(plan(&target, 0, 0..0, 1, Maker::new(1, Bodies::Same))?, connections))?;
            println!("{}", held.len());
            std::io::stdout().flush()?;
            std::io::stdin().read_to_end(&mut Vec::new())?;
            Ok(())
        }
        Command::Sink { listen, tls, verify } => {
            let check = if verify { Check::Verify } else { Check::Count };
            let acceptor = tls.as_deref().map(tls::acceptor).transpose()?;
            LocalSet::new().block_on(&runtime, async { sink::serve(TcpListener::bind(listen).await?, acceptor, check).await })
        }
        Command::Certificates { folder, names } => certificates(&folder, &names),
    }
}

fn plan(target: &Target, sessions: usize, numbers: Range<u64>, per_connection: u64, maker: Maker) -> Result<Plan> {
    let tls = match &target.authority {
        Some(authority) => Some((tls::connector(authority)?, ServerName::try_from(target.name.clone())?)),
        None => None,
    };
    Ok(Plan { target: target.address, sessions, numbers, per_connection, tls, maker })
}

fn certificates(folder: &Path, names: &[String]) -> Result<()> {
    let authority = Authority::new("Benchmark CA")?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    authority.server(&names)?.write(folder)?;
    authority.write(&folder.join("ca.pem"))
}
