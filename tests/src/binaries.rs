//! Where the programs under test are: beside the test that looks for them, as cargo built them.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// The path of a program of this workspace. Fails, and says what to do, when it was not built.
pub fn find(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    // target/debug/deps/NAME for a test, target/debug/NAME for a program.
    let folder = this.parent().context("a program without a folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().context("a folder `deps` without a parent")? } else { folder };
    let path = folder.join(name);
    ensure!(path.exists(), "{} is missing: build the programs first with `cargo build --bins` (`make test` does)", path.display());
    Ok(path)
}
