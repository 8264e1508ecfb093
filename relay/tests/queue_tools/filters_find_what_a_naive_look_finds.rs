//! Every filter finds what somebody would who looks at one message after the other.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, anyhow};
use postern_spool::{Failure, Retry, Status};
use proptest::{
    prelude::*,
    sample::{Index, select},
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use tokio::task::spawn_blocking;

use crate::{
    letters::{Letter, ago},
    tool::{command, run_command},
    world::World,
};

/// Domains as they are written, each with the name that all ways to write it share.
const DOMAINS: [(&str, &str); 6] = [
    ("example.com", "example.com"),
    ("EXAMPLE.com", "example.com"),
    ("mail.example.com", "mail.example.com"),
    ("münchen.example", "münchen.example"),
    ("xn--mnchen-3ya.example", "münchen.example"),
    ("MÜNCHEN.example", "münchen.example"),
];
const LOCALS: [&str; 3] = ["jo", "Jo", "al"];
const ERRORS: [&str; 3] = ["greylisted, come back", "mailbox full", "greylisted"];

/// A message, as whoever looks sees it.
#[derive(Clone, Debug)]
struct Look {
    /// `None` for nobody.
    from: Option<Address>,
    to: Vec<(Address, Kind)>,
    hours: i64,
    held: bool,
}

#[derive(Clone, Copy, Debug)]
struct Address {
    local: &'static str,
    domain: (&'static str, &'static str),
}

/// How far a recipient has come.
#[derive(Clone, Copy, Debug)]
enum Kind {
    New,
    Delivered,
    Pending(&'static str),
    Failed(&'static str),
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
struct Wanted {
    recipient_domain: Option<(&'static str, &'static str)>,
    sender_domain: Option<(&'static str, &'static str)>,
    #[expect(clippy::option_option, reason = "any sender, nobody, or this one")]
    sender: Option<Option<Address>>,
    hours: Option<i64>,
    error: Option<&'static str>,
    held: Option<bool>,
}

impl Wanted {
    fn means(&self, look: &Look) -> bool {
        let pending = || look.to.iter().filter(|(_, kind)| matches!(kind, Kind::New | Kind::Pending(_)));
        let by_recipient = self.recipient_domain.is_none_or(|(_, name)| pending().any(|(to, _)| to.domain.1 == name));
        let by_domain = self.sender_domain.is_none_or(|(_, name)| look.from.is_some_and(|from| from.domain.1 == name));
        let by_sender = self.sender.is_none_or(|sender| match (sender, look.from) {
            (None, None) => true,
            (Some(sender), Some(from)) => sender.local == from.local && sender.domain.1 == from.domain.1,
            _ => false,
        });
        let by_age = self.hours.is_none_or(|hours| look.hours >= hours);
        let by_error = self.error.is_none_or(|part| pending().any(|(_, kind)| matches!(kind, Kind::Pending(text) if text.contains(part))));
        by_recipient && by_domain && by_sender && by_age && by_error && self.held.is_none_or(|held| held == look.held)
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                arguments.extend([name.to_owned(), value]);
            }
        };
        add("--recipient-domain", self.recipient_domain.map(|(written, _)| written.to_owned()));
        add("--sender-domain", self.sender_domain.map(|(written, _)| written.to_owned()));
        add("--sender", self.sender.map(|sender| sender.map_or_else(|| "<>".to_owned(), Address::written)));
        add("--older-than", self.hours.map(|hours| format!("{hours}h")));
        add("--error", self.error.map(str::to_owned));
        arguments.extend(self.held.map(|held| if held { "--held" } else { "--not-held" }.to_owned()));
        arguments
    }
}

impl Address {
    fn written(self) -> String {
        format!("{}@{}", self.local, self.domain.0)
    }
}

impl Look {
    fn letter(&self) -> Letter {
        let later = ago(-600);
        let failure = |text| Failure::new(450, (4, 2, 0), text);
        let status = |kind| match kind {
            Kind::New => Status::first(later),
            Kind::Delivered => Status::Delivered,
            Kind::Pending(text) => Status::Pending(Retry { attempts: 3, next: later, last: Some(failure(text)), delay_told: false }),
            Kind::Failed(text) => Status::Failed(failure(text)),
        };
        // Half an hour more than the hours that filters ask for, so that it does not matter when they ask.
        let new = Letter::new(60 * self.hours + 30, &format!("<{}>", self.from.map(Address::written).unwrap_or_default()), &[]);
        let to = self.to.iter().map(|(to, kind)| (format!("<{}>", to.written()), status(*kind))).collect();
        Letter { to, held: self.held, ..new }
    }
}

fn address() -> impl Strategy<Value = Address> {
    (select(&LOCALS[..]), select(&DOMAINS[..])).prop_map(|(local, domain)| Address { local, domain })
}

fn look() -> impl Strategy<Value = Look> {
    let kind = prop_oneof![
        Just(Kind::New),
        Just(Kind::Delivered),
        select(&ERRORS[..]).prop_map(Kind::Pending),
        select(&ERRORS[..]).prop_map(Kind::Failed)
    ];
    let from = proptest::option::weighted(0.8, address());
    (from, proptest::collection::vec((address(), kind), 1..4), 0..6_i64, any::<bool>()).prop_map(|(from, to, hours, held)| Look {
        from,
        to,
        hours,
        held,
    })
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let domain = || proptest::option::weighted(0.3, select(&DOMAINS[..]));
    let sender = proptest::option::weighted(0.2, proptest::option::weighted(0.8, address()));
    let error = proptest::option::weighted(0.3, select(&["greylisted", "full", "come back", "nothing like it"][..]));
    let hours = proptest::option::weighted(0.3, 0..6_i64);
    let held = proptest::option::weighted(0.3, any::<bool>());
    (domain(), domain(), sender, hours, error, held).prop_map(|(recipient_domain, sender_domain, sender, hours, error, held)| Wanted {
        recipient_domain,
        sender_domain,
        sender,
        hours,
        error,
        held,
    })
}

/// The names that are listed, in their order.
fn list(socket: &Path, wanted: &Wanted) -> Result<Vec<String>> {
    let arguments = [vec!["list".to_owned(), "--output=json".to_owned()], wanted.arguments()].concat();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ended = run_command(command(socket, &arguments))?;
    let listed = ended.objects()?.into_iter().map(|message| message["id"].as_str().map(str::to_owned).context("no name"));
    ended.done()?;
    listed.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_finds_what_a_naive_look_finds() -> Result<()> {
    let world = World::new().await?;
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let mut looks = Vec::new();
    for _ in 0..400 {
        let look = look().new_tree(&mut runner).ok().context("no message")?.current();
        let id = look.letter().put(&world.spool).await?;
        looks.push((id.to_string(), look));
    }
    looks.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let (looks, socket) = (Arc::new(looks), world.socket.clone());
    let checked = spawn_blocking(move || {
        let checked = runner.run(&(wanted(), any::<Index>()), |(mut wanted, index)| {
            // Often, what is looked for is there.
            let (_, look) = index.get(&looks);
            wanted.sender = wanted.sender.map(|sender| if index.index(2) == 0 { look.from } else { sender });
            let expected: Vec<_> = looks.iter().filter(|(_, look)| wanted.means(look)).map(|(id, _)| id.clone()).collect();
            let found = list(&socket, &wanted).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
            prop_assert_eq!(found, expected, "{:?}", wanted);
            Ok(())
        });
        checked.map_err(|error| anyhow!("{error}"))
    });
    checked.await?
}
