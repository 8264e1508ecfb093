//! What a relay refers to beside its certificate: users, routes, the CAs of clients, the database of its queue.

use std::collections::BTreeMap;

use postern_config::{Credentials, Database, User};
use postern_crds::{SmtpRelay, smtp_relay::Route};

use super::{
    Context, Fault, HopReferences, ReferenceProblem, Target, TargetKind, credentials, database, grant::Referrer, lookup::Lookup, user,
};
use crate::{
    inventory::Key,
    material::{Bundle, Sealed},
};

/// Everything that a relay refers to beside its certificate, by the names that the files have in its configuration.
#[derive(Clone, Debug, Default)]
pub struct RelayReferences {
    /// CA certificates that those of clients must come from, of each listener.
    pub client_cas: Vec<BTreeMap<String, Sealed<Bundle>>>,
    /// Who may authenticate.
    pub users: BTreeMap<String, Sealed<User>>,
    /// Of each route.
    pub routes: Vec<RouteReferences>,
    /// Where the queue lies, when that is a database.
    pub database: Option<(String, Sealed<Database>)>,
    /// What keeps the relay from being carried out.
    pub problems: Vec<ReferenceProblem>,
    /// What keeps users from logging in; the rest goes on without them.
    pub locked_out: Vec<ReferenceProblem>,
}

/// What a route refers to.
#[derive(Clone, Debug, Default)]
pub struct RouteReferences {
    /// For its servers, and the links to them.
    pub hops: HopReferences,
    /// What smart hosts are shown.
    pub credentials: Option<(String, Sealed<Credentials>)>,
}

pub(super) fn references(relay: &SmtpRelay, key: &Key, context: Context<'_>) -> RelayReferences {
    let spec = &relay.spec;
    let mut problems = Vec::new();
    let mut lookup = Lookup { context, referrer: Referrer { kind: "SmtpRelay", key }, networks: &[], problems: &mut problems };
    let listeners = spec.listeners.iter().enumerate();
    let client_cas =
        listeners.map(|(index, listener)| lookup.trust(&listener.tls.client_ca_refs, &format!("spec.listeners[{index}].tls.clientCARefs")));
    let client_cas = client_cas.collect();
    let routes =
        spec.routes.iter().enumerate().map(|(index, route)| of_route(&mut lookup, route, &format!("spec.routes[{index}]"))).collect();
    let postgres = spec.spool.as_ref().and_then(|spool| spool.postgres.as_ref());
    let database =
        postgres.and_then(|postgres| lookup.secret(&postgres.connection_ref, "spec.spool.postgres.connectionRef", database::read));
    let (users, locked_out) = users(relay, key, context);
    RelayReferences { client_cas, users, routes, database, problems, locked_out }
}

fn of_route(lookup: &mut Lookup<'_>, route: &Route, field: &str) -> RouteReferences {
    let hops = lookup.hops(&route.smart_hosts, &format!("{field}.smartHosts"), &route.tls, &format!("{field}.tls"));
    let reference = route.credentials_ref.as_ref();
    let credentials = reference.and_then(|reference| lookup.secret(reference, &format!("{field}.credentialsRef"), credentials::read));
    RouteReferences { hops, credentials }
}

/// The users, and what is wrong with those that are left out. Of two with one name the first that the relay names has it.
fn users(relay: &SmtpRelay, key: &Key, context: Context<'_>) -> (BTreeMap<String, Sealed<User>>, Vec<ReferenceProblem>) {
    let mut locked_out = Vec::new();
    let mut lookup = Lookup { context, referrer: Referrer { kind: "SmtpRelay", key }, networks: &[], problems: &mut locked_out };
    let (mut users, mut names) = (BTreeMap::new(), BTreeMap::<String, Key>::new());
    let references = relay.spec.auth.iter().flat_map(|auth| &auth.users.secret_refs).enumerate();
    for (index, reference) in references {
        let field = format!("spec.auth.users.secretRefs[{index}]");
        let Some((handle, user)) = lookup.secret(reference, &field, user::read) else { continue };
        let secret = key.sibling(&reference.name);
        if let Some(user) = user.open() {
            if let Some(first) = names.get(&user.name) {
                let target = Target { kind: TargetKind::Secret, key: secret };
                lookup.problems.push(ReferenceProblem { field, target, fault: Fault::NameTaken(first.clone()) });
                continue;
            }
            names.insert(user.name.clone(), secret);
        }
        users.insert(handle, user);
    }
    (users, locked_out)
}
