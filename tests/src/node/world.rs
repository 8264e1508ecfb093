//! The Internet's side of mail out: a name server, the exchangers that it names, and a database for queues. All are real, and in the network that
//! plays the Internet.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, Permissions},
    net::{self, IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::Mutex,
};

use super::Network;
use crate::{
    mail_server::MailServer as _,
    pki::{Authority, Certificate},
    postfix::Postfix,
    postgres::{Postgres, ROLE},
    process::Output,
    zone::Zone,
};

/// Where the cluster's DNS server asks for names outside the cluster; relays may ask there themselves.
pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 53);
/// The exchanger of example.org.
const EXCHANGER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 25);
/// The exchanger of example.com.
const LATE_EXCHANGER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 26);
/// An exchanger that does not run.
const NOBODY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 27);
/// The database.
const DATABASE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 54);
/// The network of all of them.
pub const NETWORK: &str = "203.0.113.0/24";
/// The password of the database's role at [`World::database`].
pub const DATABASE_PASSWORD: &str = "of the queue";

/// A mailbox whose exchanger is there.
pub const REACHED: &str = "alice@example.org";
/// A mailbox whose exchanger is not there until [`World::open_late_exchanger`].
pub const WAITING: &str = "bob@example.com";
/// A mailbox whose exchanger is never there.
pub const UNREACHABLE: &str = "dave@away.example.org";
/// A recipient whose domain does not exist.
pub const NOWHERE: &str = "carol@nowhere.example.org";

/// All of it. Dropping it ends it.
pub struct World {
    internet: Network,
    folder: TempDir,
    certificate: Arc<Certificate>,
    exchanger: Postfix,
    late_exchanger: Option<Postfix>,
    database: Arc<Mutex<Postgres>>,
    _names: Zone,
}

/// Mails in the mailboxes, counted as they are found.
#[derive(Default)]
pub struct Arrivals {
    seen: HashSet<PathBuf>,
    /// How often each Message-Id arrived, without its brackets.
    pub counts: BTreeMap<String, usize>,
}

impl World {
    /// Starts the name server, the exchanger of example.org and the database.
    pub async fn start(internet: Network) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // Postfix's own users pass through.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let authority = Authority::new("World CA")?;
        let certificate = Arc::new(authority.server(&["mx.example.org", "mx.example.com"])?);
        let exchanger = exchanger(&internet, folder.path(), EXCHANGER, &certificate).await?;
        let database = database(&internet, &authority).await?;
        let names = names(&internet).await?;
        Ok(Self { internet, folder, certificate, exchanger, late_exchanger: None, database, _names: names })
    }

    /// Starts the exchanger of example.com.
    pub async fn open_late_exchanger(&mut self) -> Result<()> {
        let opened = exchanger(&self.internet, self.folder.path(), LATE_EXCHANGER, &self.certificate).await?;
        self.late_exchanger = Some(opened);
        Ok(())
    }

    /// Where the database is, for relays.
    pub async fn database(&self) -> SocketAddr {
        SocketAddr::new(DATABASE.into(), self.database.lock().await.port())
    }

    /// Stops the database as an administrator does, and starts it again.
    pub async fn restart_database(&self) -> Result<()> {
        self.database.lock().await.stop().await?;
        self.run_database().await
    }

    /// Kills the database as a crash does, and starts it again.
    pub async fn crash_database(&self) -> Result<()> {
        self.database.lock().await.kill().await?;
        self.run_database().await
    }

    async fn run_database(&self) -> Result<()> {
        let database = Arc::clone(&self.database);
        self.internet.run(move || async move { database.lock().await.run().await }).await
    }

    /// The mail of [`REACHED`] that holds `text`, awaited.
    pub async fn mail(&self, text: &str) -> Result<String> {
        Ok(self.exchanger.arrival(REACHED, text).await?.text)
    }

    /// Adds what is in the mailboxes and was not seen yet.
    pub fn look(&self, arrivals: &mut Arrivals) -> Result<()> {
        let mailboxes = [Some(self.exchanger.mailbox(REACHED)), self.late_exchanger.as_ref().map(|late| late.mailbox(WAITING))];
        for mailbox in mailboxes.into_iter().flatten().filter(|mailbox| mailbox.exists()) {
            arrivals.look(&mailbox)?;
        }
        Ok(())
    }
}

impl Arrivals {
    fn look(&mut self, mailbox: &Path) -> Result<()> {
        for entry in fs::read_dir(mailbox)? {
            let path = entry?.path();
            if self.seen.contains(&path) {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            let id = message_id(&text).with_context(|| format!("no Message-Id in {}", path.display()))?;
            *self.counts.entry(id).or_default() += 1;
            self.seen.insert(path);
        }
        Ok(())
    }

    /// How many mails arrived that had arrived before.
    #[must_use]
    pub fn duplicates(&self) -> usize {
        self.counts.values().map(|count| count - 1).sum()
    }
}

/// The Message-Id of a mail, without its brackets.
fn message_id(mail: &str) -> Option<String> {
    let field = mail.lines().take_while(|line| !line.is_empty()).find(|line| line.to_ascii_lowercase().starts_with("message-id:"))?;
    Some(field.split_once('<')?.1.trim_end_matches('>').to_owned())
}

async fn exchanger(internet: &Network, folder: &Path, address: Ipv4Addr, certificate: &Arc<Certificate>) -> Result<Postfix> {
    let (folder, certificate) = (folder.join(address.to_string()), Arc::clone(certificate));
    internet.run(move || async move { Postfix::start_at(&folder, (address, 25).into(), &certificate, Output::Kept).await }).await
}

/// A database that asks for TLS and a password.
async fn database(internet: &Network, authority: &Authority) -> Result<Arc<Mutex<Postgres>>> {
    let mut database = Postgres::new()?;
    database.show(&authority.server(&[&DATABASE.to_string()])?)?;
    database.open(IpAddr::V4(DATABASE))?;
    let database = internet.run(|| async move {
        database.run().await?;
        database.create("postern")?;
        database.sql("postgres", &format!("ALTER ROLE {ROLE} PASSWORD '{DATABASE_PASSWORD}'"))?;
        Ok(database)
    });
    Ok(Arc::new(Mutex::new(database.await?)))
}

/// Signed zones for both domains. The sockets belong to the Internet, whoever uses them.
async fn names(internet: &Network) -> Result<Zone> {
    let (udp, tcp) = internet
        .run(|| async {
            let address = (NAME_SERVER, 53);
            Ok((net::UdpSocket::bind(address)?, net::TcpListener::bind(address)?))
        })
        .await?;
    udp.set_nonblocking(true)?;
    tcp.set_nonblocking(true)?;
    let zones = [
        ("example.org", format!("@ MX 10 mx\nmx A {EXCHANGER}\naway MX 10 nobody\nnobody A {NOBODY}")),
        ("example.com", format!("@ MX 10 mx\nmx A {LATE_EXCHANGER}")),
    ];
    let zones = zones.each_ref().map(|(origin, records)| (*origin, records.as_str()));
    Zone::serve_on(UdpSocket::from_std(udp)?, TcpListener::from_std(tcp)?, &zones)
}
