//! What the chart lets the operator do: each rule is explained, none is wide, and Secrets are out of reach where no relay runs.

use anyhow::{Context, Result, ensure};
use postern_tests::{
    chart::{Rendered, render, repository},
    cluster::tools::layer_is_off,
};
use serde_json::Value;

/// Values that give other rules than the defaults do.
const VARIANTS: [&[&str]; 5] = [
    &[],
    &["--set", "certManager.enabled=true"],
    &["--set", "watchNamespaces={mail,team-a},secretNamespaces={mail}"],
    &["--set", "secretNamespaces={edge}"],
    &["--set", "secretNamespaces={*},certManager.enabled=true"],
];
/// The only verbs that are of use.
const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];

#[test]
fn every_rule_is_explained_and_none_is_wide() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for arguments in VARIANTS {
        let rendered = render(arguments)?;
        let all: Vec<_> = roles(&rendered).flat_map(rules).collect();
        ensure!(all.len() > 10, "{arguments:?}: only {} rules", all.len());
        for rule in &all {
            for field in ["apiGroups", "resources", "verbs"] {
                ensure!(!texts(&rule[field]).any(|text| text.contains('*')), "{arguments:?}: {rule}");
                ensure!(texts(&rule[field]).next().is_some(), "{arguments:?}: {rule} has no {field}");
            }
            ensure!(texts(&rule["verbs"]).all(|verb| VERBS.contains(&verb)), "{arguments:?}: {rule}");
        }
        let explained = explained_rules(&rendered.text)?;
        ensure!(explained == all.len(), "{arguments:?}: {explained} rules have a comment of their own");
    }
    Ok(())
}

#[test]
fn the_rules_stand_in_one_place() -> Result<()> {
    for folder in ["charts/postern/templates", "charts/postern/templates/tests"] {
        for entry in std::fs::read_dir(repository().join(folder))? {
            let path = entry?.path();
            let has_rules = path.is_file() && std::fs::read_to_string(&path)?.contains("verbs:");
            ensure!(has_rules == path.ends_with("_rules.tpl"), "{}", path.display());
        }
    }
    Ok(())
}

#[test]
fn secrets_are_out_of_reach_where_no_relay_runs() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    let whole = render(&[])?;
    ensure!(!whole.of_kind("ClusterRole").flat_map(rules).any(|rule| touches(rule, "secrets")), "a ClusterRole reaches Secrets");
    ensure!(namespaces_with_secrets(&whole) == ["mail"], "{:?}", namespaces_with_secrets(&whole));

    let listed = render(&["--set", "secretNamespaces={edge,dmz}"])?;
    // Its own CAs are in its own namespace, and nothing else is of its business there.
    ensure!(namespaces_with_secrets(&listed) == ["edge", "dmz"], "{:?}", namespaces_with_secrets(&listed));
    let own = roles(&listed).filter(|role| role["metadata"]["namespace"] == "mail").flat_map(rules);
    for rule in own.filter(|rule| touches(rule, "secrets") && rule["verbs"] != serde_json::json!(["create"])) {
        ensure!(rule["resourceNames"] == serde_json::json!(["postern-ca", "postern-identity"]), "{rule}");
    }

    let followed = render(&["--set", "watchNamespaces={mail,team-a},secretNamespaces={mail}"])?;
    ensure!(namespaces_with_secrets(&followed) == ["mail"], "{:?}", namespaces_with_secrets(&followed));

    let opted = render(&["--set", "secretNamespaces={*}"])?;
    ensure!(opted.only("ClusterRole")?["rules"].as_array().into_iter().flatten().any(|rule| touches(rule, "secrets")));
    Ok(())
}

#[test]
fn with_a_list_of_namespaces_there_is_no_right_in_the_whole_cluster() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    let rendered = render(&["--set", "watchNamespaces={mail,team-a}"])?;
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        ensure!(rendered.of_kind(kind).next().is_none(), "a {kind}");
    }
    let mut namespaces: Vec<_> = rendered.of_kind("RoleBinding").filter_map(|binding| binding["metadata"]["namespace"].as_str()).collect();
    namespaces.sort_unstable();
    ensure!(namespaces == ["mail", "mail", "team-a"], "{namespaces:?}");
    Ok(())
}

#[test]
fn what_a_pod_runs_is_out_of_reach() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for arguments in VARIANTS {
        let rendered = render(arguments)?;
        for rule in roles(&rendered).flat_map(rules) {
            let writes = texts(&rule["verbs"]).any(|verb| !["get", "list", "watch"].contains(&verb));
            ensure!(!(writes && touches(rule, "pods")), "{arguments:?}: {rule}");
            // The resources are their owners'; of them only the status is the operator's.
            ensure!(!(writes && (touches(rule, "smtprelays") || touches(rule, "accepteddomains"))), "{arguments:?}: {rule}");
            if touches(rule, "pods/status") {
                ensure!(rule["verbs"] == serde_json::json!(["patch"]), "{arguments:?}: {rule}");
            }
        }
        let policy = rendered.only("ValidatingAdmissionPolicy")?;
        let binding = rendered.only("ValidatingAdmissionPolicyBinding")?;
        ensure!(
            binding["spec"]["policyName"] == policy["metadata"]["name"]
                && binding["spec"]["validationActions"] == serde_json::json!(["Deny"])
        );
        let condition = policy["spec"]["matchConditions"][0]["expression"].as_str().context("no condition")?;
        let account = rendered.only("ServiceAccount")?["metadata"]["name"].as_str().context("no name")?;
        ensure!(condition.ends_with(&format!("'system:serviceaccount:mail:{account}'")), "{condition}");
    }
    Ok(())
}

#[test]
fn every_binding_is_for_the_operator_alone() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for arguments in VARIANTS {
        let rendered = render(arguments)?;
        let account = &rendered.only("ServiceAccount")?["metadata"];
        let bindings = rendered.of_kind("RoleBinding").chain(rendered.of_kind("ClusterRoleBinding"));
        for binding in bindings {
            let subject = serde_json::json!([{ "kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"] }]);
            ensure!(binding["subjects"] == subject, "{arguments:?}: {binding}");
        }
        let pod = &rendered.only("Deployment")?["spec"]["template"]["spec"];
        ensure!(pod["serviceAccountName"] == account["name"], "{arguments:?}");
    }
    Ok(())
}

fn roles(rendered: &Rendered) -> impl Iterator<Item = &Value> {
    rendered.of_kind("ClusterRole").chain(rendered.of_kind("Role"))
}

fn rules(role: &Value) -> impl Iterator<Item = &Value> {
    role["rules"].as_array().into_iter().flatten()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn touches(rule: &Value, resource: &str) -> bool {
    texts(&rule["resources"]).any(|one| one == resource)
}

/// Namespaces in which every Secret can be read.
fn namespaces_with_secrets(rendered: &Rendered) -> Vec<&str> {
    let whole = |role: &&Value| rules(role).any(|rule| touches(rule, "secrets") && texts(&rule["verbs"]).any(|verb| verb == "list"));
    rendered.of_kind("Role").filter(whole).filter_map(|role| role["metadata"]["namespace"].as_str()).collect()
}

/// How many rules have a comment right above them that no other rule has. Fails at a rule without one.
fn explained_rules(text: &str) -> Result<usize> {
    let lines: Vec<_> = text.lines().collect();
    let mut count = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("- apiGroups:")) {
        ensure!(at > 0 && lines[at - 1].starts_with("# "), "no comment above line {}: {line}", at + 1);
        count += 1;
    }
    Ok(count)
}
