//! How many messages a user may begin.

use std::sync::{Arc, Mutex, PoisonError};

use postern_proto::reply::Reply;
use tokio::time::Instant;

use super::Account;
use crate::rate;

/// Counts the messages of each user in the whole pod, whatever connections they come by. Clones count together.
#[derive(Clone, Default)]
pub struct Rates(Arc<Mutex<rate::Rates<Arc<str>>>>);

impl Rates {
    /// Counts a message that the user begins. When there were too many in the last minute, the reply to MAIL.
    pub fn message(&self, account: &Account) -> Result<(), Reply> {
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = rates.take(Arc::clone(&account.name), account.messages_per_minute, Instant::now().into_std());
        if may { Ok(()) } else { Err(Reply::new(451, (7, 1), "You began too many messages; try again later")) }
    }
}
