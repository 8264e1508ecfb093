//! Who may bring messages: the pods of the same relay, by their certificates, and nobody else.

use anyhow::{Result, ensure};
use postern_config::material::OPERATOR_NAME;
use postern_spool::Spool as _;
use postern_tests::{http, pki::Authority};

use crate::{
    mail::entry,
    pod::{IDENTITY, Relay},
    request::{body, head, put},
};

#[tokio::test]
async fn a_pod_of_the_same_relay_brings_messages_and_asks_nothing_else() -> Result<()> {
    let relay = Relay::new()?;
    let pod = relay.pod(2).await?;
    let client = relay.authority.client_config_showing(&relay.authority.identity(IDENTITY)?)?;
    let status = http::get_tls(pod.address, IDENTITY, client.clone(), "/status").await?;
    ensure!(status.status == 403 && !status.body.contains("mail/edge"), "{status:?}");
    let entry = entry();
    let sent = body(&head(&entry, b"hello\r\n"), b"hello\r\n");
    ensure!(put(pod.address, &client, &entry.id().to_string(), &sent).await? == 200);
    ensure!(pod.spool.get(entry.id()).await?.entry == entry);
    Ok(())
}

#[tokio::test]
async fn others_are_refused() -> Result<()> {
    let relay = Relay::new()?;
    let pod = relay.pod(2).await?;
    let entry = entry();
    let (id, sent) = (entry.id().to_string(), body(&head(&entry, b"x"), b"x"));
    let others = [
        ("another.mail.relay.postern.internal", 403),
        ("edge.other.relay.postern.internal", 403),
        ("x.edge.mail.relay.postern.internal", 403),
        (OPERATOR_NAME, 404),
    ];
    for (name, status) in others {
        let client = relay.authority.client_config_showing(&relay.authority.identity(name)?)?;
        let answer = put(pod.address, &client, &id, &sent).await?;
        ensure!(answer == status, "{name}: {answer}");
    }
    // The right name, of a CA of the same name; and no certificate at all.
    let stranger = Authority::new("Identity CA")?.identity(IDENTITY)?;
    for client in [relay.authority.client_config_showing(&stranger)?, relay.authority.client_config()?] {
        let answer = put(pod.address, &client, &id, &sent).await;
        ensure!(answer.is_err(), "{answer:?}");
    }
    ensure!(pod.spool.statistics().await?.messages == 0);
    Ok(())
}
