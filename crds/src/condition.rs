//! The conditions of both resources.

/// Types of conditions. Each is reported as True, False or Unknown, with the generation that it was observed at.
pub mod types {
    /// The resource is valid and in nobody's way.
    pub const ACCEPTED: &str = "Accepted";
    /// Everything that the resource refers to is there and usable.
    pub const RESOLVED_REFS: &str = "ResolvedRefs";
    /// Every ready pod runs the configuration of this generation.
    pub const PROGRAMMED: &str = "Programmed";
    /// Mail flows.
    pub const READY: &str = "Ready";
    /// Every link requires TLS. False names the links that don't.
    pub const ALL_LINKS_ENCRYPTED: &str = "AllLinksEncrypted";
    /// The relay sees the clients' own addresses, so that limits per client count clients.
    pub const CLIENT_ADDRESS_PRESERVED: &str = "ClientAddressPreserved";
    /// What is taken into the queue outlives the pod that took it. Present only where there is a queue.
    pub const SPOOL_DURABLE: &str = "SpoolDurable";
    /// A change is being carried out. Present only while it is true (kstatus).
    pub const RECONCILING: &str = "Reconciling";
    /// Nothing will change until somebody mends the resource. Present only while it is true (kstatus).
    pub const STALLED: &str = "Stalled";
}
