//! Waiting for something to become true, with a deadline that is generous: a test never depends on how fast the machine is.

use std::{future::Future, time::Duration};

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep, timeout};

/// How long tests wait for anything. Far more than is needed, so that only a real hang ends it.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Time between two looks of which each starts a process.
const LONG_PAUSE: Duration = Duration::from_millis(500);

/// Calls `look` until it gives a value, for [`PATIENCE`] at most; `what` is said when it never does.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    until_every(PAUSE, what, look).await
}

/// The same for a `look` that costs so much, such as a process, that many of them would hold up what is waited for.
pub async fn now_and_then<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    until_every(LONG_PAUSE, what, look).await
}

async fn until_every<T>(pause: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = look().await {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("waited {PATIENCE:?} in vain for {what}");
        }
        sleep(pause).await;
    }
}

/// Gives `future` [`PATIENCE`]; `what` is said when it takes longer.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    match timeout(PATIENCE, future).await {
        Ok(value) => Ok(value),
        Err(_) => bail!("waited {PATIENCE:?} in vain for {what}"),
    }
}
