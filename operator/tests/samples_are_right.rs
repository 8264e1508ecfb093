//! Every sample under `deploy/samples` gives a relay, and nothing in it is wrong.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::{fs, path::Path};

use support::render;

/// Objects that a sample needs and leaves to the reader, in the words of `render`.
const LEFT: [&str; 8] = [
    "the Secret mail/mx-tls",
    "the ConfigMap mail/corp-ca",
    "the Secret mail/edge-client",
    "the ConfigMap blue/blue-ca",
    "the Secret mail/edge-certificate",
    "the Secret mail/submission-tls",
    "the Secret mail/billing-app",
    "the Secret mail/contoso-client",
];

#[test]
fn each_sample_gives_a_relay_and_no_complaint() {
    let mut seen = 0;
    for entry in fs::read_dir("../deploy/samples").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let rendered = render(&[&path]);
            assert_eq!(rendered.code, 0, "{}: {}", path.display(), rendered.said);
            let has_pods = ["kind: Deployment", "kind: StatefulSet"].iter().any(|kind| rendered.objects.contains(kind));
            assert!(has_pods, "{}", path.display());
            for line in rendered.said.lines().filter(|line| line.contains("taken to be in the cluster")) {
                let is_known = LEFT.iter().any(|left| line.contains(left)) || line.contains("the Service");
                assert!(is_known, "{}: {line}", path.display());
                // What the reader makes must not bear the name of what the operator makes.
                let name = line.split_once("the Secret mail/").map(|(_, rest)| rest.split([' ', ',', ':', ';']).next().unwrap());
                assert!(name.is_none_or(|name| rendered.object("Secret", name).is_none()), "{}: {line}", path.display());
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 10);
}

#[test]
fn under_an_autoscaler_replicas_are_nobody_elses() {
    let text = fs::read_to_string(Path::new("../deploy/samples/autoscaling.yaml")).unwrap();
    assert!(!text.contains("\n  replicas:"));
    assert!(text.contains("kind: SmtpRelay, name: edge"));
}
