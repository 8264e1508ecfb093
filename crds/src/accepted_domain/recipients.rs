use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ListReference;
use crate::schema::rule;

/// Which recipients exist in a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rule(
    ".listRef",
    "!has(self.validation) || self.validation != 'List' || has(self.listRef)",
    "the validation List needs a list; set listRef to a ConfigMap that holds it",
))]
#[schemars(transform = rule(
    ".listRef",
    "(has(self.validation) && self.validation == 'List') || !has(self.listRef)",
    "only the validation List reads a list; remove listRef, or make the validation List",
))]
pub struct Recipients {
    /// Who says whether a recipient exists. Either way an unknown one is refused at RCPT, so nobody gets a bounce.
    ///
    /// `NextHop`: the next hop is asked. `List`: the list of `listRef`; who is on it is asked of the next hop too. Default: `NextHop`; with
    /// the type `ExternalRelay` nobody says, and this is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RecipientValidation")]
    pub validation: Option<RecipientValidation>,
    /// The list of the mailboxes that exist, with the validation `List`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_ref: Option<ListReference>,
    /// Mailboxes of the domain that get no mail: 550 5.7.1, whoever asks. Up to 256, in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::mailboxes")]
    pub blocked: Vec<String>,
}

/// Who says whether a recipient exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RecipientValidation {
    /// The next hop.
    NextHop,
    /// A list.
    List,
}
