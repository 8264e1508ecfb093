//! How many files the process may have open. Every connection is one, and shells and container engines often allow 1024 unless asked.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Allows the process as many open files as the system lets it have: raises the soft limit to the hard one.
pub fn raise_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}
