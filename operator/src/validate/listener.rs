//! What a relay listens on.

use postern_config::{Delivery, Listener, ListenerTls, ProxyProtocol, Role, Tenant, TrustRequirement, Trusted, Violation};
use postern_crds::smtp_relay as api;

use super::{Parts, root::fit, route::senders};
use crate::dereference::RelayReferences;

impl Parts {
    pub(super) fn listeners(&mut self, listeners: &[api::Listener], references: &mut RelayReferences) -> Result<Vec<Listener>, Violation> {
        let client_cas = std::mem::take(&mut references.client_cas);
        let listeners = listeners.iter().zip(client_cas).enumerate();
        listeners
            .map(|(index, (listener, trust))| {
                let client_cas = trust.keys().cloned().collect();
                self.trust.extend(trust);
                compile(listener, client_cas, &format!("spec.listeners[{index}]"))
            })
            .collect()
    }
}

fn compile(listener: &api::Listener, client_cas: Vec<String>, field: &str) -> Result<Listener, Violation> {
    Ok(Listener {
        name: listener.name.clone(),
        role: match listener.role {
            api::Role::Inbound => Role::Inbound,
            api::Role::Submission => Role::Submission,
            api::Role::Trusted => Role::Trusted,
        },
        port: fit(format!("{field}.port"), listener.pod_port())?,
        tls: match listener.tls.mode {
            api::ListenerTlsMode::StartTls => ListenerTls::StartTls,
            api::ListenerTlsMode::Implicit => ListenerTls::Implicit,
            api::ListenerTlsMode::StartTlsOptional => ListenerTls::StartTlsOptional,
        },
        delivery: match listener.delivery() {
            api::Delivery::PassThrough => Delivery::PassThrough,
            api::Delivery::Spool => Delivery::Spool,
        },
        proxy_protocol: listener.proxy_protocol.as_ref().map(|proxy| ProxyProtocol { trusted_cidrs: proxy.trusted_cidrs.clone() }),
        client_cas,
        trusted: listener.trusted.as_ref().map(|trusted| compile_trusted(trusted, &format!("{field}.trusted"))).transpose()?,
    })
}

fn compile_trusted(trusted: &api::Trusted, field: &str) -> Result<Trusted, Violation> {
    Ok(Trusted {
        certificate_names: trusted.certificate_names.clone(),
        cidrs: trusted.cidrs.clone(),
        require: match trusted.require {
            api::TrustRequirement::Any => TrustRequirement::Any,
            api::TrustRequirement::All => TrustRequirement::All,
        },
        allowed_senders: senders(&trusted.allowed_senders, &format!("{field}.allowedSenders"))?,
        tenant: trusted.tenant.as_ref().map(|tenant| Tenant { header: tenant.header.clone(), values: tenant.values.clone() }),
    })
}

/// The first listener that takes mail of strangers into the queue.
pub(super) fn queueing_for_strangers(listeners: &[api::Listener]) -> Option<&api::Listener> {
    listeners.iter().find(|listener| listener.role == api::Role::Inbound && listener.delivery() == api::Delivery::Spool)
}
