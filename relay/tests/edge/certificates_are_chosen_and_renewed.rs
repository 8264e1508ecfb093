//! Which certificate a client is shown, and how a renewed one comes into use.

use std::{fs, path::PathBuf};

use anyhow::{Result, ensure};
use postern_config::{Configuration, ListenerTls, TlsVersion, material};
use postern_tests::{client::Client, config::HOSTNAME, pki::Certificate};
use rustls::pki_types::CertificateDer;

use crate::running::Running;

fn place(relay: &Running, file: &str) -> PathBuf {
    relay.folder.path().join(file)
}

/// The certificate that a client is shown that asks for `name`; an error when it is not for that name.
async fn shown(relay: &Running, name: &str) -> Result<Option<CertificateDer<'static>>> {
    let client = Client::connect_tls(relay.address(0), &relay.trust(name)?).await?;
    Ok(client.certificate().cloned())
}

async fn comes_into_use(relay: &Running, certificate: &Certificate) -> Result<()> {
    let expected = Some(certificate.der());
    relay.soon("the renewed certificate", async |_| shown(relay, HOSTNAME).await.is_ok_and(|shown| shown.as_ref() == expected)).await?;
    Ok(())
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_sessions_go_on() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTls, |_| {}).await?;
    let mut before = Client::ready(relay.address(0), &relay.trust(HOSTNAME)?).await?;
    let mut in_clear = relay.client().await?;
    before.ask("MAIL FROM:<a@client.test>", 250).await?;
    let status = relay.status().await?;

    let renewed = relay.authority.server(&[HOSTNAME])?;
    renewed.write_as(relay.folder.path(), "mx1")?;
    relay
        .soon("the renewed certificate", async |_| {
            let client = Client::ready(relay.address(0), &relay.trust(HOSTNAME).unwrap()).await;
            client.is_ok_and(|client| client.certificate() == Some(renewed.der()))
        })
        .await?;

    let after = relay.status().await?;
    ensure!(after["configHash"] == status["configHash"] && after["materialHash"] != status["materialHash"], "{after}");
    let configuration = Configuration::read(relay.folder.path())?;
    let wanted = material::hash(&configuration, |file| fs::read(relay.folder.path().join(file)).ok());
    ensure!(after["materialHash"] == wanted, "{after}: {wanted}");
    before.ask("RCPT TO:<b@example.com>", 250).await?;
    ensure!(before.data("Subject: across a renewal\r\n\r\n").await?.code == 250);
    in_clear.ask("NOOP", 250).await?;
    in_clear.starttls(&relay.trust(HOSTNAME)?).await?.ask("EHLO client.test", 250).await?;
    Ok(())
}

#[tokio::test]
async fn a_certificate_without_its_key_waits_for_the_key() -> Result<()> {
    let relay = Running::start(ListenerTls::Implicit, |_| {}).await?;
    let old = shown(&relay, HOSTNAME).await?;
    let renewed = relay.authority.server(&[HOSTNAME])?;
    fs::write(place(&relay, "tls.mx1.crt"), renewed.pem())?;
    relay.refusal("tls.mx1.key: does not belong to the certificate").await?;
    ensure!(shown(&relay, HOSTNAME).await? == old);
    fs::write(place(&relay, "tls.mx1.key"), renewed.key_pem())?;
    comes_into_use(&relay, &renewed).await
}

#[tokio::test]
async fn files_without_a_certificate_or_a_key_are_named() -> Result<()> {
    let relay = Running::start(ListenerTls::Implicit, |_| {}).await?;
    let old = shown(&relay, HOSTNAME).await?;
    let (certificate, key) = (place(&relay, "tls.mx1.crt"), place(&relay, "tls.mx1.key"));
    let good = fs::read(&certificate)?;
    let faults: [(&str, &[u8], &str); 3] = [
        ("nothing", b"", "tls.mx1.crt: holds no certificate"),
        ("broken", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "tls.mx1.crt: "),
        ("not DER", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "tls.mx1.crt: "),
    ];
    for (what, bytes, reason) in faults {
        fs::write(&certificate, bytes)?;
        let refusal = relay.refusal(reason).await?;
        ensure!(shown(&relay, HOSTNAME).await? == old, "{what}: {refusal}");
    }
    fs::write(&certificate, &good)?;
    fs::write(&key, b"")?;
    relay.refusal("tls.mx1.key: holds no private key").await?;
    fs::remove_file(&key)?;
    relay.refusal("tls.mx1.key: No such file").await?;
    ensure!(shown(&relay, HOSTNAME).await? == old);
    Ok(())
}

#[tokio::test]
async fn an_expired_certificate_is_used_all_the_same_and_status_tells() -> Result<()> {
    let relay = Running::start(ListenerTls::Implicit, |_| {}).await?;
    relay.authority.expired_server(&[HOSTNAME])?.write_as(relay.folder.path(), "mx1")?;
    let status =
        relay.soon("the expired certificate", async |status| status["certificates"][0]["notAfter"] == "2001-01-01T00:00:00Z").await?;
    ensure!(status["lastRefusal"].is_null(), "{status}");
    ensure!(relay.metric(r#"postern_certificate_expiry_timestamp_seconds{certificate="mx1"}"#).await? == 978_307_200);
    Ok(())
}

#[tokio::test]
async fn a_client_is_shown_the_certificate_of_the_name_that_it_asks_for() -> Result<()> {
    let mut relay = Running::start(ListenerTls::Implicit, |_| {}).await?;
    let exact = relay.authority.server(&["mail.example.org", "*.wild.example"])?;
    exact.write_as(relay.folder.path(), "other")?;
    relay.edit(|folder| folder.root.tls.certificates.push("other".to_owned())).await?;

    for name in ["mail.example.org", "MAIL.Example.org", "one.wild.example"] {
        ensure!(shown(&relay, name).await?.as_ref() == Some(exact.der()), "{name}");
    }
    ensure!(shown(&relay, HOSTNAME).await?.as_ref() != Some(exact.der()));
    // None holds these, so the first is shown, and the client does not take it.
    for name in ["two.labels.wild.example", "wild.example", "example.net"] {
        ensure!(shown(&relay, name).await.is_err(), "{name}");
    }
    let status = relay.status().await?;
    ensure!(status["certificates"][1]["names"] == serde_json::json!(["mail.example.org", "*.wild.example"]), "{status}");
    Ok(())
}

#[tokio::test]
async fn the_oldest_version_of_tls_is_as_configured() -> Result<()> {
    let mut relay = Running::start(ListenerTls::Implicit, |_| {}).await?;
    ensure!(handshake(&relay, &rustls::version::TLS12).await.is_ok());
    relay.edit(|folder| folder.root.tls.min_version = TlsVersion::V1_3).await?;
    ensure!(handshake(&relay, &rustls::version::TLS12).await.is_err());
    ensure!(handshake(&relay, &rustls::version::TLS13).await.is_ok());
    ensure!(relay.metric(r#"postern_tls_handshakes_total{version="TLSv1.2"}"#).await? == 1);
    ensure!(relay.metric(r#"postern_tls_handshakes_total{version="TLSv1.3"}"#).await? == 1);
    ensure!(relay.metric(r#"postern_tls_handshake_failures_total{reason="failed"}"#).await? == 1);
    ensure!(relay.metric(r#"postern_connections_refused_total{listener="mx",reason="tls"}"#).await? == 1);
    Ok(())
}

/// A handshake with one version alone.
async fn handshake(relay: &Running, version: &'static rustls::SupportedProtocolVersion) -> Result<()> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_pem(&relay.authority.pem())?);
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(relay.address(0)).await?;
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let mut stream = postern_tests::poll::within("a handshake", connector.connect(HOSTNAME.try_into()?, stream)).await??;
    // In TLS 1.3 a client is done before the server is.
    tokio::io::AsyncReadExt::read_u8(&mut stream).await?;
    Ok(())
}

fn rustls_pem(pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    use rustls::pki_types::pem::PemObject;
    Ok(CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>()?)
}
