//! The reasons that conditions give: a fixed set, for alerts and scripts.

/// Why a condition is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The resource is valid, and in nobody's way.
    Accepted,
    /// A field is wrong in a way that the schema can't tell.
    Invalid,
    /// Another resource claimed the domain before.
    DomainConflict,
    /// Everything that is referred to is there.
    ResolvedRefs,
    /// There is no such relay.
    RelayNotFound,
    /// Something that is referred to is missing.
    RefNotFound,
    /// Something that is referred to can't be used.
    InvalidReference,
    /// A certificate has ended.
    CertificateExpired,
    /// The postmaster is in no accepted domain of the relay.
    PostmasterNotAccepted,
    /// No certificate could be issued.
    IssueFailed,
    /// Every ready pod runs this generation.
    Programmed,
    /// Pods have not taken the configuration yet.
    Pending,
    /// A pod refused the configuration and runs its last good one.
    Refused,
    /// No pod is ready.
    NoReadyPods,
    /// Mail flows.
    Ready,
    /// Every link requires TLS.
    Required,
    /// Links that don't require TLS are named.
    LinksInClear,
    /// Nobody can tell yet.
    NotObserved,
}

impl Reason {
    /// As conditions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Invalid => "Invalid",
            Self::DomainConflict => "DomainConflict",
            Self::ResolvedRefs => "ResolvedRefs",
            Self::RelayNotFound => "RelayNotFound",
            Self::RefNotFound => "RefNotFound",
            Self::InvalidReference => "InvalidReference",
            Self::CertificateExpired => "CertificateExpired",
            Self::PostmasterNotAccepted => "PostmasterNotAccepted",
            Self::IssueFailed => "IssueFailed",
            Self::Programmed => "Programmed",
            Self::Pending => "Pending",
            Self::Refused => "Refused",
            Self::NoReadyPods => "NoReadyPods",
            Self::Ready => "Ready",
            Self::Required => "Required",
            Self::LinksInClear => "LinksInClear",
            Self::NotObserved => "NotObserved",
        }
    }
}
