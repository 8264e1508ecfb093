//! Waits for what blocks, on threads that are there for it.

use std::{io, panic::resume_unwind};

use tokio::task::spawn_blocking;

/// Does the work where it may block. It is done to its end even if this future is dropped.
pub(super) async fn run<T: Send + 'static, E: From<io::Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(error) => Err(io::Error::other(error).into()),
        },
    }
}

/// Does the work where it may block, and tells nobody.
pub(super) fn run_later(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}
