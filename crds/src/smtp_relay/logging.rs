use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the pods log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Logging {
    /// One JSON object per line, or lines for people: `Json` or `Text`. Default `Json`.
    pub format: LogFormat,
    /// The least severe that is logged: `Error`, `Warn`, `Info` or `Debug`. Each message is one line at `Info`. Default `Info`.
    pub level: LogLevel,
    /// Whether mail addresses are logged without their local part. Default false.
    pub redact_addresses: bool,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// Lines for people.
    Text,
}

/// The least severe that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum LogLevel {
    /// What the relay could not do.
    Error,
    /// What somebody should look at.
    Warn,
    /// One line per message and session.
    #[default]
    Info,
    /// Decisions and their reasons.
    Debug,
}
