//! What the chart gives is in the repository, so that a change of it is looked at: the plain manifests under `deploy`, and what less common
//! values make of it. `make charts` writes these files again.

use std::fs;

use anyhow::{Context, Result, ensure};
use postern_tests::{
    chart::{compare, helm, render, repository},
    cluster::tools::layer_is_off,
};
use serde_json::Value;

/// The values under `tests/vectors/charts`.
const CASES: [&str; 3] = ["everything", "namespaces", "openshift"];

const HEAD: &str = "\
# The operator for those who don't use Helm, with relays in its own namespace. Written from charts/postern by `make charts`: do not edit.
#
#   kubectl apply --server-side --filename crds/yaml --filename deploy/operator.yaml
---
apiVersion: v1
kind: Namespace
metadata:
  name: mail
  labels:
    # The operator and its relays need no more than this.
    pod-security.kubernetes.io/enforce: restricted
";

/// Without what only `helm test` makes, and without the definitions, which `crds/yaml` has.
const PLAIN: [&str; 3] = ["--skip-tests", "--set", "crds.enabled=false"];

#[test]
fn the_plain_manifests_are_the_chart_with_its_defaults() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    let rendered = render(&PLAIN)?;
    compare("deploy/operator.yaml", &format!("{HEAD}{}", rendered.text))
}

#[test]
fn less_common_values_give_what_was_reviewed() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for case in CASES {
        let values = format!("tests/vectors/charts/{case}.yaml");
        let rendered = render(&[&["--values", &values], &PLAIN[..]].concat())?;
        compare(&format!("tests/vectors/charts/{case}.rendered.yaml"), &rendered.text)?;
    }
    Ok(())
}

#[test]
fn helm_finds_nothing_to_complain_of() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for chart in ["charts/postern", "charts/postern-crds"] {
        let output = helm(&["lint", "--strict", chart])?;
        ensure!(output.status.success(), "{chart}: {}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

#[test]
fn the_charts_have_the_version_of_the_programs() -> Result<()> {
    for chart in ["charts/postern", "charts/postern-crds"] {
        let text = fs::read_to_string(repository().join(chart).join("Chart.yaml")).with_context(|| chart.to_owned())?;
        let metadata: Value = serde_saphyr::from_str(&text)?;
        for version in [&metadata["version"], &metadata["appVersion"]] {
            ensure!(version == env!("CARGO_PKG_VERSION"), "{chart} has the version {version}");
        }
        for dependency in metadata["dependencies"].as_array().into_iter().flatten() {
            ensure!(dependency["version"] == env!("CARGO_PKG_VERSION"), "{chart} depends on {dependency}");
        }
    }
    Ok(())
}

#[test]
fn the_definitions_are_kept_unless_the_values_say_otherwise() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    let kept = render(&[])?;
    let mut names: Vec<_> = kept.of_kind("CustomResourceDefinition").map(|definition| &definition["metadata"]["name"]).collect();
    names.sort_by_key(|name| name.as_str());
    ensure!(names == ["accepteddomains.postern.dev", "smtprelays.postern.dev"], "{names:?}");
    for definition in kept.of_kind("CustomResourceDefinition") {
        ensure!(definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep", "{}", definition["metadata"]);
    }
    let adorned = render(&["--values", "tests/vectors/charts/everything.yaml"])?;
    for definition in adorned.of_kind("CustomResourceDefinition") {
        let metadata = &definition["metadata"];
        ensure!(metadata["labels"]["team"] == "mail" && metadata["annotations"]["example.com/reviewed"] == "yes", "{metadata}");
        ensure!(metadata["annotations"]["helm.sh/resource-policy"] == "keep", "{metadata}");
    }
    let dropped = render(&["--set", "crds.keep=false"])?;
    for definition in dropped.of_kind("CustomResourceDefinition") {
        ensure!(definition["metadata"]["annotations"].is_null(), "{}", definition["metadata"]);
    }
    ensure!(render(&["--set", "crds.enabled=false"])?.of_kind("CustomResourceDefinition").count() == 0);
    Ok(())
}
