use std::collections::BTreeMap;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

/// Whose domains are let in, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    ".domains",
    "self.namespaces.from == 'Same' || has(self.domains)",
    "other namespaces could take mail of any domain; list in domains those that they may have, such as example.com or *.example.com",
))]
pub struct AllowedDomains {
    /// The namespaces whose AcceptedDomains are let in. Default: the relay's own.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// The domains that are let in: `example.com`, or `*.example.com` for every name below it. A domain with `includeSubdomains` needs the
    /// wildcard too. 1 to 64. Default: every domain, which is for the relay's own namespace only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::domain_patterns")]
    pub domains: Vec<String>,
    /// The networks that the next hops of these domains must be in. An IP address outside of them is refused; of a host name, and of a
    /// Service, the relay uses the addresses that are in them. Up to 64 networks in CIDR notation; none: anywhere.
    #[serde(rename = "nextHopCIDRs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::cidrs")]
    pub next_hop_cidrs: Vec<IpNet>,
}

/// Some namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rule(
    ".selector",
    "self.from != 'Selector' || has(self.selector)",
    "Selector needs labels to select by; set selector.matchLabels",
))]
#[schemars(transform = rule(
    ".selector",
    "self.from == 'Selector' || !has(self.selector)",
    "only Selector looks at labels; remove selector, or write from: Selector",
))]
pub struct Namespaces {
    /// Which: `Same`, the relay's own; `All`, every one of the cluster; `Selector`, those with the labels of `selector`. `All` and `Selector`
    /// need an operator that watches the whole cluster. Default `Same`.
    pub from: NamespacesFrom,
    /// The labels of the namespaces, with `Selector`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LabelSelector")]
    pub selector: Option<LabelSelector>,
}

/// Which namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NamespacesFrom {
    /// The relay's own.
    #[default]
    Same,
    /// Every one.
    All,
    /// Those with certain labels.
    Selector,
}

/// What has certain labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    ".matchLabels",
    "self.matchLabels.size() > 0",
    "no label selects every namespace; name a label, or write from: All",
))]
pub struct LabelSelector {
    /// Labels and their values, all of which must be there. 1 to 32.
    #[schemars(schema_with = "crate::schema::labels")]
    pub match_labels: BTreeMap<String, String>,
}
