//! Hands the queue over to peers, the other pods of the same relay, when this one ends.
//!
//! It goes message by message: the peer commits it, answers 200, and only then it is finished here. So each is always in at least one of the two
//! queues. It may be in both for a while, under one name: whoever hears of it a second time answers that it has it.
//!
//! Both sides show identities of the relay (the [control port](crate::admin::Control)). One request is one message, `PUT /handover/ID`, whose
//! body is:
//!
//! | bytes | |
//! |---|---|
//! | 4 | length of the head, big-endian |
//! | so many | the head, JSON: version, envelope, statuses, whether it is held, size of the content |
//! | so many as the head says | the content |
//! | 32 | SHA-256 of all before |
//!
//! | answer | what it means for the sender |
//! |---|---|
//! | 200 | it is durable at the peer, now or since an earlier time: forget it |
//! | 4xx | this peer will never take it: keep it, or ask another peer |
//! | 503, 507 | this peer takes nothing now: keep it, and ask another peer |
//! | 500, or none | the peer may have it: ask the same peer again |

mod body;
mod head;
mod link;
mod metrics;
mod peers;
mod receive;
mod recent;
mod refusal;
mod request;
mod send;
mod serve;
mod trip;

pub use metrics::Metrics;
pub use peers::Peers;
pub use receive::Receiver;
pub use send::{Outcome, Sender};
pub(crate) use serve::Door;
