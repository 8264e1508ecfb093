//! One relay: makes what its resource says, and shows what came of it.

use std::{ops::Range, time::Duration};

use ipnet::IpNet;
use jiff::Timestamp;
use kube::core::ApiResource;
use postern_crds::{SmtpRelay, condition::types};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    After, Authorities, Desk, KeyringError, ReconcileError,
    issued::Issuer,
    trouble::{trouble, waiting},
    unreadable,
    volumes::{left_behind, taken_away},
};
use crate::{
    apply::{Applied, Compared, Plan, Rollout, apply, may_replace_pods, plan, rollout},
    build::{Object, build, certificate},
    cluster::{Child, Context, PodFacts},
    dereference::{self, Absent, dereference},
    inventory::{Inventory, Key},
    issue::{IssueError, Issued, renewal_due},
    kind::Kind,
    material::Sealed,
    observe::{Target, Wanted, gather},
    publish::{Verdict, addresses},
    status::{self, Event, EventReason, Reason, Trouble},
    validate::{Blocker, Findings, ServerCertificate, Validated, validate},
};

/// A relay is looked at again at least so often: the time of a renewal is told by a wall clock, which may be set.
const AT_LEAST: Duration = Duration::from_hours(6);
/// A relay that waits for its turn is woken when it comes; and looked at so often, since a turn may be given up.
const TURN: Duration = Duration::from_mins(1);

/// Brings the objects and the status of a relay to what its resource says.
///
/// A relay that gives no configuration keeps the objects that it has: what was last good goes on, and the status tells.
pub async fn reconcile_relay(context: &Context, key: &Key) -> Result<After, ReconcileError> {
    let now = Timestamp::now();
    let Some(inventory) = context.world.inventory_for(key) else {
        return unreadable_or_gone(context, key, now).await;
    };
    let Some(relay) = inventory.relays.get(key).filter(|relay| relay.metadata.deletion_timestamp.is_none()) else {
        gone(context, key).await;
        return Ok(After::Settled);
    };
    // Before a status shows the next generation, whatever comes of it.
    context.desk.turns.observed(key, relay.status.as_ref().and_then(|status| status.observed_generation));
    let work = Work { context, desk: &context.desk, key, relay, now };
    match context.desk.keyring.authorities(now).await {
        Ok(authorities) => work.carry_out(&inventory, &authorities).await,
        Err(error) if error.is_passing() => Err(error.into()),
        Err(error) => work.without_keys(&inventory, error).await,
    }
}

async fn unreadable_or_gone(context: &Context, key: &Key, now: Timestamp) -> Result<After, ReconcileError> {
    match context.world.unreadable_relay(key) {
        // Its objects stay as they are.
        Some(resource) => {
            unreadable::tell(&context.desk, &ApiResource::erase::<SmtpRelay>(&()), &resource, now).await?;
        }
        None => gone(context, key).await,
    }
    Ok(After::Settled)
}

async fn gone(context: &Context, key: &Key) {
    let desk = &context.desk;
    desk.forget(key, &context.world);
    if let Some((relay, workload, pods)) = left_behind(key, &context.world.children_of(key)) {
        desk.recorder.tell_of(&relay, desk.volumes.left_by(key, &workload, pods).await).await;
    }
}

/// One reconcile of one relay.
struct Work<'a> {
    context: &'a Context,
    desk: &'a Desk,
    key: &'a Key,
    relay: &'a SmtpRelay,
    now: Timestamp,
}

/// What came of the objects of a relay.
#[derive(Default)]
struct Outcome {
    applied: Applied,
    /// What pods should run, when all of it is written.
    wanted: Option<Wanted>,
    /// New pods wait for their turn.
    waits_for_turn: bool,
    /// Pods with volumes that went: their workload, and their numbers.
    taken_away: Option<(String, Range<i64>)>,
    trouble: Option<Trouble>,
    error: Option<ReconcileError>,
}

impl Work<'_> {
    async fn carry_out(&self, inventory: &Inventory, authorities: &Authorities) -> Result<After, ReconcileError> {
        if let Some(tls) = self.desk.keyring.renewed_tls(&authorities.identities, self.now).await? {
            self.desk.observer.identify(tls);
        }
        let children = self.context.world.children_of(self.key);
        let issuer = Issuer { relay: self.relay, children: &children, authorities, now: self.now };
        let ranges = self.cluster_ranges();
        let findings = self.find(inventory, &ranges, || issuer.server().map(Sealed::Open));
        let mut due = findings.due(self.now);
        let outcome = match &findings.relay {
            Ok(validated) => {
                let identity = issuer.identity().map_err(KeyringError::Issue)?;
                due = due.into_iter().chain(renewals(validated, &identity)).min();
                self.apply(validated, identity.clone(), &children).await
            }
            Err(blockers) if blockers.iter().any(|blocker| matches!(blocker, Blocker::Certificate(_))) => {
                self.ask_for_certificate(&children).await
            }
            Err(_) => Outcome::default(),
        };
        let waits = outcome.waits_for_turn;
        self.show(&findings, outcome).await?;
        let wait = due.map_or(AT_LEAST, |due| until(self.now, due)).min(AT_LEAST);
        Ok(After::In(if waits { wait.min(TURN) } else { wait }))
    }

    /// Without the operator's keys nothing can be made, but what there is goes on.
    async fn without_keys(&self, inventory: &Inventory, error: KeyringError) -> Result<After, ReconcileError> {
        let ranges = self.cluster_ranges();
        let text = error.to_string();
        let findings = self.find(inventory, &ranges, || Err(IssueError::NoAuthority(text.clone())));
        let trouble = Trouble { reason: Reason::IssueFailed, message: text.clone(), is_final: true };
        let outcome = Outcome { trouble: Some(trouble), error: Some(error.into()), ..Outcome::default() };
        self.show(&findings, outcome).await?;
        Ok(After::Settled)
    }

    fn find<'r>(
        &'r self,
        inventory: &'r Inventory,
        ranges: &'r [IpNet],
        issue: impl FnOnce() -> Result<Sealed<Issued>, IssueError>,
    ) -> Findings<'r> {
        let cluster_domain = self.context.settings.cluster_domain.as_str();
        let context = dereference::Context { inventory, now: self.now, absent: Absent::Missing, cluster_domain, cluster_cidrs: ranges };
        validate(dereference(self.relay, context), |_| issue())
    }

    /// Addresses of nodes, pods and Services, as far as they are known.
    fn cluster_ranges(&self) -> Vec<IpNet> {
        let mut ranges = self.context.world.cluster_ranges();
        ranges.extend(&self.context.cluster_cidrs);
        ranges
    }

    async fn apply(&self, validated: &Validated<'_>, identity: Issued, children: &[Child]) -> Outcome {
        let (objects, wanted) = match self.build(validated, identity) {
            Ok(built) => built,
            Err(error) => {
                let trouble = Trouble { reason: Reason::ApplyFailed, message: error.to_string(), is_final: true };
                return Outcome { trouble: Some(trouble), error: Some(error), ..Outcome::default() };
            }
        };
        let known = self.desk.take_compared(self.key);
        let is_first = known.is_none();
        let mut compared = known.unwrap_or_default();
        let owner = self.relay.metadata.uid.as_deref().unwrap_or_default();
        let mut plan = plan(owner, children, &objects, &mut compared);
        let waits_for_turn = !self.has_turn(&mut plan);
        let taken_away = taken_away(&plan);
        let mut applied = self.write(&plan, &mut compared).await;
        if is_first {
            // Nobody remembers what a webhook makes of a write, so its doing can't be told from an edit by hand.
            applied.mended.clear();
        }
        self.desk.keep_compared(self.key, compared);
        if plan.is_settled_workload() || applied.workload.is_some() {
            self.desk.turns.settled(self.key, self.relay.metadata.generation);
        }
        self.mind_turn(&applied, is_first && plan.is_settled_workload());
        Outcome {
            trouble: trouble(&applied),
            error: error_of(&applied),
            wanted: applied.is_configured.then_some(wanted),
            waits_for_turn,
            taken_away: taken_away.filter(|_| applied.workload.is_some()),
            applied,
        }
    }

    /// Of a relay that can't be carried out, only the certificate is asked for that an issuer is to make: it may be what the relay waits for.
    async fn ask_for_certificate(&self, children: &[Child]) -> Outcome {
        let objects: Vec<_> = match certificate(self.relay) {
            Ok(certificate) => certificate.into_iter().collect(),
            Err(error) => return Outcome { error: Some(error.into()), ..Outcome::default() },
        };
        if objects.is_empty() {
            return Outcome::default();
        }
        if !self.context.world.is_served(Kind::Certificate) {
            let message = "spec.tls.certificate.issuerRef: cert-manager can't be asked; install it, and set certManager.enabled in the values of the operator's chart";
            let trouble = Trouble { reason: Reason::ApiMissing, message: message.to_owned(), is_final: true };
            return Outcome { trouble: Some(trouble), ..Outcome::default() };
        }
        let owner = self.relay.metadata.uid.as_deref().unwrap_or_default();
        let mut compared = self.desk.take_compared(self.key).unwrap_or_default();
        let mut plan = plan(owner, children, &objects, &mut compared);
        plan.is_partial = true;
        let applied = self.write(&plan, &mut compared).await;
        self.desk.keep_compared(self.key, compared);
        Outcome { trouble: trouble(&applied), error: error_of(&applied), applied, ..Outcome::default() }
    }

    /// The objects of the relay, and what pods should run of them.
    fn build(&self, validated: &Validated<'_>, identity: Issued) -> Result<(Vec<Object>, Wanted), ReconcileError> {
        let objects = build(validated, &Sealed::Open(identity), &self.context.settings)?;
        let configuration = &validated.configuration;
        let wanted = Wanted { configuration: configuration.hash().to_owned(), material: objects.material(configuration) };
        Ok((objects.in_order()?, wanted))
    }

    async fn write(&self, plan: &Plan<'_>, compared: &mut Compared) -> Applied {
        for write in &plan.writes {
            tracing::debug!(kind = %write.object.kind, name = write.object.key.name, why = ?write.why, "to be written");
        }
        let applied = apply(plan, &self.desk.writer, &self.context.world, compared).await;
        for (kind, object, paths) in &applied.mended {
            tracing::info!(%kind, %object, ?paths, "was not as it was written, and was put back");
        }
        for failure in &applied.failures {
            tracing::warn!(%failure, "an object is not written");
        }
        applied
    }

    /// Takes the workload out of the plan when writing it would replace pods for the operator's own sake, and it is not the relay's turn.
    fn has_turn(&self, plan: &mut Plan<'_>) -> bool {
        let Some(index) = plan.writes.iter().position(may_replace_pods) else { return true };
        if self.desk.turns.may_begin(self.key, self.relay.metadata.generation, self.context.world.relay_count(), Instant::now()) {
            return true;
        }
        plan.writes.remove(index);
        plan.is_partial = true;
        false
    }

    /// Ends the relay's turn when its pods are new. `may_be_at_it`: it may have begun before the operator was started.
    fn mind_turn(&self, applied: &Applied, may_be_at_it: bool) {
        let workload = self.workload(applied);
        if workload.is_some_and(|rollout| rollout.is_complete) {
            for next in self.desk.turns.end(self.key) {
                self.context.world.wake_relay(&next);
            }
        } else if may_be_at_it && workload.is_some_and(|rollout| rollout.has_old_pods) {
            self.desk.turns.is_at_it(self.key, Instant::now());
        }
    }

    /// How far the workload is, if there is one.
    fn workload(&self, applied: &Applied) -> Option<Rollout> {
        let known = self.context.world.children_of(self.key);
        let workload = applied.workload.as_ref().or_else(|| known.iter().find(|child| child.kind.is_workload()))?;
        let status: Value = workload.status.as_deref().and_then(|status| serde_json::from_slice(status).ok()).unwrap_or_default();
        Some(rollout(workload.generation, i64::from(self.relay.spec.replicas), &status))
    }

    async fn show(&self, findings: &Findings<'_>, outcome: Outcome) -> Result<(), ReconcileError> {
        let world = &self.context.world;
        let pods = world.pods_of(self.key);
        let rollout = self.workload(&outcome.applied).unwrap_or_default();
        let answers = self.desk.observer.attend(self.key, Target { wanted: outcome.wanted.clone(), pods: pods.clone() });
        let seen = gather(&pods, &answers, outcome.wanted.as_ref(), rollout.has_old_pods);
        let came = status::Applied {
            addresses: addresses(&world.children_of(self.key)),
            trouble: outcome.trouble,
            waiting: self.waiting(&pods, rollout, outcome.waits_for_turn),
        };
        let new = status::relay(self.relay, findings, &seen, &came, self.now);
        let events = status::of_relay(self.relay.status.as_ref(), &new, &outcome.applied.replaces_pods);
        let mended = outcome.applied.mended.iter().map(|(kind, object, paths)| {
            Event::new(
                EventReason::Restored,
                &format!("{kind} {} was changed by hand, and is as it was: {}", object.name, paths.join(", ")),
            )
        });
        let retained = match &outcome.taken_away {
            Some((workload, pods)) => self.desk.volumes.left_by(self.key, workload, pods.clone()).await,
            None => None,
        };
        let events: Vec<_> = events.into_iter().chain(mended).chain(retained).collect();
        let holds = |type_| new.conditions.iter().any(|condition| condition.type_ == type_ && condition.status == "True");
        let (is_programmed, is_ready) = (holds(types::PROGRAMMED), holds(types::READY));
        let written = self.desk.statuses.relay(self.relay, &new, world).await;
        world.wake_domains(&self.desk.board.post(self.key, Verdict::new(findings, is_programmed, is_ready)));
        self.desk.recorder.tell(self.relay, events).await;
        written?;
        outcome.error.map_or(Ok(()), Err)
    }

    fn waiting(&self, pods: &[PodFacts], rollout: Rollout, waits_for_turn: bool) -> Option<(Reason, String)> {
        let turn =
            || (Reason::RollingOut, "new pods wait for their turn: the operator was updated, and replaces pods of a few relays at a time");
        let turn = waits_for_turn.then(turn).map(|(reason, text)| (reason, text.to_owned()));
        waiting(pods, rollout, self.relay.spec.replicas).or(turn)
    }
}

/// The failure that decides when it is tried again: one that passes by itself before one that does not.
fn error_of(applied: &Applied) -> Option<ReconcileError> {
    let failures = || applied.failures.iter();
    let failure = failures().find(|failure| !failure.fault.is_final()).or_else(|| failures().next());
    let collisions = || applied.collisions.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let collision = || (!applied.collisions.is_empty()).then(|| ReconcileError::Collision(collisions()));
    failure.cloned().map(ReconcileError::from).or_else(collision)
}

/// When what the operator issued is due.
fn renewals(validated: &Validated<'_>, identity: &Issued) -> impl Iterator<Item = Timestamp> {
    let server = match &validated.certificate {
        ServerCertificate::Issued(Sealed::Open(issued)) => Some(renewal_due(&issued.pair)),
        ServerCertificate::Issued(Sealed::Closed) | ServerCertificate::Named(_) => None,
    };
    server.into_iter().chain([renewal_due(&identity.pair)])
}

fn until(now: Timestamp, due: Timestamp) -> Duration {
    Duration::try_from(now.duration_until(due)).unwrap_or_default().max(Duration::from_secs(1))
}
