//! Attends to the pods of one relay: tells them of their configuration, and asks them what they run.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Answer, Target, Wanted,
    observer::Shared,
    pace::{Memory, Step},
};
use crate::{
    apply::FIELD_MANAGER,
    cluster::{PodFacts, WriteError, pod::CONFIG_HASH},
    inventory::Key,
    issue::identity,
};

/// What the pods of one relay answered last, by their UIDs.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Arc<Mutex<BTreeMap<String, Answer>>>);

impl Answers {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One relay's attendant.
pub(super) struct Attendant {
    pub(super) relay: Key,
    pub(super) shared: Arc<Shared>,
    pub(super) answers: Answers,
    memories: BTreeMap<String, Memory>,
    questions: JoinSet<(String, Option<Answer>)>,
}

impl Attendant {
    pub(super) fn new(relay: Key, shared: Arc<Shared>, answers: Answers) -> Self {
        Self { relay, shared, answers, memories: BTreeMap::new(), questions: JoinSet::new() }
    }

    /// Works until nobody sets targets any more.
    pub(super) async fn attend(mut self, mut target: watch::Receiver<Target>) {
        loop {
            let now_wanted = target.borrow_and_update().clone();
            self.forget_gone(&now_wanted.pods);
            let next = self.work(&now_wanted).await;
            tokio::select! {
                changed = target.changed() => if changed.is_err() { return },
                Some(answered) = self.questions.join_next() => {
                    if let Ok((pod, answer)) = answered {
                        self.take(&pod, answer);
                    }
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    fn forget_gone(&mut self, pods: &[PodFacts]) {
        let here: BTreeSet<_> = pods.iter().map(|pod| pod.uid.as_str()).collect();
        self.memories.retain(|uid, _| here.contains(uid.as_str()));
        self.answers.lock().retain(|uid, _| here.contains(uid.as_str()));
    }

    /// Does what is due, and says when something is due next.
    async fn work(&mut self, target: &Target) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for pod in &target.pods {
            let now = Instant::now();
            let step = self.memories.entry(pod.uid.clone()).or_default().step(pod, target.wanted.as_ref(), now);
            let again = match step {
                Step::Touch(wanted, value) => self.touch(pod, &wanted, &value).await,
                Step::Ask => {
                    self.ask(pod, now);
                    None
                }
                Step::Wait(at) => Some(at),
                Step::Rest => None,
            };
            next = next.into_iter().chain(again).min();
        }
        next
    }

    /// Returns when to look at the pod again.
    async fn touch(&mut self, pod: &PodFacts, wanted: &Wanted, value: &str) -> Option<Instant> {
        let now = Instant::now();
        if let Err(error) = self.annotate(pod, value).await {
            tracing::warn!(relay = %self.relay, pod = pod.name, %error, "the pod can't be told of its configuration");
        }
        // Told or not: the next attempt keeps the pace.
        self.memories.entry(pod.uid.clone()).or_default().touched(wanted, now);
        Some(now)
    }

    /// Through the subresource `status`, which takes annotations and nothing else that would change what runs.
    async fn annotate(&self, pod: &PodFacts, value: &str) -> Result<(), WriteError> {
        let api: Api<Pod> = Api::namespaced(self.shared.client.clone(), &self.relay.namespace);
        let patch = Patch::Merge(json!({"metadata": {"uid": pod.uid, "annotations": {CONFIG_HASH: value}}}));
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let permit = self.shared.permits.take()?;
        let written = permit.spend(api.patch_status(&pod.name, &params, &patch)).await?;
        self.shared.world.wrote_pod(&written);
        Ok(())
    }

    fn ask(&mut self, pod: &PodFacts, now: Instant) {
        let Some(address) = pod.ip.as_deref().and_then(|ip| ip.parse::<IpAddr>().ok()) else { return };
        self.memories.entry(pod.uid.clone()).or_default().asked(now);
        let (shared, uid, name) = (Arc::clone(&self.shared), pod.uid.clone(), identity::of_relay(&self.relay));
        self.questions.spawn(async move {
            let answer = shared.ask(address, &name).await;
            if let Err(error) = &answer {
                tracing::debug!(relay = name, %address, %error, "the pod does not say what it runs");
            }
            (uid, answer.ok())
        });
    }

    fn take(&mut self, pod: &str, answer: Option<Answer>) {
        let Some(memory) = self.memories.get_mut(pod) else { return };
        let is_news = memory.answered(answer);
        let answer = memory.answer.clone();
        let mut answers = self.answers.lock();
        match answer {
            Some(answer) => answers.insert(pod.to_owned(), answer),
            None => answers.remove(pod),
        };
        drop(answers);
        if is_news {
            self.shared.world.wake_relay(&self.relay);
        }
    }
}
