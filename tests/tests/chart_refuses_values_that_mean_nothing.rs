//! A value that is spelt wrong would be a setting that silently does not hold, so the chart refuses what it does not know.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use postern_tests::{
    chart::{refusal, render, repository},
    cluster::tools::layer_is_off,
};
use serde_json::Value;

/// Values, and a part of what helm says of them.
const WRONG: [(&str, &str); 9] = [
    ("replica=3", "replica"),
    ("image.tags=1", "tags"),
    ("metrics.serviceMonitor.enable=true", "enable"),
    ("crds.kept=true", "kept"),
    ("networkPolicy.apiServer.port=6443", "port"),
    ("resources.limit.memory=1Gi", "limit"),
    ("runAsUser=0", "runAsUser"),
    ("secretNamespaces={*,mail}", "secretNamespaces"),
    ("logging.format=yaml", "format"),
];

#[test]
fn what_is_not_among_the_values_is_refused() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for (values, named) in WRONG {
        let said = refusal(&["--set", values])?;
        ensure!(said.contains("schema") && said.contains(named), "{values}: {said}");
    }
    Ok(())
}

#[test]
fn a_relays_namespace_that_is_not_followed_is_refused() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    let said = refusal(&["--set", "watchNamespaces={mail},secretNamespaces={edge}"])?;
    ensure!(said.contains("secretNamespaces has edge, which watchNamespaces has not"), "{said}");
    render(&["--set", "watchNamespaces={mail,edge},secretNamespaces={edge}"])?;
    Ok(())
}

#[test]
fn every_object_of_the_schemas_says_which_keys_it_takes() -> Result<()> {
    for chart in ["charts/postern", "charts/postern-crds"] {
        let mut open = Vec::new();
        visit("", &schema(chart)?, &mut |path, schema| {
            if schema["type"] == "object" && schema["additionalProperties"].is_null() {
                open.push(path.to_owned());
            }
        });
        // Helm itself puts this in, for all charts of a release.
        open.retain(|path| !path.ends_with("properties.global"));
        ensure!(open.is_empty(), "{chart} takes any key in {open:?}");
    }
    Ok(())
}

#[test]
fn the_schema_has_every_value_and_no_other() -> Result<()> {
    let schema = schema("charts/postern")?;
    let text = fs::read_to_string(repository().join("charts/postern/values.yaml"))?;
    let values: Value = serde_saphyr::from_str(&text)?;
    same_keys("", &schema, &schema, &values)
}

fn same_keys(path: &str, root: &Value, schema: &Value, values: &Value) -> Result<()> {
    let schema = match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/definitions/")) {
        Some(name) => &root["definitions"][name],
        None => schema,
    };
    let Some(properties) = schema["properties"].as_object() else { return Ok(()) };
    let known: BTreeSet<_> = properties.keys().filter(|name| *name != "global").collect();
    let set = values.as_object().with_context(|| format!("{path} has no keys in values.yaml"))?;
    // Of these a container may have any, and has what it needs.
    if !path.starts_with("resources.") {
        ensure!(known == set.keys().collect(), "{path} has other keys in values.yaml than in values.schema.json");
    }
    for (name, value) in set {
        same_keys(&format!("{path}{name}."), root, &properties[name], value)?;
    }
    Ok(())
}

fn schema(chart: &str) -> Result<Value> {
    let text = fs::read_to_string(repository().join(chart).join("values.schema.json")).with_context(|| chart.to_owned())?;
    Ok(serde_json::from_str(&text)?)
}

fn visit(path: &str, value: &Value, see: &mut impl FnMut(&str, &Value)) {
    see(path, value);
    for (name, child) in value.as_object().into_iter().flatten() {
        visit(&format!("{path}.{name}"), child, see);
    }
}
