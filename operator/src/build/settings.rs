//! What the operator itself brings into the build.

use std::{collections::BTreeMap, str::FromStr};

use clap::Args;

use crate::{dereference::CLUSTER_DOMAIN, inventory::NAMESPACE_NAME_LABEL};

/// What the operator itself brings into the build: the same for every relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The operator's own namespace: its pods may ask relays for their state.
    pub namespace: String,
    /// The domain of the cluster's Services.
    pub cluster_domain: String,
    /// What is set for all relays.
    pub relays: RelayOptions,
}

/// Flags about relays, of each command that builds them.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RelayOptions {
    /// The image that relays run
    #[arg(long, default_value = concat!("postern:", env!("CARGO_PKG_VERSION")))]
    pub image: String,
    /// The user and group of relays: a number of 1 or more, or `cluster` where each namespace has users of its own
    #[arg(long, value_name = "UID|cluster", default_value = "10001")]
    pub run_as_user: RunAs,
    /// Labels of the namespaces whose pods may read the metrics of relays, as `KEY=VALUE,KEY=VALUE`; empty: none may
    #[arg(long, value_name = "LABELS", default_value = "kubernetes.io/metadata.name=monitoring")]
    pub metrics_namespace_labels: NamespaceLabels,
}

impl Settings {
    /// Relays that run `image`, of an operator in `namespace`; else what the flags default to.
    #[must_use]
    pub fn new(namespace: &str, image: &str) -> Self {
        let monitoring = (NAMESPACE_NAME_LABEL.to_owned(), "monitoring".to_owned());
        let relays = RelayOptions {
            image: image.to_owned(),
            run_as_user: RunAs::User(10_001),
            metrics_namespace_labels: NamespaceLabels([monitoring].into()),
        };
        Self { namespace: namespace.to_owned(), cluster_domain: CLUSTER_DOMAIN.to_owned(), relays }
    }
}

/// Whom the processes of pods run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunAs {
    /// A user, and a group of the same number. No name stands behind them.
    User(i64),
    /// Whom the cluster says, and the image where it says nothing; never root.
    Cluster,
}

impl RunAs {
    /// The user and group, where they are set.
    pub(super) fn id(self) -> Option<i64> {
        match self {
            Self::User(id) => Some(id),
            Self::Cluster => None,
        }
    }
}

impl FromStr for RunAs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "cluster" {
            return Ok(Self::Cluster);
        }
        // Kubernetes holds user ids to 31 bits.
        let id = text.parse().ok().filter(|id| (1..=i64::from(i32::MAX)).contains(id));
        id.map(Self::User).ok_or_else(|| "must be a number of 1 to 2147483647, or `cluster`".to_owned())
    }
}

/// Labels that a namespace must have, all of them; when there are none, no namespace is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceLabels(pub BTreeMap<String, String>);

impl FromStr for NamespaceLabels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let label = |label: &str| match label.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
            _ => Err(format!("`{label}` is not KEY=VALUE")),
        };
        text.split(',').filter(|part| !part.trim().is_empty()).map(label).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        relays: RelayOptions,
    }

    #[test]
    fn the_defaults_of_the_flags_are_the_defaults() {
        let image = format!("postern:{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(Cli::parse_from(["operator"]).relays, Settings::new("any", &image).relays);
    }

    #[test]
    fn root_is_nobody_that_a_relay_may_be() {
        assert_eq!("1000680000".parse(), Ok(RunAs::User(1_000_680_000)));
        assert_eq!("cluster".parse(), Ok(RunAs::Cluster));
        for text in ["0", "-1", "root", "", "2147483648"] {
            assert!(text.parse::<RunAs>().is_err(), "{text}");
        }
    }

    #[test]
    fn labels_are_read_one_by_one() {
        let labels = |text: &str| text.parse::<NamespaceLabels>().map(|labels| labels.0.into_iter().collect::<Vec<_>>());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(labels("a=b, c.d/e="), Ok(vec![pair("a", "b"), pair("c.d/e", "")]));
        assert_eq!(labels(""), Ok(Vec::new()));
        assert!(labels("monitoring").is_err());
    }
}
