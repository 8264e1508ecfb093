//! Proves that mail passes through a relay: sends one from outside, takes it as the mail server behind, and tells each step. `helm test` runs it.
//!
//! The relay is met through its port, as by any client: nothing here asks for its status or knows its configuration.

mod letter;
mod mail_server;
mod talk;
mod trouble;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use postern_config::DomainName;
use postern_proto::{
    address::{Domain, ForwardPath, Mailbox, ReversePath},
    client::{Session, To},
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};
use tokio_rustls::client::TlsStream;

use crate::delivery::client_config;
use letter::Letter;
use mail_server::MailServer;
use talk::Talk;
pub use trouble::{ProbeError, Trouble};

/// The bundle in the folder of material that the relay's certificate is judged by.
const TRUST: &str = "relay";
/// Whose name the sender bears. Nobody has it (RFC 2606 section 2), as nobody has the next one.
const SENDER_DOMAIN: &str = "sender.invalid";
/// What no relay accepts.
const FOREIGN_DOMAIN: &str = "foreign.invalid";
/// Time between two looks whether the relay takes mail.
const PAUSE: Duration = Duration::from_millis(500);

/// Which relay to probe, and what is behind it.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where the relay takes mail from outside
    #[arg(long, value_name = "HOST:PORT")]
    relay: String,
    /// The relay's own name, which its certificate and its Received field must have
    #[arg(long, value_name = "NAME", value_parser = DomainName::parse)]
    hostname: DomainName,
    /// A recipient that the relay accepts, and whose mail it is to hand over here
    #[arg(long, value_name = "ADDRESS")]
    recipient: Mailbox,
    /// Address and port of the mail server that the probe is meanwhile: the next hop of the recipient's domain
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "[::]:10025")]
    listen: SocketAddr,
    /// Folder with that server's tls.mail.crt and tls.mail.key, and with trust.relay.pem, the CA of the relay, which may come later
    #[arg(long, value_name = "DIR")]
    material: PathBuf,
    /// Seconds that the relay has to take mail: it may be in the making
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    wait: u64,
}

/// Probes the relay, and prints each step that it passes.
pub async fn run(options: &Options) -> Result<(), ProbeError> {
    let recipient = &options.recipient;
    let server = MailServer::open(options.listen, &options.material)?;
    let sender = Sender::wait_for(options).await?;
    passed(&format!("{} takes mail for <{recipient}> over TLS, and its certificate is good", options.hostname));

    must_be_refused("mail in clear", sender.in_clear().await)?;
    passed("it refuses mail in clear");

    let foreign = Mailbox { local: "nobody".to_owned(), domain: Domain::Name(FOREIGN_DOMAIN.to_owned()) };
    must_be_refused(
        &format!("mail for <{foreign}>, a domain that it does not accept,"),
        sender.to(&foreign).await.map(|(_, reply)| reply),
    )?;
    passed("it refuses mail for a domain that it does not accept");

    let letter = Letter::new(SENDER_DOMAIN, recipient);
    sender.send(&letter).await?;
    let arrived = server.last_mail()?;
    letter.check(&arrived.content, &options.hostname)?;
    passed(&format!("a mail came out behind it as it went in, over {} and with a Received field of the relay", arrived.tls_version));
    Ok(())
}

fn passed(step: &str) {
    println!("passed: {step}");
}

fn must_be_refused(what: &str, asked: Result<Reply, Trouble>) -> Result<(), ProbeError> {
    match asked {
        Err(Trouble::Refused { reply, .. }) if !reply.is_transient() => Ok(()),
        Ok(reply) | Err(Trouble::Refused { reply, .. }) => Err(ProbeError::NotRefused { what: what.to_owned(), reply }),
        Err(trouble) => Err(trouble.into()),
    }
}

/// Sends mail to the relay as a server of the Internet would.
struct Sender<'a> {
    options: &'a Options,
    server_name: ServerName<'static>,
    trust: Arc<ClientConfig>,
}

impl<'a> Sender<'a> {
    /// Waits until the relay takes the recipient, which it does when the server behind it has: then all of the way is open.
    async fn wait_for(options: &'a Options) -> Result<Self, ProbeError> {
        let deadline = Instant::now() + Duration::from_secs(options.wait);
        loop {
            match Self::try_out(options).await {
                Ok(sender) => return Ok(sender),
                Err(trouble) if !trouble.may_pass() => return Err(trouble.into()),
                Err(trouble) if Instant::now() > deadline => return Err(ProbeError::NotOpen { seconds: options.wait, trouble }),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn try_out(options: &'a Options) -> Result<Self, Trouble> {
        let name = options.hostname.as_str();
        let server_name = ServerName::try_from(name).map_err(|_| Trouble::Hostname(name.to_owned()))?.to_owned();
        let sender = Self { options, server_name, trust: client_config(&options.material, TRUST)? };
        sender.to(&options.recipient).await?;
        Ok(sender)
    }

    /// Begins a transaction without TLS.
    async fn in_clear(&self) -> Result<Reply, Trouble> {
        let mut talk = self.greet().await?;
        talk.ask(To::Mail, |session| session.mail(&sender())).await
    }

    /// Begins a transaction with `recipient`, over TLS.
    async fn to(&self, recipient: &Mailbox) -> Result<(Talk<TlsStream<TcpStream>>, Reply), Trouble> {
        let mut talk = self.greet().await?.secure(&self.trust, &self.server_name).await?;
        talk.ask(To::Ehlo, |session| session.ehlo(SENDER_DOMAIN)).await?;
        talk.ask(To::Mail, |session| session.mail(&sender())).await?;
        let rcpt = RcptTo::new(ForwardPath::Mailbox(recipient.clone()));
        let reply = talk.ask(To::Rcpt, |session| session.rcpt(&rcpt)).await?;
        Ok((talk, reply))
    }

    async fn send(&self, letter: &Letter) -> Result<(), Trouble> {
        let (mut talk, _) = self.to(&self.options.recipient).await?;
        talk.ask(To::Data, Session::data).await?;
        talk.ask(To::EndOfData, |session| session.content(letter.content()).and_then(|()| session.end_of_data())).await?;
        Ok(())
    }

    async fn greet(&self) -> Result<Talk<TcpStream>, Trouble> {
        let mut talk = Talk::connect(&self.options.relay).await?;
        talk.ask(To::Ehlo, |session| session.ehlo(SENDER_DOMAIN)).await?;
        Ok(talk)
    }
}

fn sender() -> MailFrom {
    let mailbox = Mailbox { local: "probe".to_owned(), domain: Domain::Name(SENDER_DOMAIN.to_owned()) };
    MailFrom::new(ReversePath::Mailbox(mailbox))
}
