//! What `helm test` makes: the operator builds a relay of it to which the probe's arguments fit, and it leaves nothing behind. That mail passes is for
//! a node to show, and here for a relay that is made by hand, with the certificates of the chart.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use postern_config::{DomainName, DomainType, ListenerTls, NextHopTlsMode, material::trust_file};
use postern_tests::{
    binaries,
    chart::{Rendered, render},
    cluster::tools::layer_is_off,
    config::HOSTNAME,
    pki::Authority,
    port,
    relay::Relay,
    tool,
};
use serde_json::{Value, json};

/// Values that change where the test runs, or as whom.
const VARIANTS: [&[&str]; 5] = [
    &[],
    &["--set", "secretNamespaces={edge,dmz}"],
    &["--set", "watchNamespaces={team-a,team-b},secretNamespaces={*}"],
    &["--set", "fullnameOverride=0123456789012345678901234567890123456789,clusterDomain=corp.example"],
    &["--values", "tests/vectors/charts/everything.yaml"],
];

#[tokio::test]
async fn the_operator_builds_what_the_probe_looks_for() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for arguments in VARIANTS {
        let test = test_of(&render(arguments)?);
        let built = build(&test).await.with_context(|| format!("{arguments:?}"))?;
        let pod = only(&test, "Pod")?;
        let namespace = &pod["metadata"]["namespace"];
        ensure!(
            test.iter().chain(&built).all(|object| object["metadata"]["namespace"] == *namespace),
            "{arguments:?}: not in one namespace"
        );

        let (host, port) = argument(pod, "relay")?.split_once(':').context("no port")?;
        let service = named(&built, "Service", host)?;
        ensure!(service["spec"]["type"] == "ClusterIP" && service["spec"]["ports"][0]["port"] == port.parse::<u16>()?, "{service}");
        let target = &service["spec"]["ports"][0]["targetPort"];
        let policy = only(&test, "NetworkPolicy")?;
        ensure!(policy["spec"]["egress"][0]["ports"][0]["port"] == *target, "{arguments:?}: the probe may not reach {target}");

        let relays = &policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"];
        ensure!(policy["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"] == *relays, "{arguments:?}: two relays");
        let labels = &only(&built, "Deployment")?["spec"]["template"]["metadata"]["labels"];
        let relays = relays.as_object().context("no labels")?;
        ensure!(relays.len() == 2 && relays.iter().all(|(key, value)| labels[key] == *value), "{arguments:?}: {labels}");

        let authority = &pod["spec"]["volumes"][0]["projected"]["sources"][1]["configMap"];
        // What the operator publishes there is known when it runs.
        named(&built, "ConfigMap", authority["name"].as_str().context("no name")?)?;
        ensure!(authority["items"][0]["key"] == "ca.crt", "{authority}");
    }
    Ok(())
}

#[tokio::test]
async fn a_relay_passes_with_the_certificates_of_the_chart() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    let test = test_of(&render(&[])?);
    let pod = only(&test, "Pod")?;
    let secret: Secret = serde_json::from_value(only(&test, "Secret")?.clone())?;
    let secret = secret.data.context("an empty Secret")?;
    let value = |key: &str| secret.get(key).map(|ByteString(bytes)| bytes).with_context(|| format!("no {key}"));
    let material = tempfile::tempdir()?;
    for item in pod["spec"]["volumes"][0]["projected"]["sources"][0]["secret"]["items"].as_array().context("no items")? {
        let (key, path) = (item["key"].as_str().context("no key")?, item["path"].as_str().context("no path")?);
        fs::write(material.path().join(path), value(key)?)?;
    }
    let edge = Authority::new("Edge CA")?;
    edge.write(&material.path().join(trust_file("relay")))?;

    let domain = only(&test, "AcceptedDomain")?;
    let service = domain["spec"]["nextHops"][0]["serviceRef"]["name"].as_str().context("no Service")?;
    let next_hop = port::free()?;
    let relay = Relay::start(next_hop, ListenerTls::StartTls, |config| {
        config.show(&edge.server(&[HOSTNAME])?)?;
        config.domains.clear();
        config.accept(domain["spec"]["domain"].as_str().context("no domain")?, next_hop, NextHopTlsMode::Verify)?;
        for domain in &mut config.domains {
            if let DomainType::Authoritative { next_hops, .. } = &mut domain.kind {
                next_hops.tls.server_name = Some(DomainName::parse(&format!("{service}.mail.svc.cluster.local"))?);
            }
        }
        fs::write(config.path().join(trust_file("internal-ca")), value("ca.crt")?)?;
        Ok(())
    });
    let relay = relay.await?;
    let arguments = [
        "probe".to_owned(),
        format!("--relay={}", relay.address),
        format!("--hostname={HOSTNAME}"),
        format!("--recipient={}", argument(pod, "recipient")?),
        format!("--listen=127.0.0.1:{next_hop}"),
        format!("--material={}", material.path().display()),
    ];
    let outcome = tool::run(&binaries::find("postern-relay")?.display().to_string(), arguments).await?;
    outcome.expect("passed: a mail came out behind it")
}

#[test]
fn nothing_of_a_test_stays_that_went_well() -> Result<()> {
    if layer_is_off() {
        return Ok(());
    }
    for arguments in VARIANTS {
        let test = test_of(&render(arguments)?);
        ensure!(test.len() == 6, "{arguments:?}: {} objects", test.len());
        for object in &test {
            let annotations = &object["metadata"]["annotations"];
            ensure!(annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded", "{object}");
            ensure!(annotations["helm.sh/hook"] == "test", "{object}");
        }
        let weight = |kind: &str| only(&test, kind).map(|object| object["metadata"]["annotations"]["helm.sh/hook-weight"].clone());
        // The pod is the last: helm waits for its end.
        ensure!(weight("Pod")? == json!("0") && weight("SmtpRelay")? == json!("-1") && weight("Secret")? == json!("-2"), "{arguments:?}");
    }
    Ok(())
}

/// The objects that `helm test` makes.
fn test_of(rendered: &Rendered) -> Vec<Value> {
    let is_test = |object: &&Value| object["metadata"]["annotations"]["helm.sh/hook"] == "test";
    rendered.objects.iter().filter(is_test).cloned().collect()
}

/// What the operator makes of them; fails if it has anything to say against them.
async fn build(test: &[Value]) -> Result<Vec<Value>> {
    let folder = tempfile::tempdir()?;
    let known = ["SmtpRelay", "AcceptedDomain", "Secret", "Service"];
    for (number, object) in test.iter().filter(|object| known.iter().any(|kind| object["kind"] == *kind)).enumerate() {
        fs::write(folder.path().join(format!("{number}.yaml")), object.to_string())?;
    }
    let outcome = tool::run(&binaries::find("postern-operator")?.display().to_string(), [Path::new("render"), folder.path()]).await?;
    ensure!(outcome.success, "{outcome}");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&outcome.text).with_context(|| outcome.text.clone())?;
    Ok(objects)
}

fn only<'a>(objects: &'a [Value], kind: &str) -> Result<&'a Value> {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let object = found.next().with_context(|| format!("no {kind}"))?;
    ensure!(found.next().is_none(), "more than one {kind}");
    Ok(object)
}

fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.with_context(|| format!("no {kind} {name}"))
}

/// The value of a flag of the probe.
fn argument<'a>(pod: &'a Value, name: &str) -> Result<&'a str> {
    let arguments = pod["spec"]["containers"][0]["args"].as_array().context("no arguments")?;
    let flag = format!("--{name}=");
    arguments.iter().filter_map(Value::as_str).find_map(|argument| argument.strip_prefix(&flag)).with_context(|| format!("no {flag}"))
}
