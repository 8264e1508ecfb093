//! What came of carrying a relay out, as its status shows it.

use postern_crds::smtp_relay::Address;

use super::Reason;

/// What came of carrying a relay out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Where the relay is reached.
    pub addresses: Vec<Address>,
    /// What kept an object from being written.
    pub trouble: Option<Trouble>,
    /// Why pods don't get ready, or are not all new yet.
    pub waiting: Option<(Reason, String)>,
}

/// What kept an object of a relay from being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In one word.
    pub reason: Reason,
    /// The object, what is wrong, and what mends it.
    pub message: String,
    /// It takes somebody to do something; trying again does not help.
    pub is_final: bool,
}
