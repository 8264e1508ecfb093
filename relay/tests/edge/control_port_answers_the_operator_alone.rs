//! The control port: who is answered there, and with which certificates.

use std::{fs, net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, ensure};
use postern_config::{
    ListenerTls,
    material::{IDENTITY_CA, IDENTITY_CERTIFICATE, IDENTITY_KEY, OPERATOR_NAME},
};
use postern_tests::{
    client::Client,
    http,
    pki::{Authority, Certificate},
    poll,
};
use rustls::{ClientConfig, pki_types::CertificateDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::running::Running;

/// The name that a relay bears.
const NAME: &str = "edge.mail.relay.postern.internal";

fn put_identity(relay: &Running, authority: &Authority, certificate: &Certificate) -> Result<()> {
    let folder = relay.folder.path();
    authority.write(&folder.join(IDENTITY_CA))?;
    fs::write(folder.join(IDENTITY_CERTIFICATE), certificate.pem())?;
    fs::write(folder.join(IDENTITY_KEY), certificate.key_pem())?;
    Ok(())
}

/// A relay with an identity of `authority`, which answers the operator.
async fn with_identity(authority: &Authority) -> Result<Running> {
    let relay = Running::start(ListenerTls::StartTls, |_| {}).await?;
    put_identity(&relay, authority, &authority.server(&[NAME])?)?;
    answered(relay.control, &operator(authority)?).await?;
    Ok(relay)
}

fn operator(authority: &Authority) -> Result<Arc<ClientConfig>> {
    authority.client_config_showing(&authority.client(OPERATOR_NAME)?)
}

async fn status(address: SocketAddr, client: &Arc<ClientConfig>) -> Result<u16> {
    Ok(http::get_tls(address, NAME, Arc::clone(client), "/status").await?.status)
}

async fn answered(address: SocketAddr, client: &Arc<ClientConfig>) -> Result<()> {
    poll::until("the operator to be answered", async || (status(address, client).await.ok()? == 200).then_some(())).await
}

async fn shown(address: SocketAddr, client: &Arc<ClientConfig>) -> Result<CertificateDer<'static>> {
    let stream = TcpStream::connect(address).await?;
    let stream = TlsConnector::from(Arc::clone(client)).connect(NAME.try_into()?, stream).await?;
    let certificates = stream.get_ref().1.peer_certificates().context("no certificate")?;
    Ok(certificates[0].clone().into_owned())
}

#[tokio::test]
async fn the_operator_gets_the_status_and_nothing_else() -> Result<()> {
    let authority = Authority::new("Identity CA")?;
    let relay = with_identity(&authority).await?;
    let operator = operator(&authority)?;
    let response = http::get_tls(relay.control, NAME, Arc::clone(&operator), "/status").await?;
    let mine: serde_json::Value = serde_json::from_str(&response.body)?;
    ensure!(response.status == 200 && mine == relay.status().await?, "{response:?}");
    for path in ["/metrics", "/healthz", "/", "/status/"] {
        ensure!(http::get_tls(relay.control, NAME, Arc::clone(&operator), path).await?.status == 404, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_else_is_answered() -> Result<()> {
    let authority = Authority::new("Identity CA")?;
    let relay = with_identity(&authority).await?;

    // Another identity of the same CA, as each relay has one.
    for name in [NAME, "other.mail.relay.postern.internal", "x.operator.postern.internal", "operator.postern.internal.example.com"] {
        let client = authority.client_config_showing(&authority.client(name)?)?;
        let response = http::get_tls(relay.control, NAME, client, "/status").await?;
        ensure!(response.status == 403 && !response.body.contains("mail/edge"), "{name}: {response:?}");
    }
    // The operator's name of another CA, a certificate that is no client's, one that expired, and none at all.
    let stranger = Authority::new("Identity CA")?.client(OPERATOR_NAME)?;
    let clients = [
        ("another CA", authority.client_config_showing(&stranger)?),
        ("a server's certificate", authority.client_config_showing(&authority.server(&[OPERATOR_NAME])?)?),
        ("expired", authority.client_config_showing(&authority.expired_client(OPERATOR_NAME)?)?),
        ("no certificate", authority.client_config()?),
    ];
    for (who, client) in clients {
        let response = http::get_tls(relay.control, NAME, client, "/status").await;
        ensure!(response.is_err(), "{who}: {response:?}");
    }
    let plain = http::get(relay.control, "/status").await;
    ensure!(plain.as_ref().is_err(), "in clear: {plain:?}");
    Ok(())
}

#[tokio::test]
async fn tls_1_2_is_not_spoken() -> Result<()> {
    let authority = Authority::new("Identity CA")?;
    let relay = with_identity(&authority).await?;
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pem(&authority.pem())?)?;
    let old = builder.with_protocol_versions(&[&rustls::version::TLS12])?.with_root_certificates(roots).with_no_client_auth();
    let refused = shown(relay.control, &Arc::new(old)).await;
    ensure!(refused.as_ref().is_err_and(|error| error.to_string().contains("ProtocolVersion")), "{refused:?}");
    Ok(())
}

fn pem(text: &str) -> Result<CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject;
    Ok(CertificateDer::from_pem_slice(text.as_bytes())?)
}

#[tokio::test]
async fn without_an_identity_nobody_is_answered_until_there_is_one() -> Result<()> {
    let authority = Authority::new("Identity CA")?;
    let relay = Running::start(ListenerTls::StartTls, |_| {}).await?;
    let operator = operator(&authority)?;
    ensure!(status(relay.control, &operator).await.is_err());
    put_identity(&relay, &authority, &authority.server(&[NAME])?)?;
    answered(relay.control, &operator).await
}

#[tokio::test]
async fn a_renewed_identity_is_shown_and_a_broken_one_changes_nothing() -> Result<()> {
    let authority = Authority::new("Identity CA")?;
    let mut relay = with_identity(&authority).await?;
    let operator = operator(&authority)?;
    let renewed = authority.server(&[NAME])?;

    // The certificate without its key.
    let old = shown(relay.control, &operator).await?;
    fs::write(relay.folder.path().join(IDENTITY_CERTIFICATE), renewed.pem())?;
    relay.edit(|folder| folder.root.generation += 1).await?;
    ensure!(shown(relay.control, &operator).await? == old);

    fs::write(relay.folder.path().join(IDENTITY_KEY), renewed.key_pem())?;
    let is_new = async || (shown(relay.control, &operator).await.ok()? == *renewed.der()).then_some(());
    poll::until("the renewed identity to be shown", is_new).await
}

#[tokio::test]
async fn when_the_ca_is_another_the_old_operator_is_not_answered_any_more() -> Result<()> {
    let (old, new) = (Authority::new("Identity CA")?, Authority::new("Identity CA")?);
    let relay = with_identity(&old).await?;
    put_identity(&relay, &new, &new.server(&[NAME])?)?;
    answered(relay.control, &operator(&new)?).await?;
    // It still trusts what it is shown, but shows what nobody takes.
    let old_operator = new.client_config_showing(&old.client(OPERATOR_NAME)?)?;
    ensure!(status(relay.control, &old_operator).await.is_err());
    Ok(())
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed_and_keep_the_operator_out_for_moments_only() -> Result<()> {
    let authority = Authority::new("Identity CA")?;
    let relay = with_identity(&authority).await?;
    let mut silent = Vec::new();
    // As many as are served at once.
    for _ in 0..64 {
        silent.push(Client::connect(relay.control).await?);
    }
    ensure!(status(relay.control, &operator(&authority)?).await? == 200);
    for mut connection in silent {
        connection.closed().await?;
    }
    Ok(())
}
