//! `standalone` writes what its manifests say, as a whole and for the relay alone to read, and follows every edit.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use postern_config::Configuration;
use support::{
    Manifests, domain, relay,
    standalone::{FakeRelay, Standalone, until},
};

/// The domains of a configuration, once it can be read.
fn domains(config: &Path) -> Option<Vec<String>> {
    let configuration = Configuration::read(config).ok()?;
    Some(configuration.domains.into_iter().map(|domain| domain.name.to_string()).collect())
}

fn holds_domains(config: &Path, expected: &[&str]) {
    until(&format!("{expected:?} in the configuration"), || domains(config).is_some_and(|found| found == expected));
}

fn status(manifests: &Manifests) -> String {
    fs::read_to_string(manifests.path().join(".status")).unwrap_or_default()
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_edit_is_followed_and_every_set_is_whole() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let config = data.path().join("mail.edge/config");
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    holds_domains(&config, &[]);
    let mut names = Vec::new();
    for number in 0..12 {
        let name = format!("d{number:02}.example.com");
        manifests.put(&format!("{number}.yaml"), &domain(&format!("d{number}"), &name, ""));
        names.push(name);
        // The set that the link names is whole as long as the link names it.
        let current = || fs::canonicalize(config.join("..data")).unwrap();
        until("the domain", || {
            let set = current();
            let found = Configuration::read(&set).map(|configuration| configuration.domains.len());
            assert!(found.is_ok() || current() != set, "the set that counts is not whole: {found:?}");
            found.is_ok_and(|found| found == names.len())
        });
    }
    manifests.remove("0.yaml");
    let rest: Vec<_> = names[1..].iter().map(String::as_str).collect();
    holds_domains(&config, &rest);
    let is_set = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_type().unwrap().is_dir();
    until("old sets to be removed", || fs::read_dir(&config).unwrap().map(is_set).filter(|is_set| *is_set).count() == 1);
    standalone.stop();
}

#[test]
fn keys_are_for_the_relay_alone_and_the_ca_is_for_everyone_who_asks() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    let relay = data.path().join("mail.edge");
    assert_eq!(mode(relay.join("config/tls.server.key")), 0o600);
    assert_eq!(mode(relay.join("config")), 0o700);
    for key in fs::read_dir(data.path().join("keys")).unwrap() {
        assert_eq!(mode(key.unwrap().path()), 0o600);
    }
    let authority = fs::read_to_string(relay.join("ca.crt")).unwrap();
    assert!(authority.contains("BEGIN CERTIFICATE") && !authority.contains("PRIVATE KEY"));
    assert!(!status(&manifests).contains("PRIVATE KEY"));
    standalone.stop();
}

#[test]
fn the_certificate_and_its_ca_outlive_a_restart() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let files = ["mail.edge/ca.crt", "mail.edge/config/tls.server.crt", "mail.edge/config/tls.server.key"];
    let read = || files.map(|file| fs::read_to_string(data.path().join(file)).unwrap());
    let mut seen = Vec::new();
    for run in 1..=2 {
        let standalone = Standalone::start(manifests.path(), data.path(), &fake);
        fake.logs("start", run);
        seen.push(read());
        standalone.stop();
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn a_relay_in_the_namespace_ca_gets_a_certificate_and_is_none() {
    let (manifests, data, fake) = (Manifests::empty(), tempfile::tempdir().unwrap(), FakeRelay::new());
    manifests.put("relay.yaml", &relay("edge", 25).replace("namespace: mail", "namespace: ca"));
    for run in 1..=2 {
        let standalone = Standalone::start(manifests.path(), data.path(), &fake);
        fake.logs("start", run);
        let bundle = fs::read_to_string(data.path().join("ca.edge/ca.crt")).unwrap();
        assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), 1);
        standalone.stop();
    }
}

#[test]
fn who_claimed_a_domain_first_keeps_it_whatever_comes_later_and_through_a_restart() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    manifests.put("z.yaml", &domain("zealous", "example.com", ""));
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    manifests.put("a.yaml", &domain("a-latecomer", "example.com", ""));
    let conflict = "AcceptedDomain mail/zealous claimed this name before";
    standalone.prints("a.yaml, AcceptedDomain mail/a-latecomer: spec.domain: AcceptedDomain mail/zealous claimed this name before");
    until("the conflict in .status", || status(&manifests).contains(conflict));
    standalone.stop();

    fs::remove_file(manifests.path().join(".status")).unwrap();
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    until("the conflict in .status", || status(&manifests).contains(conflict));
    // The one that had it goes: the other takes over.
    manifests.remove("z.yaml");
    until("the end of the conflict", || !status(&manifests).contains(conflict));
    standalone.stop();
}

#[test]
fn a_second_relay_is_refused_until_the_first_is_gone() {
    let (manifests, data, fake) = (Manifests::empty(), tempfile::tempdir().unwrap(), FakeRelay::new());
    manifests.put("z.yaml", &relay("zealous", 2525));
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    manifests.put("a.yaml", &relay("a-latecomer", 2526));
    standalone.prints("a.yaml, SmtpRelay mail/a-latecomer: this command runs one relay");
    manifests.remove("z.yaml");
    fake.logs("start", 2);
    let log = fake.log();
    assert!(log[0].contains("mail.zealous/config"), "{log:?}");
    assert_eq!(log[1], "term 1", "one ends before the other starts");
    assert!(log[2].contains("mail.a-latecomer/config"), "{log:?}");
    standalone.stop();
}

#[test]
fn a_relative_folder_below_a_hidden_one_is_followed_too() {
    let (root, fake) = (tempfile::tempdir().unwrap(), FakeRelay::new());
    let below = root.path().join(".hidden");
    fs::create_dir_all(below.join("manifests")).unwrap();
    fs::write(below.join("manifests/relay.yaml"), relay("edge", 25)).unwrap();
    let standalone = Standalone::start_in(&below, Path::new("manifests"), Path::new("data"), &fake);
    fake.logs("start", 1);
    fs::write(below.join("manifests/a.yaml"), domain("a", "example.com", "")).unwrap();
    holds_domains(&below.join("data/mail.edge/config"), &["example.com"]);
    standalone.stop();
}

#[test]
fn a_folder_that_kubernetes_mounts_is_followed_by_its_link() {
    let (root, data, fake) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let swap = |set: &str, domain: &str| {
        let folder = root.path().join(set);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("all.yaml"), format!("{}---\n{domain}", relay("edge", 25))).unwrap();
        symlink(set, root.path().join("..data_tmp")).unwrap();
        fs::rename(root.path().join("..data_tmp"), root.path().join("..data")).unwrap();
    };
    swap("..first", &domain("a", "example.com", ""));
    symlink("..data/all.yaml", root.path().join("all.yaml")).unwrap();
    let standalone = Standalone::start(root.path(), data.path(), &fake);
    let config = data.path().join("mail.edge/config");
    holds_domains(&config, &["example.com"]);
    swap("..second", &domain("b", "example.org", ""));
    holds_domains(&config, &["example.org"]);
    standalone.stop();
}

#[test]
fn what_is_wrong_is_told_when_it_comes_and_when_it_is_mended() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    manifests.put("a.yaml", &domain("a", "EXAMPLE.com", ""));
    standalone.prints("problem: a.yaml, AcceptedDomain mail/a: spec.domain:");
    until("the problem in .status", || status(&manifests).contains("a.yaml, AcceptedDomain mail/a: spec.domain:"));
    manifests.put("a.yaml", &domain("a", "example.com", ""));
    standalone.prints("mended: a.yaml, AcceptedDomain mail/a: spec.domain:");
    until("no problem in .status", || !status(&manifests).contains("spec.domain:"));
    let shown = status(&manifests);
    for part in
        ["kind: SmtpRelay", "kind: AcceptedDomain", "generation: 1", "creationTimestamp:", "type: Programmed", "reason: NoReadyPods"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    standalone.stop();
}
