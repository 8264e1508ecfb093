//! What a pod needs for the limits of its relay, and whether it may have it.

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};
use postern_config::Violation;
use postern_crds::smtp_relay::{Limits, Resources, SmtpRelaySpec};

use crate::quantity::units;

/// For the process itself, its code, caches and buffers.
const BASE_BYTES: i64 = 64 << 20;
/// For each connection that may be open: two TLS sessions (the client's and the next hop's) with their buffers.
const CONNECTION_BYTES: i64 = 64 << 10;
/// What the relay may use of the scratch volume, in percent: the rest keeps a full relay from being evicted.
const SCRATCH_SHARE: i64 = 80;
const MIB: i64 = 1 << 20;

/// What each pod gets.
#[derive(Clone, Debug, PartialEq)]
pub struct PodResources {
    /// For the container.
    pub container: ResourceRequirements,
    /// For the scratch volume.
    pub scratch: Quantity,
}

impl PodResources {
    /// The amounts that the relay names, if its limits fit into them; or else what its limits need.
    pub fn of(spec: &SmtpRelaySpec) -> Result<Self, Vec<Violation>> {
        let mut needs = Needs::of(&spec.limits);
        needs.queue = spec.spool.as_ref().and_then(|spool| units(&spool.empty_dir.as_ref()?.size_limit)).unwrap_or_default();
        let container = match &spec.pod_template.resources {
            Some(named) => {
                needs.check(named)?;
                named.into()
            }
            None => needs.requirements(),
        };
        Ok(Self { container, scratch: mebibytes(needs.scratch) })
    }
}

/// What the limits of a relay need, in bytes.
struct Needs {
    /// With no connection open.
    least_memory: i64,
    /// With every connection open.
    most_memory: i64,
    scratch: i64,
    /// For a queue that lies on the node.
    queue: i64,
}

impl Needs {
    fn of(limits: &Limits) -> Self {
        let least_memory = BASE_BYTES + limits.memory_bytes;
        let most_memory = least_memory + i64::from(limits.connections) * CONNECTION_BYTES;
        Self { least_memory, most_memory, scratch: limits.scratch_bytes / SCRATCH_SHARE * 100, queue: 0 }
    }

    fn requirements(&self) -> ResourceRequirements {
        let amounts = |memory: i64| {
            [("memory".to_owned(), mebibytes(memory)), ("ephemeral-storage".to_owned(), mebibytes(self.scratch + self.queue))]
        };
        let mut requests: std::collections::BTreeMap<_, _> = amounts(self.least_memory).into();
        requests.insert("cpu".to_owned(), Quantity("100m".to_owned()));
        // No limit for the CPU: a relay that is throttled keeps its clients waiting and the node idle.
        ResourceRequirements {
            requests: Some(requests),
            limits: Some([("memory".to_owned(), mebibytes(self.most_memory))].into()),
            ..Default::default()
        }
    }

    fn check(&self, named: &Resources) -> Result<(), Vec<Violation>> {
        let limits = named.limits.as_ref();
        let bounds = [
            ("memory", limits.and_then(|limits| limits.memory.as_ref()), self.least_memory, "spec.limits.memoryBytes"),
            (
                "ephemeral-storage",
                limits.and_then(|limits| limits.ephemeral_storage.as_ref()),
                self.scratch + self.queue,
                "spec.limits.scratchBytes",
            ),
        ];
        let violations: Vec<_> = bounds
            .into_iter()
            .filter_map(|(name, amount, need, mend)| {
                let is_enough = units(amount?).is_none_or(|bytes| bytes >= need);
                let problem = format!("a pod needs {} for the limits of this relay; raise it, or lower {mend}", mebibytes(need).0);
                (!is_enough).then(|| Violation { field: format!("spec.podTemplate.resources.limits.{name}"), problem })
            })
            .collect();
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }
}

/// `bytes`, rounded up.
fn mebibytes(bytes: i64) -> Quantity {
    Quantity(format!("{}Mi", (bytes + MIB - 1) / MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_every_connection_and_every_message_in_memory() {
        let needs = Needs::of(&Limits::default());
        assert_eq!(mebibytes(needs.most_memory).0, "441Mi");
        assert_eq!(mebibytes(needs.scratch).0, "2560Mi");
    }

    #[test]
    fn a_limit_that_is_too_small_names_its_mend() {
        let mut resources = Resources::default();
        resources.limits.get_or_insert_default().memory = Some(Quantity("100Mi".to_owned()));
        let violations = Needs::of(&Limits::default()).check(&resources).unwrap_err();
        assert_eq!(violations[0].field, "spec.podTemplate.resources.limits.memory");
        assert!(violations[0].problem.ends_with("lower spec.limits.memoryBytes"));
    }
}
