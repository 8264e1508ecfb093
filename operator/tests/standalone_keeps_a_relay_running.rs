//! `standalone` starts a relay, starts it again when it dies, ends it with time for its transactions, and never leaves it behind.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::{path::Path, process::Command};

use rustix::process::Signal;
use support::{
    Manifests, relay,
    standalone::{FakeRelay, Standalone},
};

#[test]
fn the_relay_is_started_as_the_manifest_says() {
    let (manifests, data, fake) = (Manifests::empty(), tempfile::tempdir().unwrap(), FakeRelay::new());
    manifests.put("relay.yaml", &format!("{}  logging: {{format: Text, level: Debug, redactAddresses: true}}\n", relay("edge", 25)));
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    let started = fake.log().remove(0);
    let config = data.path().join("mail.edge/config");
    for argument in
        [&format!("--config {}", config.display()), "--bind 127.0.0.1", "--log-format=text", "--log-level=debug", "--redact-addresses"]
    {
        assert!(started.contains(argument), "{argument} is not in {started}");
    }
    assert!(config.join("relay.json").exists(), "the configuration was there before the relay");
    standalone.stop();
}

#[test]
fn a_relay_that_dies_is_started_again() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    fake.set("mortal", true);
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("dies", 2);
    standalone.prints("exit status: 3");
    fake.set("mortal", false);
    let deaths = fake.log().len() / 2;
    fake.logs("start", deaths + 1);
    standalone.stop();
}

#[test]
fn a_relay_that_is_not_there_is_named_and_tried_again() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let away = fake.path().with_extension("away");
    std::fs::rename(fake.path(), &away).unwrap();
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    standalone.prints(&fake.path().display().to_string());
    std::fs::rename(&away, fake.path()).unwrap();
    fake.logs("start", 1);
    standalone.stop();
}

#[test]
fn sigterm_and_sigint_reach_the_relay_and_all_exit_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
        let mut standalone = Standalone::start(manifests.path(), data.path(), &fake);
        fake.logs("start", 1);
        standalone.signal(signal);
        assert!(standalone.ended().success());
        assert_eq!(fake.log().last().unwrap(), "term 1");
    }
}

#[test]
fn a_second_signal_ends_what_takes_its_time() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    fake.set("stubborn", true);
    let mut standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    standalone.signal(Signal::TERM);
    fake.logs("term 1", 1);
    standalone.signal(Signal::INT);
    fake.logs("term 2", 1);
    assert!(standalone.ended().success());
}

#[test]
fn an_operator_that_is_killed_leaves_no_relay_behind() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let mut standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    standalone.signal(Signal::KILL);
    standalone.ended();
    fake.logs("stdin ended", 1);
}

#[test]
fn a_relay_whose_manifest_is_removed_ends_and_comes_back_with_it() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    manifests.remove("relay.yaml");
    fake.logs("term", 1);
    manifests.put("relay.yaml", &relay("edge", 25));
    fake.logs("start", 2);
    standalone.stop();
}

#[test]
fn two_operators_do_not_share_a_data_folder() {
    let (manifests, data, fake) = (Manifests::new(), tempfile::tempdir().unwrap(), FakeRelay::new());
    let standalone = Standalone::start(manifests.path(), data.path(), &fake);
    fake.logs("start", 1);
    let second = Command::new(env!("CARGO_BIN_EXE_postern-operator"))
        .args([Path::new("standalone"), manifests.path(), Path::new("--data"), data.path()])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another postern-operator runs on"));
    standalone.stop();
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_postern-operator"))
        .args([Path::new("standalone"), Path::new("/no/such/folder"), Path::new("--data"), data.path()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/folder"));
}
