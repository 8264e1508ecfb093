//! The reasons that conditions give: a fixed set, for alerts and scripts.

/// Makes the enum of reasons: each with what it means, written as it is named.
macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $name:ident,)+) => {
        /// Why a condition is as it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl Reason {
            /// Every reason that there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// As conditions write it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($meaning,)+).trim_ascii(),)+
                }
            }
        }
    };
}

reasons! {
    /// The resource is valid, and in nobody's way.
    Accepted,
    /// A field is wrong in a way that the schema can't tell.
    Invalid,
    /// Another resource claimed the domain before.
    DomainConflict,
    /// The relay does not let the domain in, or does not let its mail go where the domain sends it.
    NotAllowedByRelay,
    /// The domain names the relay no more.
    RelayRefRemoved,
    /// The operator does not watch the namespaces that would have to be looked at.
    NamespacesNotReadable,
    /// The relay forgot the domain that it could not serve.
    DetachGraceEnded,
    /// Everything that is referred to is there.
    ResolvedRefs,
    /// There is no such relay.
    RelayNotFound,
    /// Something that is referred to is missing.
    RefNotFound,
    /// No `ReferenceGrant` permits a reference to another namespace.
    RefNotPermitted,
    /// Something that is referred to can't be used.
    InvalidReference,
    /// The operator may not read Secrets there.
    SecretsNotReadable,
    /// A certificate has ended.
    CertificateExpired,
    /// A certificate should have been renewed by now.
    CertificateExpiresSoon,
    /// The issuer has not issued the certificate yet.
    CertificateNotIssued,
    /// The postmaster is in no accepted domain of the relay.
    PostmasterNotAccepted,
    /// No certificate could be issued.
    IssueFailed,
    /// An object of the name of one of the relay's is somebody else's.
    NameCollision,
    /// The API server did not take an object of the relay.
    ApplyFailed,
    /// A quota of the namespace leaves no room.
    QuotaExceeded,
    /// The operator lacks a permission.
    Forbidden,
    /// The cluster does not serve an API that the relay needs.
    ApiMissing,
    /// Every ready pod runs this generation.
    Programmed,
    /// Pods have not taken the configuration yet.
    Pending,
    /// Pods are being replaced.
    RollingOut,
    /// A pod refused the configuration and runs its last good one.
    Refused,
    /// No pod is ready.
    NoReadyPods,
    /// The image of the pods can't be pulled.
    ImagePullFailed,
    /// The relay ends as soon as it starts.
    PodsCrash,
    /// No node takes the pods.
    PodsUnschedulable,
    /// Something keeps the pods' containers from being made.
    PodsCannotStart,
    /// `replicas` is 0.
    ScaledToZero,
    /// A listener is for mail of strangers, and no domain is served, so it takes none.
    NoAcceptedDomains,
    /// Mail flows.
    Ready,
    /// Every link requires TLS.
    Required,
    /// Links that don't require TLS are named.
    LinksInClear,
    /// What is taken into the queue outlives the pod that took it.
    OutlivesPods,
    /// The queue ends with its pod.
    EndsWithPod,
    /// Clients arrive with their own addresses.
    Preserved,
    /// Clients arrive with the addresses of nodes or pods.
    ClientsArriveThroughNodes,
    /// A Service lets nodes hide the clients' addresses.
    ExternalTrafficPolicyCluster,
    /// No client has come yet.
    NoClientsYet,
    /// Nobody knows which addresses nodes and pods have.
    RangesUnknown,
}

impl Reason {
    /// Why pods don't run, by what the kubelet or the scheduler says.
    #[must_use]
    pub fn of_pods(said: &str) -> Self {
        match said {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable" => Self::ImagePullFailed,
            "CrashLoopBackOff" => Self::PodsCrash,
            "Unschedulable" => Self::PodsUnschedulable,
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" | "PreStartHookError" => Self::PodsCannotStart,
            _ => Self::NoReadyPods,
        }
    }
}
