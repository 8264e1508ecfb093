//! A next hop that takes everything, so that a session has somewhere to go, and keeps it.

use std::sync::{Arc, Mutex};

use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use postern_relay::{
    delivery::{Deliver, Destination, Transaction},
    message::Message,
};

/// Takes every message; clones share what was taken.
#[derive(Clone, Default)]
pub(crate) struct Taken(Arc<Mutex<Vec<String>>>);

impl Taken {
    /// The content of the last message, with the Received field of the relay.
    pub(crate) fn last(&self) -> String {
        self.0.lock().unwrap().last().unwrap().clone()
    }
}

impl Deliver for Taken {
    type Transaction = Self;

    fn begin(&self, _: &MailFrom, _: &Arc<Destination>) -> Self {
        self.clone()
    }
}

impl Transaction for Taken {
    async fn rcpt(&mut self, _: &RcptTo) -> Reply {
        Reply::new(250, (1, 5), "Taken")
    }

    async fn deliver(self, mut message: Message) -> Reply {
        let mut content = String::new();
        while let Some(piece) = message.next_chunk().await.unwrap() {
            content.push_str(std::str::from_utf8(piece).unwrap());
        }
        self.0.lock().unwrap().push(content);
        Reply::new(250, (0, 0), "Taken")
    }

    fn abandon(self) {}
}
