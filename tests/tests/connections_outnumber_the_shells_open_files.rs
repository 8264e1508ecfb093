//! A relay takes as many connections as the system allows, however few open files it was started with: shells often allow 1024.

use anyhow::{Context, Result};
use postern_config::ListenerTls;
use postern_tests::{client::Client, port, relay::Relay};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const CONNECTIONS: usize = 300;
/// What the relay is started with; the harness needs some too until the relay runs.
const OPEN_FILES: u64 = 128;

#[tokio::test]
async fn hundreds_of_clients_are_greeted_although_the_shell_allows_few_open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(OPEN_FILES), ..limit })?;
    let relay = Relay::start(port::free()?, ListenerTls::StartTls, |_| Ok(())).await?;
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;

    let mut clients = Vec::new();
    for number in 1..=CONNECTIONS {
        let mut client = Client::connect(relay.address).await?;
        client.expect(220).await.with_context(|| format!("connection {number}"))?;
        clients.push(client);
    }
    drop(clients);
    relay.stop().await
}
