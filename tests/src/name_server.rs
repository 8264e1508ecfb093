//! A name server for tests: it knows the names that a test gives it, and fails where it is told to.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use tokio::{net::UdpSocket, task::JoinHandle};

/// What is known of a name. A name that is not known does not exist.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Its addresses; none means that the name exists and has none.
    Addresses(Vec<IpAddr>),
    /// SERVFAIL.
    Failure,
    /// Nothing, as if the question was lost.
    Silence,
}

/// A name server on UDP that runs. Dropping it stops it.
pub struct NameServer {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
    answering: JoinHandle<()>,
}

const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
/// Response, recursion available.
const FLAGS: u16 = 0x8180;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;

impl NameServer {
    /// Starts a server that knows `names`, which are absolute and in lower case, without their last dot.
    pub async fn start(names: &[(&str, Answer)]) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let names = names.iter().map(|(name, answer)| ((*name).to_owned(), answer.clone())).collect();
        let questions = Arc::new(AtomicUsize::new(0));
        let answering = tokio::spawn(answer_all(socket, names, Arc::clone(&questions)));
        Ok(Self { address, questions, answering })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many questions came.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn answer_all(socket: UdpSocket, names: BTreeMap<String, Answer>, questions: Arc<AtomicUsize>) {
    let mut packet = [0; 512];
    while let Ok((length, peer)) = socket.recv_from(&mut packet).await {
        questions.fetch_add(1, Ordering::Relaxed);
        if let Some(response) = respond(&packet[..length], &names) {
            let _ = socket.send_to(&response, peer).await;
        }
    }
}

/// A response with the question's identifier and the question itself (RFC 1035 section 4.1), or nothing.
fn respond(query: &[u8], names: &BTreeMap<String, Answer>) -> Option<Vec<u8>> {
    let (name, end) = question(query)?;
    let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
    let (code, addresses) = match names.get(&name) {
        Some(Answer::Silence) => return None,
        Some(Answer::Failure) => (SERVFAIL, vec![]),
        Some(Answer::Addresses(addresses)) => (0, addresses.iter().filter(|address| kind == kind_of(address)).copied().collect()),
        None => (NXDOMAIN, vec![]),
    };
    let mut response = query.get(..2)?.to_vec();
    for number in [FLAGS | code, 1, u16::try_from(addresses.len()).ok()?, 0, 0] {
        response.extend(number.to_be_bytes());
    }
    response.extend(query.get(HEADER..end + 4)?);
    for address in addresses {
        record(&mut response, address);
    }
    Some(response)
}

/// The name that is asked for, and where it ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
}

fn kind_of(address: &IpAddr) -> u16 {
    if address.is_ipv4() { TYPE_A } else { TYPE_AAAA }
}

/// A record of the name that was asked for, good for a minute.
fn record(response: &mut Vec<u8>, address: IpAddr) {
    let data = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    response.extend([0xc0, 12]);
    response.extend(kind_of(&address).to_be_bytes());
    response.extend([0, 1, 0, 0, 0, 60, 0, if data.len() == 4 { 4 } else { 16 }]);
    response.extend(data);
}
