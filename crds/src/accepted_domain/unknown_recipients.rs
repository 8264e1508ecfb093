use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{as_a_whole, rule};

use super::{
    NextHop, NextHopTls,
    next_hop::{DISTINCT, NOT_DISTINCT},
};

/// Where the mail to recipients goes that the next hops don't know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnknownRecipients {
    /// The servers that know the other recipients. 1 to 16.
    #[schemars(length(min = 1, max = 16))]
    #[schemars(transform = as_a_whole)]
    #[schemars(transform = rule("", DISTINCT, NOT_DISTINCT))]
    pub next_hops: Vec<NextHop>,
    /// What TLS to them must give. Default: TLS with a certificate that a public CA signed for the next hop's host.
    #[serde(default)]
    pub tls: NextHopTls,
}
