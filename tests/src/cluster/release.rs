//! The chart, installed as far as there is no node: everything but the operator's own pods, whose part a process plays.

use std::{fs, path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::{Cluster, manifest, tools};
use crate::poll;

/// The name of every release.
const NAME: &str = "postern";

/// An installed chart.
#[derive(Clone, Debug)]
pub struct Release {
    /// The operator's namespace.
    pub namespace: String,
    /// The operator's ServiceAccount.
    pub service_account: String,
    /// The arguments of the operator's container.
    pub arguments: Vec<String>,
    /// The rules of all roles that are bound to the operator, each with the namespace in which it holds; none for all.
    pub rules: Vec<(Option<String>, Value)>,
}

impl Release {
    /// Installs the chart in `namespace`, which is made, with `values`; without the CRDs, which the cluster has.
    pub async fn install(cluster: &Cluster, namespace: &str, values: &Value) -> Result<Self> {
        let client = cluster.client()?;
        manifest::apply_yaml(&client, "", &format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}")).await?;
        let mut release =
            Self { namespace: namespace.to_owned(), service_account: String::new(), arguments: Vec::new(), rules: Vec::new() };
        let objects = render(cluster, namespace, values).await?;
        for object in &objects {
            match object["kind"].as_str().unwrap_or_default() {
                "Deployment" => release.read_deployment(object)?,
                kind => {
                    if matches!(kind, "Role" | "ClusterRole") {
                        let within = object["metadata"]["namespace"].as_str().map(str::to_owned);
                        release.rules.extend(object["rules"].as_array().into_iter().flatten().map(|rule| (within.clone(), rule.clone())));
                    }
                    manifest::apply(&client, object).await?;
                }
            }
        }
        ensure!(!release.arguments.is_empty() && !release.rules.is_empty(), "the chart renders no operator: {objects:#?}");
        Ok(release)
    }

    /// How the operator is called in the audit log.
    #[must_use]
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.service_account)
    }

    fn read_deployment(&mut self, deployment: &Value) -> Result<()> {
        let spec = &deployment["spec"]["template"]["spec"];
        let account = spec["serviceAccountName"].as_str().context("an operator without a ServiceAccount")?;
        account.clone_into(&mut self.service_account);
        let arguments = spec["containers"][0]["args"].as_array().context("an operator without arguments")?;
        self.arguments = arguments.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(())
    }
}

/// The objects of the chart, without its tests.
async fn render(cluster: &Cluster, namespace: &str, values: &Value) -> Result<Vec<Value>> {
    let file = cluster.scratch("values")?.join(format!("{namespace}.json"));
    fs::write(&file, values.to_string())?;
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/postern");
    let version = cluster.client()?.apiserver_version().await?.git_version;
    let mut helm = Command::new(tools::find("helm")?);
    helm.args(["template", NAME]).arg(&chart).args(["--namespace", namespace, "--set", "crds.enabled=false", "--skip-tests", "--values"]);
    helm.arg(&file).args(["--kube-version", &version]).stdin(Stdio::null()).kill_on_drop(true);
    let output = poll::within("helm template", helm.output()).await?.context("can't run helm")?;
    ensure!(output.status.success(), "helm template: {}", String::from_utf8_lossy(&output.stderr));
    let objects = manifest::parse(&String::from_utf8(output.stdout)?)?;
    Ok(objects.into_iter().filter(|object| object["metadata"]["annotations"]["helm.sh/hook"].is_null()).collect())
}
