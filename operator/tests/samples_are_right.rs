//! Every sample under `deploy/samples` gives a relay, and nothing in it is wrong.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::{fs, path::Path};

use support::render;

/// Objects that a sample needs and leaves to the reader, in the words of `render`.
const LEFT: [&str; 5] = [
    "the Secret mail/mx-tls",
    "the ConfigMap mail/corp-ca",
    "the Secret mail/edge-client",
    "the ConfigMap blue/blue-ca",
    "the Secret mail/edge-certificate",
];

#[test]
fn each_sample_gives_a_relay_and_no_complaint() {
    let mut seen = 0;
    for entry in fs::read_dir("../deploy/samples").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let rendered = render(&[&path]);
            assert_eq!(rendered.code, 0, "{}: {}", path.display(), rendered.said);
            assert!(rendered.objects.contains("kind: Deployment"), "{}", path.display());
            for line in rendered.said.lines().filter(|line| line.contains("taken to be in the cluster")) {
                let is_known = LEFT.iter().any(|left| line.contains(left)) || line.contains("the Service");
                assert!(is_known, "{}: {line}", path.display());
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 5);
}

#[test]
fn under_an_autoscaler_replicas_are_nobody_elses() {
    let text = fs::read_to_string(Path::new("../deploy/samples/autoscaling.yaml")).unwrap();
    assert!(!text.contains("\n  replicas:"));
    assert!(text.contains("kind: SmtpRelay, name: edge"));
}
