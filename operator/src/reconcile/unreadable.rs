//! A resource that does not have the form of its kind: what is wrong with it is told, and nothing else is done.

use jiff::Timestamp;
use kube::{
    Resource as _,
    core::{ApiResource, DynamicObject},
};
use serde_json::Value;

use super::{Desk, ReconcileError};
use crate::{
    cluster::{WriteError, world::Unreadable},
    status::{Event, EventReason},
};

/// Tells on a resource of `kind` what is wrong with it.
pub(super) async fn tell(desk: &Desk, kind: &ApiResource, resource: &Unreadable, now: Timestamp) -> Result<(), ReconcileError> {
    let message = format!("{}; write the field as `kubectl explain {}.spec` tells", resource.error, kind.plural);
    match desk.statuses.unreadable(kind, resource, &message, now).await {
        Ok(true) => {}
        Ok(false) => return Ok(()),
        // The API server takes not even a status of what its own rules can't be evaluated for. The event is all that can be told.
        Err(WriteError::Api(kube::Error::Api(status))) if status.code == 422 => {
            tracing::warn!(kind = kind.kind, error = resource.error, "a resource can't be read, and the API server takes no status for it");
        }
        Err(error) => return Err(error.into()),
    }
    let object = DynamicObject { types: None, metadata: resource.metadata.clone(), data: Value::Null };
    desk.recorder.tell_of(&object.object_ref(kind), [Event::new(EventReason::Unreadable, &message)]).await;
    Ok(())
}
