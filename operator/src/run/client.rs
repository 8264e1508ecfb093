//! Clients of the API server.

use std::time::Duration;

use kube::{Client, Config, config::InferConfigError};
use rustls::crypto::aws_lc_rs;

/// For connecting to the API server.
const CONNECT: Duration = Duration::from_secs(5);

/// What is needed to reach the API server: that of the pod's service account, or of the kubeconfig.
///
/// Nothing is retried by the client: whoever asks knows whether and when an answer is still of use.
pub(super) async fn config() -> Result<Config, InferConfigError> {
    // The first to come decides for the process; there is only one implementation here anyway.
    let _ = aws_lc_rs::default_provider().install_default();
    let mut config = Config::infer().await?;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    Ok(config)
}

/// A client with connections of its own, so that what waits on one does not keep the other from asking.
pub(super) fn client(config: &Config) -> kube::Result<Client> {
    Client::try_from(config.clone())
}
