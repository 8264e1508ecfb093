//! Where a database is and how a relay logs in, in Secrets.

use k8s_openapi::api::core::v1::Secret;
use postern_config::{Database, DatabaseTls, validate::is_host};

use super::{Fault, values};
use crate::material::Bundle;

const HOST: &str = "host";
const PORT: &str = "port";
const TLS: &str = "tls";
const CA: &str = "ca.crt";

/// The port of PostgreSQL, when the Secret does not say.
const DEFAULT_PORT: u16 = 5432;

/// The database that a Secret tells of.
pub(super) fn read(secret: &Secret) -> Result<Database, Fault> {
    let host = values::required(secret, HOST, "the name or the address of the PostgreSQL server")?;
    if !is_host(host) {
        return Err(values::wrong(HOST, "is neither a whole host name in lower case nor an IP address; write one"));
    }
    let port = values::optional(secret, PORT)?.map_or(Some(DEFAULT_PORT), |text| text.parse().ok().filter(|port| *port > 0));
    let bundle = values::optional(secret, CA)?.map(Bundle::parse).transpose();
    let bundle = bundle.map_err(|source| Fault::Material { key: CA.to_owned(), source })?;
    Ok(Database {
        host: host.to_owned(),
        port: port.ok_or_else(|| values::wrong(PORT, "is no port; write a number from 1 to 65535, or remove it for 5432"))?,
        database: values::required(secret, "database", "the name of the database")?.to_owned(),
        username: values::required(secret, "username", "the role that the relay logs in as")?.to_owned(),
        password: values::optional(secret, "password")?.unwrap_or_default().to_owned(),
        tls: tls(values::optional(secret, TLS)?)?,
        ca_certificates: bundle.map(|bundle| bundle.as_str().to_owned()),
    })
}

fn tls(text: Option<&str>) -> Result<DatabaseTls, Fault> {
    match text {
        None | Some("Verify") => Ok(DatabaseTls::Verify),
        Some("Encrypt") => Ok(DatabaseTls::Encrypt),
        Some("Clear") => Ok(DatabaseTls::Clear),
        Some(_) => Err(values::wrong(TLS, "is none of `Verify`, `Encrypt` and `Clear`; write one of them")),
    }
}
