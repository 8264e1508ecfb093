//! The admin port: what it answers, and that nobody can hold it.

use std::{net::Ipv4Addr, sync::Arc};

use anyhow::{Context, Result, ensure};
use postern_config::ListenerTls;
use postern_relay::admin::Server;
use postern_tests::{client::Client, http};
use serde_json::json;

use crate::running::Running;

#[tokio::test]
async fn status_says_what_runs() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTls, |_| {}).await?;
    let _session = relay.client().await?;
    let mut status = relay.status().await?;
    let fields = status.as_object_mut().context("not an object")?;
    for hash in ["configHash", "materialHash"] {
        ensure!(fields.remove(hash).is_some_and(|hash| hash.as_str().is_some_and(|hash| hash.len() == 64)), "{hash}");
    }
    ensure!(fields.remove("since").is_some_and(|since| since.as_str().is_some_and(|since| since.ends_with('Z'))));
    ensure!(fields.remove("startedAt").is_some_and(|at| at.as_str().is_some_and(|at| at.ends_with('Z'))));
    let certificate = fields["certificates"][0].as_object_mut().context("no certificate")?;
    ensure!(certificate.remove("notAfter").is_some_and(|at| at.as_str().is_some_and(|at| at.ends_with('Z'))));
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "relay": "mail/edge",
        "generation": 1,
        "listeners": [{"name": "mx", "role": "Inbound", "port": relay.address(0).port(), "tls": "StartTls"}],
        "domains": 1,
        "certificates": [{"name": "mx1", "names": ["mx1.example.com"]}],
        "lastRefusal": null,
        "connections": 1,
        "clients": {"own": 0, "cluster": 0},
        "draining": false,
    });
    ensure!(status == expected, "{status:#}\n{expected:#}");
    Ok(())
}

#[tokio::test]
async fn an_admin_port_that_others_reach_does_not_tell_the_status_unless_it_shall() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTls, |_| {}).await?;
    let open = || Server::bind(([0, 0, 0, 0], 0).into());
    for (server, status) in [(open()?, 404), (open()?.telling_status(), 200)] {
        let address = (Ipv4Addr::LOCALHOST, server.address()?.port()).into();
        let serving = tokio::spawn(server.run(Arc::clone(&relay.watched)));
        for (path, expected) in [("/status", status), ("/healthz", 200), ("/readyz", 200), ("/metrics", 200)] {
            let response = http::get(address, path).await?;
            ensure!(response.status == expected, "{path}: {response:?}");
        }
        serving.abort();
    }
    Ok(())
}

#[tokio::test]
async fn metrics_are_in_the_format_of_prometheus() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let _session = relay.client().await?;
    let text = http::get(relay.admin, "/metrics").await?.body;
    let version = env!("CARGO_PKG_VERSION");
    let expected = [
        "# TYPE postern_connections_accepted_total counter".to_owned(),
        r#"postern_connections_open{listener="mx"} 1"#.to_owned(),
        r#"postern_config_reloads_total{result="activated"} 1"#.to_owned(),
        format!(r#"postern_build_info{{version="{version}"}} 1"#),
    ];
    for line in expected {
        ensure!(text.lines().any(|other| other == line), "no {line:?} in\n{text}");
    }
    Ok(())
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() -> Result<()> {
    let relay = Running::waiting()?;
    ensure!(http::get(relay.admin, "/").await?.status == 404);
    ensure!(http::get(relay.admin, "/status/../../etc/passwd").await?.status == 404);
    let mut connection = Client::connect(relay.admin).await?;
    connection.send("POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await?;
    // Its first line, read as a reply of SMTP would be.
    let refused = connection.reply().await.err().context("an SMTP reply from HTTP")?;
    ensure!(refused.to_string().contains("HTTP/1.1 405"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed_and_keep_nobody_out() -> Result<()> {
    let relay = Running::waiting()?;
    let mut silent = Vec::new();
    // As many as are served at once.
    for _ in 0..64 {
        silent.push(Client::connect(relay.admin).await?);
    }
    ensure!(http::get(relay.admin, "/healthz").await?.status == 200);
    for mut connection in silent {
        connection.closed().await?;
    }
    Ok(())
}
