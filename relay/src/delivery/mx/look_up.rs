//! What a search for exchangers asks of DNS.

use std::{net::IpAddr, time::Duration};

use hickory_resolver::proto::rr::{Name, RData, RecordType, rdata::MX};
use tokio::{
    join,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::exchanger::Exchanger;
use crate::delivery::{fault::Fault, resolve::Resolver};

/// How long the addresses of all exchangers are looked for. Those that are not known then are passed over.
const ADDRESSES: Duration = Duration::from_secs(10);

/// An exchanger, and where it is.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) exchanger: Exchanger,
    /// None when its name does not exist, or has none.
    pub(super) addresses: Result<Vec<IpAddr>, Fault>,
}

/// The MX records of a domain that exists; none when it has none.
pub(super) async fn mx(resolver: &Resolver, domain: &Name, until: Instant) -> Result<Vec<MX>, Fault> {
    let records = records(resolver, domain, RecordType::MX, until).await?;
    let mx = records.into_iter().filter_map(|data| match data {
        RData::MX(mx) => Some(mx),
        _ => None,
    });
    Ok(mx.collect())
}

/// Looks up the addresses of all at once. Keeps their order.
pub(super) async fn locate(resolver: &Resolver, exchangers: Vec<Exchanger>, until: Instant) -> Vec<Located> {
    let until = until.min(Instant::now() + ADDRESSES);
    let mut asking = JoinSet::new();
    for (place, exchanger) in exchangers.iter().enumerate() {
        let (resolver, name) = (resolver.clone(), exchanger.name.clone());
        asking.spawn(async move { (place, addresses(&resolver, &name, until).await) });
    }
    let unknown = |exchanger| Located { exchanger, addresses: Err(Fault::TimedOut) };
    let mut located: Vec<_> = exchangers.into_iter().map(unknown).collect();
    while let Some(answered) = asking.join_next().await {
        if let Ok((place, addresses)) = answered {
            located[place].addresses = addresses;
        }
    }
    located
}

/// Every address of a name. One of the two questions may fail when the other finds some.
async fn addresses(resolver: &Resolver, name: &Name, until: Instant) -> Result<Vec<IpAddr>, Fault> {
    let (v4, v6) = join!(records(resolver, name, RecordType::A, until), records(resolver, name, RecordType::AAAA, until));
    let mut found = Vec::new();
    let mut failed = None;
    for answer in [v4, v6] {
        match answer {
            Ok(records) => found.extend(records.iter().filter_map(RData::ip_addr)),
            Err(Fault::NoSuchDomain) => {}
            Err(fault) => failed = Some(fault),
        }
    }
    match failed {
        Some(fault) if found.is_empty() => Err(fault),
        _ => Ok(found),
    }
}

/// What DNS holds of this kind for a name that exists. A CNAME is followed.
async fn records(resolver: &Resolver, name: &Name, kind: RecordType, until: Instant) -> Result<Vec<RData>, Fault> {
    match timeout_at(until, resolver.records(name, kind)).await {
        Err(_) => Err(Fault::TimedOut),
        Ok(Ok(found)) => Ok(found.answers().iter().map(|record| record.data.clone()).collect()),
        Ok(Err(error)) if error.is_nx_domain() => Err(Fault::NoSuchDomain),
        Ok(Err(error)) if error.is_no_records_found() => Ok(Vec::new()),
        Ok(Err(error)) => Err(Fault::Dns(error.to_string())),
    }
}
