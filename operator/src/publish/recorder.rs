//! Tells events (`events.k8s.io/v1`), and never too many.
//!
//! The same words about the same object are told once in ten minutes. Beyond that each object has a few events at once and then one a minute.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client, Resource,
    api::{ObjectMeta, PostParams},
};
use tokio::time::Instant;

use crate::{
    apply::FIELD_MANAGER,
    cluster::{Permits, WriteError},
    status::{Event, EventReason},
};

/// For so long the same is not told again.
const SILENCE: Duration = Duration::from_mins(10);
/// So many events of one object may come together.
const BURST: u32 = 12;
/// And one more after each of these times.
const REFILL: Duration = Duration::from_mins(1);

/// Tells events.
pub struct Recorder {
    client: Client,
    permits: Permits,
    instance: String,
    told: Mutex<Memory>,
}

/// What was told, by the UIDs of objects.
#[derive(Debug)]
struct Memory {
    of: HashMap<String, Told>,
    /// When what is long past was forgotten last.
    swept: Instant,
}

/// What was told of one object.
#[derive(Debug)]
struct Told {
    notes: HashMap<(EventReason, String), Instant>,
    allowance: u32,
    since: Instant,
}

impl Recorder {
    /// Tells as `instance`, which is this process' name.
    #[must_use]
    pub fn new(client: Client, permits: Permits, instance: String) -> Self {
        Self { client, permits, instance, told: Mutex::new(Memory::new(Instant::now())) }
    }

    /// Tells `events` of an object. What can't be told is logged: nothing depends on it.
    pub async fn tell<K: Resource<DynamicType = ()>>(&self, object: &K, events: impl IntoIterator<Item = Event>) {
        self.tell_of(&object.object_ref(&()), events).await;
    }

    /// Tells `events` of the object that is referred to.
    pub async fn tell_of(&self, regarding: &ObjectReference, events: impl IntoIterator<Item = Event>) {
        for event in events {
            if self.is_due(regarding.uid.as_deref().unwrap_or_default(), &event, Instant::now())
                && let Err(error) = self.publish(regarding, &event).await
            {
                tracing::debug!(%error, reason = event.reason.as_str(), "an event can't be told");
            }
        }
    }

    fn is_due(&self, uid: &str, event: &Event, now: Instant) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).take(uid, event, now)
    }

    async fn publish(&self, regarding: &ObjectReference, event: &Event) -> Result<(), WriteError> {
        let namespace = regarding.namespace.as_deref().unwrap_or("default");
        let api: Api<v1::Event> = Api::namespaced(self.client.clone(), namespace);
        let written = written(&self.instance, regarding, event, Timestamp::now());
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        self.permits.take()?.spend(api.create(&params, &written)).await?;
        Ok(())
    }
}

fn written(instance: &str, regarding: &ObjectReference, event: &Event, now: Timestamp) -> v1::Event {
    let name = format!("{}.{:x}", regarding.name.as_deref().unwrap_or_default(), now.as_nanosecond());
    v1::Event {
        metadata: ObjectMeta { name: Some(name), namespace: regarding.namespace.clone(), ..ObjectMeta::default() },
        event_time: Some(MicroTime(now)),
        type_: Some(event.severity.as_str().to_owned()),
        reason: Some(event.reason.as_str().to_owned()),
        action: Some("Reconcile".to_owned()),
        note: Some(event.note.clone()),
        // Without its version, so that events of one object are found together.
        regarding: Some(ObjectReference { resource_version: None, ..regarding.clone() }),
        reporting_controller: Some(format!("postern.dev/{FIELD_MANAGER}")),
        reporting_instance: Some(instance.to_owned()),
        ..v1::Event::default()
    }
}

impl Memory {
    fn new(now: Instant) -> Self {
        Self { of: HashMap::new(), swept: now }
    }

    fn take(&mut self, uid: &str, event: &Event, now: Instant) -> bool {
        // Not at every event: of thousands of objects that each tell one, each would look at all.
        if now.duration_since(self.swept) >= REFILL {
            self.swept = now;
            self.of.retain(|_, told| now.duration_since(told.since) < SILENCE || !told.is_silent(now));
        }
        self.of.entry(uid.to_owned()).or_insert_with(|| Told::new(now)).take(event, now)
    }
}

impl Told {
    fn new(now: Instant) -> Self {
        Self { notes: HashMap::new(), allowance: BURST, since: now }
    }

    fn is_silent(&self, now: Instant) -> bool {
        self.notes.values().all(|at| now.duration_since(*at) >= SILENCE)
    }

    fn take(&mut self, event: &Event, now: Instant) -> bool {
        self.notes.retain(|_, at| now.duration_since(*at) < SILENCE);
        let refills = now.duration_since(self.since).as_secs() / REFILL.as_secs();
        if refills > 0 {
            self.allowance = self.allowance.saturating_add(u32::try_from(refills).unwrap_or(BURST)).min(BURST);
            self.since = now;
        }
        let key = (event.reason, event.note.clone());
        if self.allowance == 0 || self.notes.contains_key(&key) {
            return false;
        }
        self.allowance -= 1;
        self.notes.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(note: &str) -> Event {
        Event::new(EventReason::PodsRolled, note)
    }

    #[test]
    fn the_same_is_told_once_in_a_while() {
        let start = Instant::now();
        let mut told = Told::new(start);
        assert!(told.take(&news("a"), start));
        assert!(!told.take(&news("a"), start + SILENCE / 2));
        assert!(told.take(&news("b"), start + SILENCE / 2));
        assert!(told.take(&news("a"), start + SILENCE));
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let start = Instant::now();
        let mut memory = Memory::new(start);
        assert!(memory.take("one", &news("a"), start));
        assert!(memory.take("other", &news("a"), start + SILENCE / 2));
        assert_eq!(memory.of.len(), 2);
        assert!(!memory.take("other", &news("a"), start + SILENCE));
        assert_eq!(memory.of.keys().collect::<Vec<_>>(), ["other"]);
    }

    #[test]
    fn an_object_that_never_comes_to_rest_has_one_event_a_minute() {
        let start = Instant::now();
        let mut told = Told::new(start);
        let count =
            (0..1200_u32).filter(|second| told.take(&news(&second.to_string()), start + Duration::from_secs((*second).into()))).count();
        assert!((30..=32).contains(&count), "{count}");
    }
}
