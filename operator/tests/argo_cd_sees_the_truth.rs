//! The script that Argo CD asks for the health of resources says what kstatus does, in Argo CD's words. It runs in Debian's Lua 5.1, the language of
//! Argo CD's own interpreter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "functions that tests share are tests too")]

mod support;

use std::{
    fs,
    io::{self, Write as _},
    process::{Command, Stdio},
};

use postern_operator::inventory::Key;
use serde_json::{Value, json};
use support::{
    kstatus::Kstatus,
    scenarios::{Scenario, scenarios},
    statuses::{edge, noon, settle},
};

const FRAGMENT: &str = "../deploy/argocd/health.yaml";

/// What the script says of a resource.
#[derive(Debug, PartialEq, Eq)]
struct Health {
    status: String,
    message: String,
}

/// The scripts for both kinds, as Argo CD finds them in its settings.
fn scripts() -> [String; 2] {
    let settings: Value = serde_saphyr::from_str(&fs::read_to_string(FRAGMENT).unwrap()).unwrap();
    let data = settings["data"].as_object().unwrap();
    assert_eq!((settings.as_object().unwrap().len(), data.len()), (1, 2), "the fragment touches more than the scripts");
    ["SmtpRelay", "AcceptedDomain"]
        .map(|kind| data[&format!("resource.customizations.health.postern.dev_{kind}")].as_str().unwrap().to_owned())
}

/// Runs `script` on `resource`, which it finds in `obj`.
fn health(script: &str, resource: &Value) -> Health {
    let program = format!(
        "obj = {}\nlocal function judge()\n{script}\nend\nlocal health = judge()\nio.write(health.status, '\\n', health.message)\n",
        literal(resource)
    );
    let mut lua = Command::new("lua5.1").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let lua = lua.as_mut().expect("lua5.1 is missing: `tests/setup` installs it");
    lua.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let said = io::read_to_string(lua.stdout.take().unwrap()).unwrap();
    assert!(lua.wait().unwrap().success(), "{program}");
    let (status, message) = said.split_once('\n').unwrap();
    Health { status: status.to_owned(), message: message.to_owned() }
}

/// A value as Lua writes it. What is null is not there, as in what Argo CD hands over.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => text_literal(text),
        Value::Array(items) => format!("{{{}}}", items.iter().map(literal).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("[{}]={}", text_literal(name), literal(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
    }
}

fn text_literal(text: &str) -> String {
    let bytes: Vec<_> = text.bytes().map(|byte| format!("\\{byte:03}")).collect();
    format!("\"{}\"", bytes.concat())
}

/// The scenario's relay and domain, each with a status that is about its generation.
fn settled(scenario: Scenario) -> [Value; 2] {
    let Scenario { mut inventory, pods, applied, .. } = scenario;
    for metadata in inventory.relays.values_mut().map(|relay| &mut relay.metadata) {
        metadata.generation = Some(3);
    }
    for metadata in inventory.domains.values_mut().map(|domain| &mut domain.metadata) {
        metadata.generation = Some(7);
    }
    settle(&mut inventory, pods, &applied, noon());
    let domain = &inventory.domains[&Key::new("mail", "a")];
    [serde_json::to_value(&inventory.relays[&edge()]).unwrap(), serde_json::to_value(domain).unwrap()]
}

fn expected(name: &str, status: Kstatus, resource: &Value) -> &'static str {
    match status {
        // kstatus has no word for what is meant to rest.
        _ if name == "scaled to zero" && resource["kind"] == "SmtpRelay" => "Suspended",
        Kstatus::Current => "Healthy",
        Kstatus::Failed => "Degraded",
        Kstatus::InProgress => "Progressing",
    }
}

#[test]
fn each_scenario_is_what_kstatus_says() {
    let scripts = scripts();
    for scenario in scenarios() {
        let (name, statuses) = (scenario.name, [scenario.relay, scenario.domain]);
        for ((script, mut resource), status) in scripts.iter().zip(settled(scenario)).zip(statuses) {
            let health_now = health(script, &resource);
            assert_eq!(health_now.status, expected(name, status, &resource), "{name}: {resource:#}");
            assert_ne!(health_now.message, "", "{name}");
            resource["metadata"]["generation"] = json!(8);
            assert_eq!(health(script, &resource).status, "Progressing", "{name}: after an edit");
        }
    }
}

#[test]
fn what_is_wrong_stands_in_the_message() {
    let [relay_script, domain_script] = scripts();
    let find = |name: &str| settled(scenarios().into_iter().find(|scenario| scenario.name == name).unwrap());
    let [relay, _] = find("the certificate is missing, and an old one runs");
    let said = health(&relay_script, &relay).message;
    assert!(said.starts_with("RefNotFound: ") && said.contains("Secret mail/mx-tls: is not there; create it"), "{said}");
    let [_, domain] = find("another claimed the domain");
    let said = health(&domain_script, &domain).message;
    assert!(said.starts_with("DomainConflict: ") && said.contains("claimed this name before"), "{said}");
}

#[test]
fn a_resource_that_nobody_has_seen_yet_is_on_its_way() {
    for script in scripts() {
        for status in [json!(null), json!({}), json!({ "observedGeneration": 1 }), json!({ "observedGeneration": 1, "conditions": [] })] {
            let resource = json!({ "metadata": { "generation": 1 }, "status": status });
            assert_eq!(health(&script, &resource).status, "Progressing", "{resource}");
        }
    }
}
