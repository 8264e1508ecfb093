//! The manifests under `deploy/quickstart` are what a newcomer starts from: they are right, and show both kinds.

use std::{fs, path::Path};

use postern_crds::{Resource, check};
use serde_json::Value;

#[test]
fn the_quick_start_is_one_relay_with_two_domains() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/quickstart");
    let (mut relays, mut domains) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let file = entry.unwrap_or_else(|error| panic!("{error}")).path();
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for document in documents.iter().filter(|document| document["apiVersion"] != "v1") {
            match check(document).unwrap_or_else(|errors| panic!("{}: {errors:?}", file.display())) {
                Resource::SmtpRelay(relay) => relays.push(relay),
                Resource::AcceptedDomain(domain) => domains.push(domain),
            }
        }
    }
    let [relay] = &relays[..] else { panic!("{} relays", relays.len()) };
    let mut names: Vec<_> = domains.iter().map(|domain| domain.spec.domain.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["example.com", "example.org"]);
    for domain in &domains {
        assert_eq!(Some(&domain.spec.relay_refs[0].name), relay.metadata.name.as_ref());
        assert_eq!(domain.metadata.namespace, relay.metadata.namespace);
    }
}
