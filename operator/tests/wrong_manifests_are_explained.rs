//! A manifest that is wrong is refused with its file, its field and its mend, and changes nothing; the others keep working.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use postern_operator::{
    inventory::Key,
    manifest::{Folder, Reading},
};
use support::{Manifests, config_map, domain, relay};

/// What is wrong, and what must be said of it.
struct Case {
    manifest: &'static str,
    said: &'static [&'static str],
}

const CASES: [Case; 11] = [
    Case { manifest: "a: {{", said: &["broken.yaml: not YAML:", "line 1"] },
    Case { manifest: "a: 1\na: 2\n", said: &["broken.yaml: not YAML:", "duplicate"] },
    Case { manifest: "- one\n- two\n", said: &["broken.yaml", "apiVersion"] },
    Case { manifest: "kind: SmtpRelay\nmetadata: {name: x}\n", said: &["broken.yaml", "apiVersion", "write `postern.dev/v1alpha1`"] },
    Case {
        manifest: "apiVersion: postern.dev/v1alpha1\nkind: SmtpRelai\nmetadata: {name: x}\n",
        said: &["broken.yaml", "kind", "SmtpRelay"],
    },
    Case {
        manifest: "apiVersion: postern.dev/v1\nkind: SmtpRelay\nmetadata: {name: x}\n",
        said: &["broken.yaml", "write `postern.dev/v1alpha1`"],
    },
    Case { manifest: "apiVersion: v1\nkind: ConfigMap\ndata: {}\n", said: &["broken.yaml", "metadata.name", "give the object a name"] },
    Case {
        manifest: "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {k: '!'}\n",
        said: &["broken.yaml, Secret default/x: data:", "base64"],
    },
    Case {
        manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {k: {a: b}}\n",
        said: &["broken.yaml, ConfigMap default/x: data:", "plain text"],
    },
    Case {
        manifest: "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {name: x, namespace: mail}
spec: {hostname: mx1.example.com, listeners: [{name: mx, role: Inbound, port: 70000}]}
",
        said: &["broken.yaml, SmtpRelay mail/x: spec.listeners[0].port:", "65535"],
    },
    Case {
        manifest: "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {name: x, namespace: mail}
spec: {hostname: mx1.example.com, hostnam: typo, listeners: [{name: mx, role: Inbound, port: 25}]}
",
        said: &["broken.yaml, SmtpRelay mail/x: spec.hostnam:", "hostname"],
    },
];

#[test]
fn a_wrong_manifest_is_named_with_its_field_and_its_mend_and_the_others_are_rendered() {
    for Case { manifest, said } in CASES {
        let manifests = Manifests::new();
        manifests.put("broken.yaml", manifest);
        let rendered = manifests.render();
        assert_eq!(rendered.code, 3, "{manifest}");
        for part in said {
            assert!(rendered.said.contains(part), "{part:?} is not in {:?}", rendered.said);
        }
        assert!(rendered.object("Deployment", "edge-relay").is_some(), "{manifest}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once_and_by_document() {
    let manifests = Manifests::new();
    let documents = format!("{}---\n{}", domain("a", "EXAMPLE.com", ""), domain("b", "example.org", "  tls: {mode: Never}\n"));
    manifests.put("domains.yaml", &documents);
    let said = manifests.render().said;
    assert!(said.contains("domains.yaml, AcceptedDomain mail/a: spec.domain:"), "{said}");
    assert!(said.contains("domains.yaml (document 2), AcceptedDomain mail/b: spec.tls.mode:"), "{said}");
}

#[test]
fn a_wrong_document_leaves_the_others_of_its_file_alone() {
    let manifests = Manifests::new();
    let good = domain("good", "example.com", "");
    manifests.put("domains.yaml", &format!("{}---\n{good}", domain("bad", "example.org", "  tls: {mode: Never}\n")));
    let rendered = manifests.render();
    assert!(rendered.objects.contains("\"name\": \"example.com\""), "{}", rendered.said);
    assert!(!rendered.objects.contains("example.org"));
}

#[test]
fn other_kinds_are_noted_and_no_error() {
    let manifests = Manifests::new();
    manifests.put("other.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: mail}\n");
    let rendered = manifests.render();
    assert_eq!(rendered.code, 0);
    assert!(rendered.said.contains("note: other.yaml: Deployment mail/web"), "{}", rendered.said);
}

#[test]
fn two_manifests_of_one_resource_are_refused_with_both_files_named() {
    let manifests = Manifests::new();
    manifests.put("copy.yaml", &relay("edge", 2525));
    let rendered = manifests.render();
    assert_eq!((rendered.code, rendered.objects.as_str()), (3, ""));
    assert!(rendered.said.contains("copy.yaml, SmtpRelay mail/edge: stands in relay.yaml (document 1) too"), "{}", rendered.said);
    assert!(rendered.said.contains("relay.yaml, SmtpRelay mail/edge: stands in copy.yaml (document 1) too"), "{}", rendered.said);
}

#[test]
fn only_yaml_and_json_files_are_read_and_hidden_ones_are_not() {
    let manifests = Manifests::empty();
    manifests.put("relay.yml", &relay("edge", 25));
    manifests.put("map.json", r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"k": 1}}"#);
    manifests.put("notes.txt", "a: {{");
    manifests.put(".hidden.yaml", "a: {{");
    manifests.put("relay.yaml~", "a: {{");
    let rendered = manifests.render();
    assert!(rendered.object("Deployment", "edge-relay").is_some());
    assert!(rendered.said.contains("map.json"), "JSON is read too: {}", rendered.said);
    assert_eq!(rendered.said.lines().count(), 1, "{}", rendered.said);
}

/// A folder that is followed over time.
fn followed() -> (Manifests, Folder) {
    let manifests = Manifests::new();
    manifests.put("domains.yaml", &format!("{}---\n{}", domain("a", "example.com", ""), domain("b", "example.org", "")));
    let folder = Folder::new(vec![manifests.path().to_owned()]);
    (manifests, folder)
}

fn domains(reading: &Reading) -> Vec<&str> {
    reading.inventory.domains.values().map(|domain| domain.spec.domain.as_str()).collect()
}

#[test]
fn the_version_before_stays_in_force_whatever_is_wrong_with_the_new_one() {
    let (a, b) = (domain("a", "example.com", ""), domain("b", "example.org", ""));
    let breakages = [
        "{{".to_owned(),
        format!("{a}---\n{{{{"),
        format!("{a}---\n{}", b.replace("Authoritative", "Whatever")),
        format!("{a}---\n{}", b.replace("kind: AcceptedDomain", "kind: AcceptedDomian")),
        format!("{a}---\n{}", b.replace("kind: AcceptedDomain\n", "")),
        format!("{a}---\n{}", b.replace("name: b, ", "")),
        format!("{a}---\n{}", b.replace("v1alpha1", "v2")),
        format!("{a}---\n{b}---\n{b}"),
    ];
    for broken in breakages {
        let (manifests, mut folder) = followed();
        let before = folder.read().unwrap();
        assert!(before.problems.is_empty(), "{:?}", before.problems);
        manifests.put("domains.yaml", &broken);
        let after = folder.read().unwrap();
        assert_eq!(after.inventory, before.inventory, "{broken}");
        assert!(!after.problems.is_empty(), "{broken}");
        // And again: being wrong for long makes it no less in force.
        assert_eq!(folder.read().unwrap().inventory, before.inventory, "{broken}");
        manifests.put("domains.yaml", &a);
        let mended = folder.read().unwrap();
        assert_eq!(domains(&mended), ["example.com"], "{broken}");
        assert!(mended.problems.is_empty(), "{:?}", mended.problems);
    }
}

#[test]
fn beside_a_wrong_document_a_good_one_changes_and_a_missing_one_goes() {
    let (manifests, mut folder) = followed();
    folder.read().unwrap();
    let changed = domain("a", "example.com", "  includeSubdomains: true\n");
    manifests.put("domains.yaml", &format!("{changed}---\n{}", domain("c", "example.net", "  tls: {mode: Never}\n")));
    let reading = folder.read().unwrap();
    assert_eq!(domains(&reading), ["example.com"], "b was taken out, c was never right");
    assert!(reading.inventory.domains[&Key::new("mail", "a")].spec.include_subdomains);
}

#[test]
fn a_copy_in_another_file_takes_nothing_over() {
    let (manifests, mut folder) = followed();
    folder.read().unwrap();
    manifests.put("another.yaml", &domain("a", "example.com", "  includeSubdomains: true\n"));
    let reading = folder.read().unwrap();
    assert!(!reading.inventory.domains[&Key::new("mail", "a")].spec.include_subdomains);
    assert_eq!(reading.problems.len(), 2);
    manifests.remove("another.yaml");
    assert!(folder.read().unwrap().problems.is_empty());
}

#[test]
fn what_moves_to_another_file_stays_what_it_is() {
    let (manifests, mut folder) = followed();
    let before = folder.read().unwrap();
    manifests.put("b.yaml", &domain("b", "example.org", ""));
    manifests.put("domains.yaml", &domain("a", "example.com", ""));
    let after = folder.read().unwrap();
    assert_eq!(after.inventory, before.inventory);
    assert_eq!(after.files["AcceptedDomain mail/b"], "b.yaml");
}

#[test]
fn a_field_that_can_not_be_changed_is_not_changed() {
    let (manifests, mut folder) = followed();
    folder.read().unwrap();
    manifests.put("domains.yaml", &format!("{}---\n{}", domain("a", "example.net", ""), domain("b", "example.org", "")));
    let reading = folder.read().unwrap();
    assert_eq!(domains(&reading), ["example.com", "example.org"]);
    assert!(reading.problems[0].to_string().contains("spec.domain"), "{}", reading.problems[0]);
}

#[test]
fn what_is_removed_is_gone() {
    let (manifests, mut folder) = followed();
    manifests.put("map.yaml", &config_map("staff", &[("recipients", "a@example.com")]));
    assert_eq!(folder.read().unwrap().inventory.config_maps.len(), 1);
    manifests.remove("map.yaml");
    manifests.remove("domains.yaml");
    let reading = folder.read().unwrap();
    assert!(reading.inventory.config_maps.is_empty() && reading.inventory.domains.is_empty());
    assert_eq!(reading.inventory.relays.len(), 1);
}

#[test]
fn a_file_that_is_too_large_or_no_text_is_named() {
    let manifests = Manifests::new();
    std::fs::write(manifests.path().join("bytes.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    let file = std::fs::File::create(manifests.path().join("large.yaml")).unwrap();
    file.set_len(17 << 20).unwrap();
    let said = manifests.render().said;
    assert!(said.contains("bytes.yaml: is not UTF-8 text"), "{said}");
    assert!(said.contains("large.yaml: is larger than 16 MiB"), "{said}");
}

#[test]
fn an_object_that_no_api_server_would_take_is_refused() {
    let manifests = Manifests::new();
    manifests.put("map.yaml", &config_map("large", &[("k", &"x".repeat(1 << 20))]));
    let said = manifests.render().said;
    assert!(said.contains("map.yaml, ConfigMap mail/large: data: holds"), "{said}");
}
