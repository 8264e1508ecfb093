//! Programs of Kubernetes: where they are, and whether this layer is to run at all.

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// Set to the reason when the programs can't be had on this machine; `make test` does it.
const OFF: &str = "POSTERN_NO_APISERVER";

/// Whether the tests against an API server are to be skipped; then it says so, past the capture of the test runner.
#[must_use]
pub fn layer_is_off() -> bool {
    let Some(reason) = env::var_os(OFF) else { return false };
    let _ = writeln!(io::stderr(), "skipped, for there is no API server here: {}", reason.display());
    true
}

/// The path of a program: from the folder that `KUBEBUILDER_ASSETS` names, or else from `tests/tool`, which builds it when it is missing.
pub fn find(name: &str) -> Result<PathBuf> {
    if let Some(path) = env::var_os("KUBEBUILDER_ASSETS").map(|folder| Path::new(&folder).join(name)).filter(|path| path.exists()) {
        return Ok(path);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tool");
    let output = Command::new(&script).arg(name).stderr(Stdio::inherit()).output().with_context(|| script.display().to_string())?;
    ensure!(output.status.success(), "tests/tool {name} failed ({}); without it, set {OFF} to skip these tests", output.status);
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}
