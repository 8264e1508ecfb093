//! Why a write failed, and what would mend it.

use kube::core::Status;

use crate::{cluster::WriteError, inventory::Key, kind::Kind};

/// A write of an object that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {key}: {fault}")]
pub struct Failure {
    /// What was to be written.
    pub kind: Kind,
    /// Where.
    pub key: Key,
    /// Why it failed.
    pub fault: Fault,
}

/// Why a write failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// This process does not lead.
    #[error("this replica does not hold the lease")]
    NotLeading,
    /// No answer in time.
    #[error("the API server did not answer in time")]
    TimedOut,
    /// It can't be reached.
    #[error("the API server can't be reached: {0}")]
    Unreachable(String),
    /// It, or a webhook that it asks, fails or is overloaded.
    #[error("the API server can't do it now: {0}")]
    Failing(String),
    /// The object changed meanwhile.
    #[error("it changed meanwhile; tried again")]
    Conflict,
    /// A field can't be changed once it is set.
    #[error("{0} can't be changed once it is set; delete the object, and it is made again with the new value")]
    Immutable(String),
    /// The API server finds it wrong.
    #[error("the API server refuses it: {0}")]
    Invalid(String),
    /// It would exceed a quota of the namespace.
    #[error("{0}; raise the quota of the namespace, or ask for less")]
    QuotaExceeded(String),
    /// The namespace is being deleted.
    #[error("the namespace is being deleted")]
    NamespaceTerminating,
    /// An admission policy or webhook refuses it.
    #[error("an admission policy refuses it: {0}")]
    Denied(String),
    /// The operator lacks a permission.
    #[error("the operator lacks a permission: {0}; install its roles for this namespace (chart value `watchNamespaces`)")]
    Forbidden(String),
    /// It is larger than the API server takes.
    #[error("it is larger than the API server takes: {0}")]
    TooLarge(String),
    /// Its API is not served.
    #[error("its API is not served by this cluster: {0}")]
    ApiMissing(String),
}

impl Fault {
    /// In one word, for conditions and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotLeading => "NotLeading",
            Self::TimedOut => "TimedOut",
            Self::Unreachable(_) => "Unreachable",
            Self::Failing(_) => "Failing",
            Self::Conflict => "Conflict",
            Self::Immutable(_) => "ImmutableField",
            Self::Invalid(_) => "ObjectRefused",
            Self::QuotaExceeded(_) => "QuotaExceeded",
            Self::NamespaceTerminating => "NamespaceTerminating",
            Self::Denied(_) => "Denied",
            Self::Forbidden(_) => "Forbidden",
            Self::TooLarge(_) => "TooLarge",
            Self::ApiMissing(_) => "ApiMissing",
        }
    }

    /// Whether somebody has to do something before another attempt can succeed.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::NotLeading | Self::TimedOut | Self::Unreachable(_) | Self::Failing(_) | Self::Conflict)
    }
}

impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NotLeading => Self::NotLeading,
            WriteError::TimedOut => Self::TimedOut,
            WriteError::Api(kube::Error::Api(status)) => of_status(&status),
            WriteError::Api(error) => Self::Unreachable(error.to_string()),
        }
    }
}

fn of_status(status: &Status) -> Fault {
    let message = status.message.clone();
    match status.code {
        403 if message.contains("exceeded quota") => Fault::QuotaExceeded(message),
        403 | 404 if message.contains("is being terminated") || is_namespace(status) => Fault::NamespaceTerminating,
        400 | 403 | 422 if message.contains("admission webhook") || message.contains("ValidatingAdmissionPolicy") => Fault::Denied(message),
        401 | 403 => Fault::Forbidden(message),
        404 => Fault::ApiMissing(message),
        409 => Fault::Conflict,
        413 => Fault::TooLarge(message),
        400 | 422 => invalid(status),
        500 if message.contains("request is too large") => Fault::TooLarge(message),
        _ => Fault::Failing(message),
    }
}

/// `namespaces "mail" not found`.
fn is_namespace(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| details.kind == "namespaces")
}

fn invalid(status: &Status) -> Fault {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let immutable = causes.clone().find(|cause| cause.message.contains("immutable") || cause.message.contains("may not change"));
    match immutable {
        Some(cause) if !cause.field.is_empty() => Fault::Immutable(cause.field.clone()),
        _ => Fault::Invalid(status.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What API servers of version 1.35 answered, shortened.
    fn fault(status: &Value) -> Fault {
        let status: Status = serde_json::from_value(status.clone()).unwrap();
        WriteError::Api(kube::Error::Api(Box::new(status))).into()
    }

    #[test]
    fn an_immutable_field_is_named() {
        let fault = fault(&json!({
            "status": "Failure", "code": 422, "reason": "Invalid",
            "message": "Service \"edge-public\" is invalid: spec.loadBalancerClass: Invalid value: \"b\": may not change once set",
            "details": {"kind": "Service", "causes": [
                {"reason": "FieldValueInvalid", "message": "Invalid value: \"b\": may not change once set", "field": "spec.loadBalancerClass"},
            ]},
        }));
        assert_eq!(fault, Fault::Immutable("spec.loadBalancerClass".to_owned()));
        assert!(fault.is_final());
    }

    #[test]
    fn what_is_forbidden_says_by_what() {
        let forbidden =
            |message: &str| fault(&json!({"status": "Failure", "code": 403, "reason": "Forbidden", "message": message})).reason();
        assert_eq!(forbidden("services \"edge-public\" is forbidden: exceeded quota: small, requested: services=1"), "QuotaExceeded");
        assert_eq!(
            forbidden("configmaps \"x\" is forbidden: unable to create new content in namespace mail because it is being terminated"),
            "NamespaceTerminating"
        );
        assert_eq!(
            forbidden("deployments.apps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"),
            "Denied"
        );
        assert_eq!(forbidden("secrets is forbidden: User \"u\" cannot patch resource \"secrets\""), "Forbidden");
    }

    #[test]
    fn what_passes_by_itself_is_not_final() {
        for code in [409, 429, 500, 503] {
            let fault = fault(&json!({"status": "Failure", "code": code, "message": "etcd leader changed"}));
            assert!(!fault.is_final() && fault.reason() != "Unreachable", "{fault}");
        }
        assert!(!Fault::from(WriteError::TimedOut).is_final());
    }
}
