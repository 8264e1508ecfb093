use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may tell the client's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// The networks of the load balancers. 1 to 64 networks in CIDR notation, none of them `/0`.
    #[serde(rename = "trustedCIDRs")]
    #[schemars(schema_with = "crate::schema::some_cidrs")]
    pub trusted_cidrs: Vec<IpNet>,
}
