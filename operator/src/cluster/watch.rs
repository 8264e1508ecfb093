//! One watch: a list, then what changes, for ever.
//!
//! Every wait has a deadline, so that a stream that runs always gets on: with an event, a bookmark, a list, or an error and a new attempt after
//! a wait of its own. Objects are read as they come, so that none can stop the stream by its content.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, Resource,
    api::{ListParams, WatchEvent, WatchParams},
    core::{ApiResource, DynamicObject, DynamicResourceScope, PartialObjectMeta, TypeMeta},
    error::Status,
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::{
    World,
    backoff::{Backoff, jittered},
    liveness::Progress,
    queue::Urgency,
    world::Source,
};
use crate::inventory::Key;

/// How long the server holds a watch. Below the 240 s after which load balancers drop what is silent.
const WATCH: u32 = 200;
/// The server ends a watch by itself after [`WATCH`]; one that lasts so long has lost its connection.
const SILENCE: Duration = Duration::from_secs(WATCH as u64 + 10);
/// For a page of a list, and for the start of a watch.
const ANSWER: Duration = Duration::from_mins(1);
/// Objects in a page of a list.
const PAGE: u32 = 500;
/// Waits after failures.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(800), most: Duration::from_secs(30) };
/// How often an API that is not there is asked for again.
const ABSENT: Duration = Duration::from_secs(30);
/// A watch that ends sooner has failed, whatever the server says of it.
const TOO_SOON: Duration = Duration::from_secs(1);
/// So many answers in a row say that an API that was there is gone, or that it may not be read: a server that starts may not know the API yet, and
/// nobody's rights. They span some ten seconds.
const GONE: u32 = 5;

/// The longest time in which a stream that runs gets on, whatever happens to it.
pub(super) const LONGEST: Duration = BACKOFF.most.saturating_add(ANSWER).saturating_add(SILENCE);

/// What it means that the server does not let a kind be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing is to be done before it is listed.
    Required,
    /// Its API may be absent, and then nothing of the kind is there.
    IfServed,
    /// And it may be forbidden too; then nobody knows.
    IfAllowed,
}

/// What comes over the wire: an object, or only its metadata.
pub(super) trait Wire:
    Resource<DynamicType = ApiResource, Scope = DynamicResourceScope> + Clone + Debug + DeserializeOwned + Send + 'static
{
    /// As an object, whose data may be missing.
    fn into_object(self) -> DynamicObject;
}

impl Wire for DynamicObject {
    fn into_object(self) -> DynamicObject {
        self
    }
}

impl Wire for PartialObjectMeta<DynamicObject> {
    fn into_object(self) -> DynamicObject {
        DynamicObject { types: self.types, metadata: self.metadata, data: serde_json::Value::Null }
    }
}

/// What a stream watches.
#[derive(Debug)]
pub(super) struct Watch<K> {
    pub(super) api: Api<K>,
    pub(super) resource: ApiResource,
    pub(super) source: Source,
    /// The only namespace that it sees.
    pub(super) namespace: Option<String>,
    pub(super) labels: Option<String>,
    pub(super) need: Need,
    pub(super) world: Arc<World>,
    pub(super) progress: Arc<Progress>,
}

/// Why a stream starts again.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the API server did not answer within {} s", ANSWER.as_secs())]
    Slow,
    #[error("the watch was silent for {} s", SILENCE.as_secs())]
    Silent,
    #[error("the watch ended at once")]
    Ended,
    #[error("the server can't continue from this version")]
    Expired,
    #[error("the server says {}: {}", .0.code, .0.message)]
    Told(Box<Status>),
    #[error(transparent)]
    Failed(kube::Error),
}

impl From<kube::Error> for Trouble {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 410 => Self::Expired,
            kube::Error::Api(status) => Self::Told(status),
            error => Self::Failed(error),
        }
    }
}

impl Trouble {
    fn code(&self) -> Option<u16> {
        match self {
            Self::Told(status) => Some(status.code),
            _ => None,
        }
    }
}

impl<K: Wire> Watch<K> {
    /// Follows until it is dropped.
    pub(super) async fn follow(self) {
        let (mut version, mut failures, mut absences) = (None, 0, 0);
        loop {
            let ended = match version.take() {
                None => self.list().await.map(|listed| version = Some(listed)),
                Some(from) => self.changes(from, &mut version).await,
            };
            self.progress.turned();
            let Err(trouble) = ended else {
                (failures, absences) = (0, 0);
                continue;
            };
            if matches!(trouble, Trouble::Told(_) | Trouble::Expired) {
                self.progress.answered();
            }
            absences = if self.may_be_out_of_reach(&trouble) { absences + 1 } else { 0 };
            if self.is_out_of_reach(&trouble, absences) {
                self.leave_out(&trouble);
                version = None;
                // The next such answer says the same.
                absences = GONE;
                sleep(jittered(ABSENT)).await;
                continue;
            }
            if matches!(trouble, Trouble::Expired) {
                version = None;
            }
            if trouble.code() == Some(403) {
                self.pass_over();
            }
            failures += 1;
            let wait = BACKOFF.wait(failures);
            self.report(&trouble, failures, wait);
            sleep(wait).await;
        }
    }

    fn report(&self, trouble: &Trouble, failures: u32, wait: Duration) {
        let (watch, wait) = (self.progress.name(), wait.as_secs_f32());
        self.progress.failed();
        // A server that restarts ends every watch once; that is no news.
        if failures == 1 {
            tracing::debug!(watch, error = %trouble, wait, "a watch starts again");
        } else {
            tracing::warn!(watch, error = %trouble, failures, wait, "a watch fails");
        }
    }

    fn may_be_out_of_reach(&self, trouble: &Trouble) -> bool {
        match trouble.code() {
            Some(403) => self.need == Need::IfAllowed,
            Some(404) => self.need != Need::Required,
            _ => false,
        }
    }

    fn is_out_of_reach(&self, trouble: &Trouble, absences: u32) -> bool {
        // Most clusters lack some API, and the first start need not wait for it.
        let is_absent_from_the_start = absences > 0 && trouble.code() == Some(404) && !self.progress.is_synced();
        absences >= GONE || is_absent_from_the_start
    }

    /// A namespace whose roles are gone is most often gone itself. Of one that may not be read from the start nothing is known: what depends on it
    /// waits, and nothing else does.
    fn pass_over(&self) {
        if let Some(namespace) = self.namespace.as_deref().filter(|_| !self.progress.is_synced()) {
            self.world.lacks(self.source, namespace);
            self.progress.passed_over();
        }
    }

    /// Takes that all is known. Says whether that is news.
    fn synced(&self) -> bool {
        let is_news = self.progress.synced();
        if let Some(namespace) = self.namespace.as_deref().filter(|_| is_news) {
            self.world.sees(self.source, namespace);
        }
        is_news
    }

    fn leave_out(&self, trouble: &Trouble) {
        if self.synced() {
            tracing::info!(watch = self.progress.name(), error = %trouble, "left out until it can be watched");
        }
        self.world.serves(self.source, false);
        self.world.sweep(self.source, self.namespace.as_deref(), &BTreeSet::new(), None);
    }

    /// Lists everything, page by page, and says which version that was.
    async fn list(&self) -> Result<String, Trouble> {
        let urgency = if self.progress.is_synced() { Urgency::Change } else { Urgency::Sweep };
        let mut listed = BTreeSet::new();
        let mut params = ListParams { label_selector: self.labels.clone(), limit: Some(PAGE), ..ListParams::default() };
        loop {
            let page = timeout(ANSWER, self.api.list(&params)).await.map_err(|_| Trouble::Slow)??;
            self.progress.answered();
            self.world.serves(self.source, true);
            for object in page.items {
                let object = self.typed(object);
                listed.insert(Key::of(&object.metadata));
                self.world.observe(self.source, object, urgency);
            }
            if let Some(token) = page.metadata.continue_.filter(|token| !token.is_empty()) {
                params.continue_token = Some(token);
                continue;
            }
            let version = page.metadata.resource_version.unwrap_or_default();
            self.world.sweep(self.source, self.namespace.as_deref(), &listed, Some(&version));
            if self.synced() {
                tracing::debug!(watch = self.progress.name(), objects = listed.len(), "listed");
            }
            return Ok(version);
        }
    }

    /// Follows what changes after `from`, until the server ends the watch. `last` is what was seen last.
    async fn changes(&self, from: String, last: &mut Option<String>) -> Result<(), Trouble> {
        let params = WatchParams { label_selector: self.labels.clone(), timeout: Some(WATCH), ..WatchParams::default() };
        let begun = Instant::now();
        let last = last.insert(from);
        let events = timeout(ANSWER, self.api.watch(&params, last)).await.map_err(|_| Trouble::Slow)??;
        let mut events = events.boxed();
        loop {
            let Some(event) = timeout(SILENCE, events.next()).await.map_err(|_| Trouble::Silent)? else {
                return if begun.elapsed() < TOO_SOON { Err(Trouble::Ended) } else { Ok(()) };
            };
            match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    let object = self.typed(object);
                    object.metadata.resource_version.as_ref().inspect(|version| last.clone_from(version));
                    self.world.observe(self.source, object, Urgency::Change);
                }
                Ok(WatchEvent::Deleted(object)) => {
                    let version = object.meta().resource_version.clone();
                    version.as_ref().inspect(|version| last.clone_from(version));
                    self.world.forget(self.source, &Key::of(object.meta()), version.as_deref());
                }
                Ok(WatchEvent::Bookmark(bookmark)) => last.clone_from(&bookmark.metadata.resource_version),
                Ok(WatchEvent::Error(status)) => return Err(kube::Error::Api(status).into()),
                // What can't be read as an event at all would come again.
                Err(error @ kube::Error::SerdeError(_)) => {
                    tracing::warn!(watch = self.progress.name(), %error, "the server sent what is no event");
                    return Err(Trouble::Expired);
                }
                Err(error) => return Err(error.into()),
            }
            self.progress.answered();
        }
    }

    /// Lists of built-in kinds leave out what each object is.
    fn typed(&self, object: K) -> DynamicObject {
        let mut object = object.into_object();
        let ApiResource { api_version, kind, .. } = &self.resource;
        object.types = Some(TypeMeta { api_version: api_version.clone(), kind: kind.clone() });
        object
    }
}

#[cfg(test)]
mod tests;
