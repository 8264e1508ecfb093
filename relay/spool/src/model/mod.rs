//! What lies in the queue: a message's envelope, and how far its delivery has come.

mod address;
mod dsn;
mod entry;
mod envelope;
mod id;
mod status;

pub use postern_proto::envelope::{DsnRequest, Notify, OriginalRecipient, Return};

pub use entry::{Entry, Listed};
pub use envelope::{Envelope, Origin, Recipient};
pub use id::MessageId;
pub use status::{Failure, MAX_FAILURE_TEXT, Relayed, Retry, Status};
