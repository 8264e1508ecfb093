//! One write at a time: applies an object, or deletes one.

use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::DynamicObject,
};
use tokio::time::timeout;

use super::{
    fault::{Failure, Fault},
    plan::Collision,
};
use crate::{
    build::Object,
    cluster::{Child, Permits, WriteError, child::owner_uid, permit::WRITE_TIMEOUT},
    inventory::Key,
    kind::Kind,
    labels::OPERATOR,
};

/// Who the operator is among those who write fields.
pub const FIELD_MANAGER: &str = OPERATOR;

/// Writes objects of relays, each with the right to do so at that moment.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    permits: Permits,
}

/// Why an object was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApplyError {
    /// Another's object has its name.
    #[error(transparent)]
    Collision(Collision),
    /// The write failed.
    #[error(transparent)]
    Failure(Failure),
}

impl Writer {
    /// Writes by `client` as long as `permits` are given.
    #[must_use]
    pub fn new(client: Client, permits: Permits) -> Self {
        Self { client, permits }
    }

    /// Applies an object of the relay with the UID `owner`: makes it, or changes the `live` one, which is known to be the relay's own.
    pub(super) async fn apply(&self, owner: &str, object: &Object, live: Option<&Child>) -> Result<DynamicObject, ApplyError> {
        let failure = |error: WriteError| ApplyError::Failure(failure(object.kind, &object.key, error));
        let api = self.api(object.kind, &object.key);
        let mut body = object.value.clone();
        let uid = match live {
            Some(live) => Some(live.uid.clone()),
            // The caches hold what bears the operator's label. Anything may be there that does not, its own too when it has lost the label.
            None => match read(api.get_metadata_opt(&object.key.name)).await.map_err(failure)? {
                Some(found) if owner_uid(&found.metadata) == Some(owner) => found.metadata.uid,
                Some(_) => return Err(ApplyError::Collision(Collision { kind: object.kind, key: object.key.clone() })),
                None => None,
            },
        };
        // A write that makes an object must not take over one that was made since that look: so it is not forced.
        let params = PatchParams { force: uid.is_some(), ..PatchParams::apply(FIELD_MANAGER) };
        if let Some(uid) = uid {
            // By its UID: should another have taken its name meanwhile, nothing is written.
            body["metadata"]["uid"] = uid.into();
        }
        let permit = self.permits.take().map_err(failure)?;
        permit.spend(api.patch(&object.key.name, &params, &Patch::Apply(&body))).await.map_err(failure)
    }

    /// Deletes an object, if it still is the one that was seen.
    pub(super) async fn delete(&self, child: &Child) -> Result<(), Failure> {
        let preconditions = Preconditions { uid: Some(child.uid.clone()), resource_version: Some(child.resource_version.clone()) };
        let params = DeleteParams::background().preconditions(preconditions);
        let api = self.api(child.kind, &child.key);
        let permit = self.permits.take().map_err(|error| failure(child.kind, &child.key, error))?;
        match permit.spend(api.delete(&child.key.name, &params)).await {
            Ok(_) => Ok(()),
            Err(WriteError::Api(kube::Error::Api(status))) if status.code == 404 => Ok(()),
            Err(error) => Err(failure(child.kind, &child.key, error)),
        }
    }

    fn api(&self, kind: Kind, key: &Key) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &key.namespace, &kind.api_resource())
    }
}

fn failure(kind: Kind, key: &Key, error: WriteError) -> Failure {
    Failure { kind, key: key.clone(), fault: Fault::from(error) }
}

/// Reads within the time of a write.
async fn read<T>(read: impl Future<Output = kube::Result<T>>) -> Result<T, WriteError> {
    match timeout(WRITE_TIMEOUT, read).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(WriteError::TimedOut),
    }
}
