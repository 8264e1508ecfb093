//! Who the pods are. They never speak to the API server, so they get no token.

use k8s_openapi::api::core::v1::ServiceAccount;
use postern_crds::SmtpRelay;

use super::metadata::child;

pub(super) fn build(relay: &SmtpRelay) -> ServiceAccount {
    ServiceAccount { metadata: child(relay, "relay"), automount_service_account_token: Some(false), ..ServiceAccount::default() }
}
