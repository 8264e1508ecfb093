//! What the relay says of itself.

use std::{net::SocketAddr, time::Duration};

use crate::{observe::Answer, status::Pods};

/// How long the relay may take to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4 << 20;

/// Asks the relay whose admin port is `admin`. One that does not answer is a pod that is not ready.
pub(super) async fn observe(admin: SocketAddr) -> Pods {
    let asked = tokio::task::spawn_blocking(move || ask(admin)).await;
    let Some(answer) = asked.ok().flatten() else {
        return Pods { count: 1, ..Pods::default() };
    };
    let ready = answer.config_hash.is_some() && !answer.draining;
    Pods {
        count: 1,
        ready: i32::from(ready),
        config_hash: answer.config_hash,
        clients: answer.clients,
        queues: answer.spool.into_iter().collect(),
        refusals: answer.last_refusal.map(|refusal| refusal.reasons).unwrap_or_default(),
        delays: Vec::new(),
    }
}

fn ask(admin: SocketAddr) -> Option<Answer> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(DEADLINE)).build().into();
    let mut response = agent.get(format!("http://{admin}/status")).call().ok()?;
    let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string().ok()?;
    serde_json::from_str(&text).ok()
}
