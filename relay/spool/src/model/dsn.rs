//! What the sender wants to hear about its message (RFC 3461).

use serde::{Deserialize, Serialize};

/// The parameters of MAIL FROM that are about reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DsnRequest {
    /// RET: how much of the message a report brings back (RFC 3461 section 4.3); `None` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ret: Option<Return>,
    /// ENVID: the sender's own name of the transaction, decoded from xtext (section 4.4); at most 100 characters in its encoded form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<String>,
}

/// RET (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Return {
    /// `FULL`: the whole message.
    Full,
    /// `HDRS`: its header.
    Headers,
}

/// NOTIFY of one recipient (RFC 3461 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Notify {
    /// `NEVER`: no report at all.
    Never,
    /// Reports on these events.
    On {
        /// `SUCCESS`: when it is delivered.
        success: bool,
        /// `FAILURE`: when it can't be.
        failure: bool,
        /// `DELAY`: when it takes long.
        delay: bool,
    },
}

/// ORCPT: the recipient as the sender first named it (RFC 3461 section 4.2); at most 500 characters in its encoded form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginalRecipient {
    /// The kind of address: `rfc822`, `utf-8` (RFC 6533) or another.
    pub address_type: String,
    /// The address, decoded from xtext.
    pub address: String,
}
