//! The Pod Security Standard `restricted`, as far as a pod can break it, and what Postern promises beyond: a root file system that can't be written to.

use serde_json::Value;

/// Fields that `restricted` takes `true` or a value for nowhere.
const OF_THE_HOST: [&str; 3] = ["hostNetwork", "hostPID", "hostIPC"];
/// Kinds of volumes that it takes.
const VOLUMES: [&str; 8] = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

/// What keeps the spec of a pod from the standard, each as the path of a field with what is wrong with it.
#[must_use]
pub fn breaches(pod: &Value) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            breaches.push(what);
        }
    };
    for field in OF_THE_HOST {
        expect(pod[field].is_null() || pod[field] == false, format!("{field} is set"));
    }
    let context = &pod["securityContext"];
    expect(context["runAsNonRoot"] == true, "securityContext.runAsNonRoot is not true".to_owned());
    expect(context["runAsUser"] != 0, "securityContext.runAsUser is root".to_owned());
    expect(context["seccompProfile"]["type"] == "RuntimeDefault", "securityContext.seccompProfile is not RuntimeDefault".to_owned());
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        let is_allowed = VOLUMES.iter().any(|kind| volume.get(kind).is_some());
        expect(is_allowed, format!("volume {} is of another kind", volume["name"]));
    }
    for container in ["containers", "initContainers"].iter().flat_map(|list| pod[list].as_array().into_iter().flatten()) {
        let (name, context) = (&container["name"], &container["securityContext"]);
        expect(context["allowPrivilegeEscalation"] == false, format!("{name}: allowPrivilegeEscalation is not false"));
        expect(context["capabilities"]["drop"] == serde_json::json!(["ALL"]), format!("{name}: capabilities are not dropped"));
        expect(context["capabilities"]["add"].is_null(), format!("{name}: capabilities are added"));
        expect(context["readOnlyRootFilesystem"] == true, format!("{name}: the root file system can be written to"));
        let privileged = &context["privileged"];
        expect(privileged.is_null() || privileged == false, format!("{name}: privileged"));
        expect(context["runAsUser"] != 0, format!("{name}: runAsUser is root"));
        let ports = container["ports"].as_array().into_iter().flatten();
        expect(ports.clone().all(|port| port["hostPort"].is_null()), format!("{name}: a port of the host"));
    }
    breaches
}
