//! The open-relay matrix passes what is right and refuses what is wrong, through real sessions.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

use std::{fs, path::Path, sync::Arc};

use postern_config::{
    Domain, DomainName, DomainType, ListenerTls, NextHopTlsMode, OutboundRoute, ProxyProtocol, RecipientList, RecipientValidation, Role,
    RouteMatch, RouteTarget, SenderPattern, TrustRequirement, Trusted, folder::ROOT_FILE,
};
use postern_relay::{
    proof::{ProofError, prove},
    snapshot::Snapshot,
};
use postern_tests::{
    config::{HOSTNAME, RelayFolder, next_hops},
    pki::Authority,
};
use tempfile::TempDir;

const MODE: NextHopTlsMode = NextHopTlsMode::Encrypt;

/// A folder with one listener of each kind of TLS, and the domain `example.com` at port 2001.
fn folder(at: &TempDir) -> RelayFolder {
    let mut folder = RelayFolder::new(&at.path().join("config")).unwrap();
    for (name, tls) in [("mx", ListenerTls::StartTls), ("mxs", ListenerTls::Implicit), ("old", ListenerTls::StartTlsOptional)] {
        folder.listen(name, tls).unwrap();
    }
    folder.accept("example.com", 2001, MODE).unwrap();
    let authority = Authority::new("Test CA").unwrap();
    folder.show(&authority.server(&[HOSTNAME]).unwrap()).unwrap();
    folder
}

fn load(folder: &RelayFolder) -> Snapshot {
    folder.write().unwrap();
    Snapshot::load(folder.path()).unwrap()
}

/// One line for each failure.
async fn proven(snapshot: Snapshot, scratch: &Path) -> Vec<String> {
    match prove(&Arc::new(snapshot), scratch).await {
        Ok(()) => vec![],
        Err(ProofError::Failed(failures)) => failures.iter().map(ToString::to_string).collect(),
        Err(error @ (ProofError::NotRun(_) | ProofError::TooSlow)) => vec![error.to_string()],
    }
}

/// What the matrix says of the configuration of `right` with the policy of `wrong`.
async fn mutated(right: impl FnOnce(&mut RelayFolder), wrong: impl FnOnce(&mut RelayFolder)) -> Vec<String> {
    let at = TempDir::new().unwrap();
    let mut other = folder(&at);
    wrong(&mut other);
    let mutant = load(&other).policy;
    let mut folder = folder(&at);
    right(&mut folder);
    let mut snapshot = load(&folder);
    snapshot.policy = mutant;
    proven(snapshot, at.path()).await
}

fn domain(name: &str, kind: DomainType) -> Domain {
    Domain { name: DomainName::parse(name).unwrap(), include_subdomains: false, kind, blocked: vec![] }
}

#[tokio::test]
async fn a_configuration_with_every_kind_of_domain_passes() {
    let at = TempDir::new().unwrap();
    let mut folder = folder(&at);
    folder.root.postmaster = Some("postmaster@example.com".into());
    folder.accept("tree.example", 2002, MODE).unwrap();
    folder.domains[1].include_subdomains = true;
    folder.domains[1].blocked = vec!["all@tree.example".into()];
    let list = RecipientList { mailboxes: vec!["anna@listed.example".into()] };
    folder.recipients.insert("recipients-listed.json".into(), list);
    let by_list = RecipientValidation::List { list: "recipients-listed.json".into() };
    folder.domains.extend([
        domain("listed.example", DomainType::Authoritative { next_hops: next_hops(2003, MODE), recipients: by_list.clone() }),
        domain(
            "split.example",
            DomainType::InternalRelay { next_hops: next_hops(2004, MODE), recipients: by_list, unknown_recipients: next_hops(2005, MODE) },
        ),
        domain("detached.example", DomainType::Detached),
        domain(
            "xn--bcher-kva.example",
            DomainType::Authoritative { next_hops: next_hops(2001, MODE), recipients: RecipientValidation::NextHop },
        ),
    ]);
    assert_eq!(proven(load(&folder), at.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_relay_without_domains_passes_since_it_relays_nothing() {
    let at = TempDir::new().unwrap();
    let mut folder = folder(&at);
    folder.domains.clear();
    assert_eq!(proven(load(&folder), at.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_that_accepts_one_foreign_domain_is_refused() {
    let failures = mutated(|_| {}, |folder| folder.accept("open-relay-matrix.invalid", 2001, MODE).unwrap()).await;
    let expected = "MAIL FROM:<> RCPT TO:<u@open-relay-matrix.invalid>: relayed <u@open-relay-matrix.invalid>";
    assert!(failures.iter().any(|failure| failure.contains(expected)), "{failures:#?}");
    let listeners = ["mx", "mxs", "old"].map(|name| format!("open-relay matrix, listener {name}, "));
    assert!(listeners.iter().all(|listener| failures.iter().any(|failure| failure.starts_with(listener))), "{failures:#?}");
}

#[tokio::test]
async fn a_policy_that_accepts_subdomains_where_none_are_included_is_refused() {
    let failures = mutated(|_| {}, |folder| folder.domains[0].include_subdomains = true).await;
    assert!(failures.iter().any(|failure| failure.contains("relayed <u@open-relay-matrix.example.com>")), "{failures:#?}");
}

#[tokio::test]
async fn a_policy_that_sends_a_domain_to_the_next_hop_of_another_is_refused() {
    let two_domains = |com, org| {
        move |folder: &mut RelayFolder| {
            folder.domains.clear();
            folder.accept("example.com", com, MODE).unwrap();
            folder.accept("example.org", org, MODE).unwrap();
        }
    };
    let failures = mutated(two_domains(2001, 2002), two_domains(2002, 2001)).await;
    let expected = "sent <open-relay-matrix@example.com> to 127.0.0.1:2002, which is not where the mail of its domain goes";
    assert!(failures.iter().any(|failure| failure.ends_with(expected)), "{failures:#?}");
}

#[tokio::test]
async fn a_policy_that_forgot_a_domain_is_refused() {
    let failures = mutated(|folder| folder.accept("example.org", 2001, MODE).unwrap(), |_| {}).await;
    assert!(
        failures
            .iter()
            .any(|failure| failure
                .contains("<open-relay-matrix@example.org>: the recipient's domain is accepted, and no next hop was asked"))
    );
}

/// Adds a listener for users and one for servers at `cidr`, and a way out to the world at port 2009.
fn way_out(folder: &mut RelayFolder, cidr: &str) {
    for (name, role) in [("submission", Role::Submission), ("exchange", Role::Trusted)] {
        folder.listen(name, ListenerTls::StartTls).unwrap();
        let listener = folder.root.listeners.last_mut().unwrap();
        listener.role = role;
        listener.trusted = (role == Role::Trusted).then(|| Trusted {
            certificate_names: vec![],
            cidrs: vec![cidr.parse().unwrap()],
            require: TrustRequirement::Any,
            allowed_senders: ["@example.com", "<>"].map(|sender| SenderPattern::parse(sender).unwrap()).to_vec(),
            tenant: None,
        });
        folder.spool(name);
    }
    let to = RouteTarget::from(next_hops(2009, MODE));
    folder.root.routes.push(OutboundRoute { name: "world".into(), matches: RouteMatch::default(), to, ehlo_name: None });
}

#[tokio::test]
async fn listeners_for_users_and_servers_of_our_own_pass_since_they_take_nothing_from_a_stranger() {
    let at = TempDir::new().unwrap();
    let mut folder = folder(&at);
    way_out(&mut folder, "10.9.8.7/32");
    assert_eq!(proven(load(&folder), at.path()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_listener_that_trusts_the_network_of_a_stranger_is_refused() {
    let at = TempDir::new().unwrap();
    let mut folder = folder(&at);
    way_out(&mut folder, "192.0.2.0/24");
    let failures = proven(load(&folder), at.path()).await;
    let expected = "took <u@open-relay-matrix.invalid> to 127.0.0.1:2009 from a client that neither authenticated nor is trusted";
    assert!(failures.iter().any(|failure| failure.contains("listener exchange, ") && failure.ends_with(expected)), "{failures:#?}");
    assert!(failures.iter().all(|failure| failure.starts_with("open-relay matrix, listener exchange, ")), "{failures:#?}");
}

#[tokio::test]
async fn a_matrix_that_cannot_be_run_refuses_the_configuration() {
    let at = TempDir::new().unwrap();
    let failures = proven(load(&folder(&at)), &at.path().join("no-such-folder")).await;
    assert_eq!(failures.len(), 1);
}

#[test]
fn what_would_open_the_relay_at_large_is_not_even_loaded() {
    let at = TempDir::new().unwrap();
    let reasons = |change: &dyn Fn(&mut RelayFolder)| {
        let mut folder = folder(&at);
        change(&mut folder);
        // Written as it is: the harness would refuse to.
        let configuration = postern_config::Configuration::assemble(folder.root.clone(), folder.domains.clone(), folder.recipients.clone());
        fs::create_dir_all(folder.path()).unwrap();
        for (name, bytes) in configuration.files() {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        Snapshot::load(folder.path()).map(drop).unwrap_err().reasons().join("\n")
    };
    let everyone = || vec!["0.0.0.0/0".parse().unwrap()];
    let suffix = reasons(&|folder| {
        folder.domains[0].name = DomainName::parse("co.uk").unwrap();
        folder.domains[0].include_subdomains = true;
    });
    assert!(suffix.contains("domains[co.uk].name: is a public suffix"), "{suffix}");
    let proxies = reasons(&|folder| folder.root.listeners[0].proxy_protocol = Some(ProxyProtocol { trusted_cidrs: everyone() }));
    assert!(proxies.contains("0.0.0.0/0 is everyone"), "{proxies}");
    let shared = reasons(&|folder| folder.root.limits.shared_source_cidrs = everyone());
    assert!(shared.contains("0.0.0.0/0 is everyone"), "{shared}");
}

#[test]
fn the_root_is_no_domain() {
    let at = TempDir::new().unwrap();
    let mut folder = folder(&at);
    folder.domains[0].include_subdomains = true;
    folder.write().unwrap();
    let shard = folder.path().join(postern_config::folder::shard_of(&folder.domains[0].name));
    let opened = fs::read_to_string(&shard).unwrap().replace("\"example.com\"", "\".\"");
    fs::write(&shard, &opened).unwrap();
    let root = folder.path().join(ROOT_FILE);
    let name = shard.file_name().unwrap().to_str().unwrap();
    let listed =
        fs::read_to_string(&root).unwrap().replace(&folder_hash(&folder, name), &postern_config::folder::digest(opened.as_bytes()));
    fs::write(&root, listed).unwrap();
    let reasons = Snapshot::load(folder.path()).map(drop).unwrap_err().reasons().join("\n");
    assert!(reasons.contains("the name is empty"), "{reasons}");
}

/// The hash that the root lists for `file`.
fn folder_hash(folder: &RelayFolder, file: &str) -> String {
    postern_config::Configuration::assemble(folder.root.clone(), folder.domains.clone(), folder.recipients.clone()).root.files[file].clone()
}
