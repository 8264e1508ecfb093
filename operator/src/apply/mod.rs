//! Fourth step: makes the live objects of a relay those that were built, with as few writes as that takes.
//!
//! [`plan()`] compares, [`apply`] writes. An object is written when it was built otherwise than it was written, or when somebody changed what was
//! written. What others own is never touched. Configuration and keys go first, the root of the configuration after all that it lists, and the
//! workload last; what fails holds back only what stands on it.

mod causes;
mod fault;
mod path;
mod plan;
mod rollout;
mod subset;
mod write;

pub use causes::causes;
pub use fault::{Failure, Fault};
pub use plan::{Collision, Compared, Plan, Why, Write, is_owned, may_replace_pods, plan};
pub use rollout::{Rollout, Turns, rollout};
pub use subset::missing;
pub use write::{FIELD_MANAGER, Writer};

use postern_config::folder::ROOT_FILE;
use serde_json::Value;

use crate::{
    build::Object,
    cluster::{Child, World},
    inventory::Key,
    kind::Kind,
};
use write::ApplyError;

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// What failed.
    pub failures: Vec<Failure>,
    /// What stands in the way.
    pub collisions: Vec<Collision>,
    /// Why pods are replaced, when they are.
    pub replaces_pods: Vec<String>,
    /// What somebody had changed by hand, and was mended: the object, and where.
    pub mended: Vec<(Kind, Key, Vec<String>)>,
    /// Every part of the configuration is as it was built.
    pub is_configured: bool,
    /// The workload as it was written, when it was.
    pub workload: Option<Child>,
}

/// Carries out a plan.
///
/// `world` learns what was written; `compared` remembers what the server made of it.
pub async fn apply(plan: &Plan<'_>, writer: &Writer, world: &World, compared: &mut Compared) -> Applied {
    let mut applied = Applied { collisions: plan.collisions.clone(), ..Applied::default() };
    let mut held_back = HeldBack::default();
    for collision in &plan.collisions {
        held_back.without(collision.kind);
    }
    for child in &plan.leaving {
        held_back.without(child.kind);
    }
    for write in &plan.writes {
        if held_back.holds(write) {
            continue;
        }
        match writer.apply(plan.owner, write.object, write.live).await {
            Ok(object) => applied.take(write, object, world, compared),
            Err(error) => {
                held_back.without(write.object.kind);
                match error {
                    ApplyError::Collision(collision) => applied.collisions.push(collision),
                    ApplyError::Failure(failure) => applied.failures.push(failure),
                }
            }
        }
        if applied.failures.last().is_some_and(|failure| !failure.fault.is_final()) {
            // The next write would meet the same server, or the same lack of a lease.
            return applied;
        }
    }
    applied.is_configured = !held_back.root;
    applied.remove(plan, writer).await;
    applied
}

impl Applied {
    fn take(&mut self, write: &Write<'_>, object: kube::core::DynamicObject, world: &World, compared: &mut Compared) {
        if let Why::Drift(paths) = &write.why {
            self.mended.push((write.object.kind, write.object.key.clone(), paths.clone()));
        }
        if let Some((_, answer)) = Child::of(write.object.kind, object.clone()) {
            compared.answered(write.object, &answer);
            if answer.kind.is_workload() {
                let json = |child: &Child| serde_json::from_slice::<Value>(&child.json).unwrap_or_default();
                self.replaces_pods = write.live.map(|live| causes(answer.kind, &json(live), &json(&answer))).unwrap_or_default();
                self.workload = Some(answer);
            }
        }
        world.wrote_child(write.object.kind, object);
    }

    /// Deletes what is needed no more, once nothing of what was written can still need it.
    async fn remove(&mut self, plan: &Plan<'_>, writer: &Writer) {
        if plan.is_partial || !self.failures.is_empty() || !self.collisions.is_empty() {
            return;
        }
        for child in &plan.removals {
            if let Err(failure) = writer.delete(child).await {
                self.failures.push(failure);
            }
        }
    }
}

/// What can't be written since something that it stands on was not.
#[derive(Debug, Default)]
struct HeldBack {
    root: bool,
    workload: bool,
}

impl HeldBack {
    fn without(&mut self, kind: Kind) {
        match kind {
            // Pods would wait for a set that never gets whole.
            Kind::Secret | Kind::ConfigMap => (self.root, self.workload) = (true, true),
            // Pods can't start without the one, and must not start without the other.
            Kind::ServiceAccount | Kind::NetworkPolicy => self.workload = true,
            Kind::Certificate | Kind::Service | Kind::PodDisruptionBudget | Kind::Deployment | Kind::StatefulSet => {}
        }
    }

    fn holds(&self, write: &Write<'_>) -> bool {
        match write.object.kind {
            Kind::ConfigMap => self.root && is_root(write.object),
            Kind::Deployment | Kind::StatefulSet => self.workload,
            _ => false,
        }
    }
}

/// The root of the configuration lists all the rest of it.
fn is_root(object: &Object) -> bool {
    object.value["data"].get(ROOT_FILE).is_some()
}
