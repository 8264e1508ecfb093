//! What can be wrong with a reference.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;

use crate::{inventory::Key, material::MaterialError};

/// A reference that can't be used: which, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {target}: {fault}")]
pub struct ReferenceProblem {
    /// The field that refers, as a path in the resource.
    pub field: String,
    /// What it refers to.
    pub target: Target,
    /// Why it can't be used, and what would mend it.
    pub fault: Fault,
}

/// An object that a resource refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What kind of object it is.
    pub kind: TargetKind,
    /// Where it is.
    pub key: Key,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.key)
    }
}

/// Kinds of objects that are referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A Service.
    Service,
}

/// As the API writes the kind.
impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::Service => "Service",
        })
    }
}

/// Why an object that is referred to can't be used, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no such object.
    #[error("is not there; create it, or change the reference")]
    NotFound,
    /// An issuer was asked for it, and it is not there yet.
    #[error(
        "is not there yet; cert-manager makes it when the Certificate {0} is issued, which `kubectl describe certificate {0}` tells about"
    )]
    NotIssued(String),
    /// Nobody in its namespace agreed to the reference.
    #[error("may not be referred to; create a ReferenceGrant in its namespace, from group postern.dev, {from}, to its kind and name")]
    NotPermitted {
        /// The kind and the namespace that refer.
        from: String,
    },
    /// The operator may not read Secrets there.
    #[error("can't be read: the operator may not read Secrets of namespace {0}; add it to the chart's value `secretNamespaces`")]
    SecretsNotReadable(String),
    /// The operator reads nothing there.
    #[error("can't be read: the operator does not watch namespace {0}; add it to the chart's value `watchNamespaces`, or copy the object")]
    NamespaceNotReadable(String),
    /// A Service has no such port.
    #[error("has no port {port}{}; change `port`, or add it to the Service", has(.ports))]
    NoPort {
        /// The port of the next hop.
        port: i32,
        /// Those of the Service.
        ports: Vec<i32>,
    },
    /// A Secret lacks half of a certificate with its key.
    #[error("has no key `{0}`; put the certificate chain into `tls.crt` and its private key into `tls.key`")]
    NoPair(String),
    /// The object has no such key.
    #[error("has no key `{0}`; add it, or name another key")]
    NoKey(String),
    /// The value is not text.
    #[error("the value of `{0}` is not UTF-8 text")]
    NotText(String),
    /// The value is not what it should be.
    #[error("`{key}` {source}")]
    Material {
        /// The key of the object whose value is wrong.
        key: String,
        /// What is wrong with it.
        source: MaterialError,
    },
    /// The value of a key whose name is not chosen by who refers is missing, or is not what it should be.
    #[error("`{key}` {problem}")]
    Value {
        /// The key of the Secret.
        key: &'static str,
        /// What is wrong with it, and what mends it.
        problem: Cow<'static, str>,
    },
    /// Another user has the name.
    #[error("`username` is that of Secret {0} too; give each user a name of its own")]
    NameTaken(Key),
    /// The certificate is of the past.
    #[error("the certificate ended on {}; renew it", .0.strftime("%Y-%m-%d %H:%M UTC"))]
    Expired(Timestamp),
    /// A line of a list is no mailbox.
    #[error("line {line} of `{key}` is not a mailbox such as user@example.com; mend or remove it")]
    NotAMailbox {
        /// The key of the ConfigMap.
        key: String,
        /// The line, from 1.
        line: usize,
    },
    /// A list does not fit in a file of the configuration.
    #[error(
        "`{0}` holds a list that is larger than 1 MiB once it is written for the relay; split the domain's recipients, or let the next hop say which exist"
    )]
    ListTooLarge(String),
}

fn has(ports: &[i32]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    if ports.is_empty() { String::new() } else { format!(" (it has {})", ports.join(", ")) }
}
