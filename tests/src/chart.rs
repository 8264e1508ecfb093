//! The charts as a user meets them: rendered by helm.

use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::cluster::tools::find;

/// The namespace that the releases of tests are in.
pub const NAMESPACE: &str = "mail";

/// A chart, rendered.
pub struct Rendered {
    /// What helm printed.
    pub text: String,
    /// The objects in it.
    pub objects: Vec<Value>,
}

/// Renders the chart `postern` as a release of that name, with `arguments` after those that name it.
pub fn render(arguments: &[&str]) -> Result<Rendered> {
    let output = helm(&[&["template", "postern", "charts/postern"], arguments].concat())?;
    let (text, complaint) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "helm template {arguments:?}: {complaint}");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).with_context(|| format!("helm template {arguments:?} printed no YAML"))?;
    Ok(Rendered { text, objects: objects.into_iter().filter(|object| !object.is_null()).collect() })
}

/// Why helm refuses to render the chart with `arguments`.
pub fn refusal(arguments: &[&str]) -> Result<String> {
    let output = helm(&[&["template", "postern", "charts/postern"], arguments].concat())?;
    ensure!(!output.status.success(), "helm template {arguments:?} should be refused");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs helm in the repository, as if it spoke to the API server of the tests.
pub fn helm(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(find("helm")?);
    command.current_dir(repository()).args(arguments).args(["--namespace", NAMESPACE]);
    if arguments.first() == Some(&"template") {
        command.args(["--kube-version", "v1.35.4"]);
    }
    command.output().context("helm")
}

/// The root of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// Fails unless the file `name` of the repository holds `generated`. With `POSTERN_WRITE` set it is written first: that is `make charts`.
pub fn compare(name: &str, generated: &str) -> Result<()> {
    let file = repository().join(name);
    if env::var_os("POSTERN_WRITE").is_some() {
        fs::write(&file, generated).with_context(|| name.to_owned())?;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    if kept == generated {
        return Ok(());
    }
    let at = kept.lines().zip(generated.lines()).position(|(kept, generated)| kept != generated);
    bail!(
        "{name} is not what the chart gives, first in line {}; look at the change, run `make charts` and commit",
        at.map_or(0, |line| line + 1)
    );
}

impl Rendered {
    /// The objects of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// The only object of a kind.
    pub fn only(&self, kind: &str) -> Result<&Value> {
        let mut objects = self.objects.iter().filter(|object| object["kind"] == kind);
        let object = objects.next().with_context(|| format!("no {kind}"))?;
        ensure!(objects.next().is_none(), "more than one {kind}");
        Ok(object)
    }
}
