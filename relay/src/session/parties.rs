//! Who writes to whom: what is known of a message before its content.

use postern_proto::envelope::{MailFrom, RcptTo};
use uuid::Uuid;

use crate::policy::Identity;

/// Who writes to whom, and the name of the message in logs and in Received.
#[derive(Debug)]
pub(super) struct Parties {
    pub(super) id: Uuid,
    pub(super) mail: MailFrom,
    /// Who the client was found to be.
    pub(super) identity: Option<Identity>,
    /// The recipients that a next hop accepted, or that are to be queued, as the client wrote them.
    pub(super) accepted: Vec<RcptTo>,
}

impl Parties {
    pub(super) fn new(mail: MailFrom, identity: Option<Identity>) -> Self {
        Self { id: Uuid::now_v7(), mail, identity, accepted: Vec::new() }
    }
}
