//! Every pod of the chart passes the `restricted` Pod Security Standard, whatever the values are.

use anyhow::{Result, ensure};
use postern_tests::{chart::render, cluster::tools::layer_is_off, restricted::breaches};
use serde_json::{Value, json};

const VARIANTS: [&[&str]; 4] =
    [&[], &["--set", "runAsUser=1000680000"], &["--set", "runAsUser=cluster"], &["--values", "tests/vectors/charts/everything.yaml"]];

#[test]
fn every_pod_passes_the_standard() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for arguments in VARIANTS {
        let rendered = render(arguments)?;
        let pods: Vec<_> = rendered.objects.iter().filter_map(pod).collect();
        ensure!(!pods.is_empty(), "{arguments:?}: no pods");
        for pod in pods {
            let breaches = breaches(pod);
            ensure!(breaches.is_empty(), "{arguments:?}: {breaches:?}");
        }
    }
    Ok(())
}

#[test]
fn the_user_is_a_number_or_left_to_the_cluster() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    let user = |arguments: &[&str]| -> Result<Value> {
        let rendered = render(arguments)?;
        Ok(rendered.only("Deployment")?["spec"]["template"]["spec"]["securityContext"]["runAsUser"].clone())
    };
    ensure!(user(&[])? == 10_001);
    ensure!(user(&["--set", "runAsUser=1000680000"])? == 1_000_680_000);
    ensure!(user(&["--set", "runAsUser=cluster"])?.is_null());
    Ok(())
}

#[test]
fn a_pod_that_breaks_the_standard_is_noticed() {
    assert!(!breaches(&json!({ "containers": [{ "name": "bare" }] })).is_empty());
}

/// The spec of the pods that an object makes.
fn pod(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "Pod" => Some(&object["spec"]),
        "Deployment" | "Job" => Some(&object["spec"]["template"]["spec"]),
        _ => None,
    }
}
