//! A number of places, which may change while they are taken.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many at once. Clones are the same places.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    places: Arc<Semaphore>,
    count: usize,
}

impl Default for Slots {
    /// None yet.
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(0)), count: 0 }
    }
}

impl Slots {
    /// Lets `count` in at once from now on. Places that are taken go when they are left and this is called again. Only for the clone that is
    /// kept: others don't know the count.
    pub(super) fn resize(&mut self, count: usize) {
        let count = count.min(Semaphore::MAX_PERMITS);
        if count > self.count {
            self.places.add_permits(count - self.count);
            self.count = count;
        } else {
            self.count -= self.places.forget_permits(self.count - count);
        }
    }

    /// Waits for a place, first come, first served.
    pub(super) async fn acquire(self) -> Option<OwnedSemaphorePermit> {
        self.places.acquire_owned().await.ok()
    }
}
