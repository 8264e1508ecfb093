//! What `check` says of a manifest, a real API server says: the same verdict on every vector, about the same fields, with the rule's message.

#[path = "../../crds/tests/common/mod.rs"]
mod common;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use common::vector::{Case, cases};
use hyper::Request;
use kube::{Client, Error, core::Status};
use postern_crds::{check, check_change, definitions};
use postern_tests::cluster::{Cluster, manifest};
use serde_json::Value;

/// The namespace of the vectors.
const NAMESPACE: &str = "mail";

#[tokio::test]
async fn every_vector_has_one_verdict() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    let client = cluster.client()?;
    manifest::apply_yaml(&client, NAMESPACE, "{apiVersion: v1, kind: Namespace, metadata: {name: mail}}").await?;
    let cases = cases();
    let mut differences = Vec::new();
    let (mut taken, mut refused) = (0, 0);
    for case in &cases {
        let ours = match &case.old {
            Some(old) => check_change(old, &case.manifest),
            None => check(&case.manifest),
        };
        let theirs = judge(&client, case).await?;
        match &theirs {
            None => taken += 1,
            Some(_) => refused += 1,
        }
        let fields = ours.err().map(|errors| errors.into_iter().map(|error| error.field).collect());
        if let Err(difference) = compare(case, fields, theirs) {
            differences.push(format!("{}: {difference:#}", case.why));
        }
    }
    println!("{} manifests: {taken} taken, {refused} refused", cases.len());
    ensure!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    // So that vectors which nobody reads don't pass.
    ensure!(taken > 50 && refused > 100, "{taken} taken, {refused} refused");
    Ok(())
}

/// What the API server says of the manifest, without keeping it; none when it takes it.
async fn judge(client: &Client, case: &Case) -> Result<Option<Status>> {
    let definition = definitions().iter().find(|definition| definition.kind == case.kind).context("a kind of the API")?;
    let path = format!("/apis/postern.dev/v1alpha1/namespaces/{NAMESPACE}/{}", definition.plural);
    let strictly = "dryRun=All&fieldValidation=Strict";
    let Some(old) = &case.old else {
        return answer(client, Request::post(format!("{path}?{strictly}")), &case.manifest).await;
    };
    let kept = manifest::apply(client, old).await?;
    let mut manifest = case.manifest.clone();
    manifest["metadata"]["resourceVersion"] = kept.metadata.resource_version.into();
    let name = kept.metadata.name.context("an object without a name")?;
    let answer = answer(client, Request::put(format!("{path}/{name}?{strictly}")), &manifest).await?;
    client.request::<Value>(Request::delete(format!("{path}/{name}")).body(Vec::new())?).await?;
    Ok(answer)
}

async fn answer(client: &Client, request: hyper::http::request::Builder, body: &Value) -> Result<Option<Status>> {
    let request = request.header("content-type", "application/json").body(body.to_string().into_bytes())?;
    match client.request::<Value>(request).await {
        Ok(_) => Ok(None),
        Err(Error::Api(status)) => Ok(Some(*status)),
        Err(error) => Err(error.into()),
    }
}

fn compare(case: &Case, ours: Option<BTreeSet<String>>, theirs: Option<Status>) -> Result<()> {
    let (ours, theirs) = match (ours, theirs) {
        (None, None) => return Ok(()),
        (Some(ours), None) => bail!("refused by us ({ours:?}), taken by the API server"),
        (None, Some(theirs)) => bail!("taken by us, refused by the API server: {}", theirs.message),
        (Some(ours), Some(theirs)) => (ours, theirs),
    };
    ensure!(matches!(theirs.code, 400 | 422), "{} {}", theirs.code, theirs.message);
    if let Some(rule) = &case.rule {
        ensure!(theirs.message.contains(rule.as_str()), "the rule's message is missing in: {}", theirs.message);
    }
    // The API server does not always get as far as we do: what it can't decode it does not validate, and what is not valid has no rules.
    let ours: BTreeSet<String> = ours.iter().map(|field| comparable(field)).collect();
    for cause in theirs.details.into_iter().flat_map(|details| details.causes) {
        let field = comparable(&cause.field);
        // Of a rule that it did not come to, it says so.
        let unjudged = cause.field == "<nil>" && cause.message.contains("some validation rules were not checked");
        ensure!(
            unjudged || ours.contains(&field),
            "`{}` ({}) is refused by the API server, and {ours:?} by us",
            cause.field,
            cause.message
        );
    }
    Ok(())
}

/// A field in a form that both write: keys behind dots, and the name for rules of the whole object, which is all that they see.
fn comparable(field: &str) -> String {
    match field {
        "<nil>" => "metadata.name".to_owned(),
        field => field.trim_start_matches('.').replace('[', ".").replace(']', ""),
    }
}
