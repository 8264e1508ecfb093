//! The file that tells a program how to reach an API server.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::json;

/// How to reach an API server, and as whom.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    /// The server's URL.
    pub url: String,
    /// File of the authority of its certificate, PEM.
    pub authority: PathBuf,
    /// The bearer token.
    pub token: String,
}

impl Kubeconfig {
    /// Writes it to `path`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut cluster = json!({ "server": self.url });
        if self.url.starts_with("https:") {
            cluster["certificate-authority"] = self.authority.display().to_string().into();
        }
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "test", "cluster": cluster }],
            "users": [{ "name": "test", "user": { "token": self.token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
            "current-context": "test",
        });
        // JSON is YAML.
        fs::write(path, config.to_string()).with_context(|| path.display().to_string())
    }
}
