//! The port of exchangers. In the world that is 25; on a machine where that is somebody else's, or needs a privilege, it is another.

use postern_config::{Configuration, DomainType, RouteTarget};

/// The same configuration, with exchangers asked on `port`.
pub(super) fn asked_on(port: u16, configuration: Configuration) -> Configuration {
    let Configuration { mut root, mut domains, recipients, .. } = configuration;
    let external = domains.iter_mut().filter_map(|domain| match &mut domain.kind {
        DomainType::ExternalRelay { to } => Some(to),
        _ => None,
    });
    for target in root.routes.iter_mut().map(|route| &mut route.to).chain(external) {
        if let RouteTarget::Mx(mx) = target {
            mx.port = port;
        }
    }
    Configuration::assemble(root, domains, recipients)
}
