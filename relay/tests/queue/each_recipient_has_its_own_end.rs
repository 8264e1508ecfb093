//! Each recipient of a message is delivered to, tried again or given up on its own.

use postern_config::{DomainName, DomainType, NextHopTlsMode, RecipientValidation};
use postern_spool::Status;
use postern_tests::{
    config::next_hops,
    next_hop::{Act, At, Script},
};

use crate::stage::{Stage, accept, envelope, taken};

#[tokio::test]
async fn one_is_taken_one_refused_and_one_put_off() {
    let script = Script::new(|asked| match asked.at {
        At::Rcpt if asked.line.contains("<no@") => Act::say("550 5.1.1 no such user"),
        At::Rcpt if asked.line.contains("<later@") => Act::say("450 4.2.1 greylisted"),
        _ => Act::Comply,
    });
    let hop = script.start().await.unwrap();
    let home = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        accept(folder, "example.com", &hop);
        accept(folder, "example.org", &home);
    })
    .await;
    let id = stage.put(envelope(&["yes@example.com", "no@example.com", "later@example.com"]), b"x\r\n").await;
    stage.start();
    taken(&home, 1).await;
    let listed = stage.when(id, "the report to be noted", |listed| matches!(listed.entry.statuses()[1], Status::Returned(_))).await;
    assert!(matches!(listed.entry.statuses(), [Status::Delivered, Status::Returned(_), Status::Pending(_)]), "{listed:?}");
    assert_eq!(taken(&hop, 1).await[0].rcpts, ["<yes@example.com>"]);
    assert_eq!(home.record().messages().len(), 1);
}

#[tokio::test]
async fn recipients_of_different_destinations_go_in_transactions_of_their_own() {
    let hops = [Script::good().start().await.unwrap(), Script::good().start().await.unwrap()];
    let mut stage = Stage::new(|folder| {
        accept(folder, "one.example", &hops[0]);
        accept(folder, "two.example", &hops[1]);
    })
    .await;
    stage.put(envelope(&["a@one.example", "b@two.example", "c@one.example"]), b"x\r\n").await;
    stage.start();
    stage.is_empty().await;
    assert_eq!(hops[0].record().messages()[0].rcpts, ["<a@one.example>", "<c@one.example>"]);
    assert_eq!(hops[1].record().messages()[0].rcpts, ["<b@two.example>"]);
}

#[tokio::test]
async fn one_too_many_for_a_transaction_goes_in_the_next() {
    let script = Script::new(|asked| match asked.at {
        At::Rcpt if asked.line.contains("<b@") && asked.taken == 0 => Act::say("452 4.5.3 too many recipients"),
        _ => Act::Comply,
    });
    let hop = script.start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        folder.root.spool.as_mut().unwrap().retry = postern_config::RetryTimes { first_seconds: 86_400, longest_seconds: 86_400 };
        accept(folder, "example.com", &hop);
    })
    .await;
    stage.put(envelope(&["a@example.com", "b@example.com"]), b"x\r\n").await;
    stage.start();
    stage.is_empty().await;
    let rcpts: Vec<_> = hop.record().messages().into_iter().map(|message| message.rcpts).collect();
    assert_eq!(rcpts, [["<a@example.com>"], ["<b@example.com>"]]);
}

#[tokio::test]
async fn who_is_unknown_here_is_asked_of_the_other_next_hop() {
    let first = Script::new(|asked| match asked.at {
        At::Rcpt if asked.line.contains("<old@") => Act::say("550 5.1.1 moved"),
        _ => Act::Comply,
    });
    let hops = [first.start().await.unwrap(), Script::good().start().await.unwrap()];
    let ports = hops.each_ref().map(|hop| hop.address().port());
    let mut stage = Stage::new(|folder| {
        let [next_hops, unknown_recipients] = ports.map(|port| next_hops(port, NextHopTlsMode::Opportunistic));
        folder.domains.push(postern_config::Domain {
            name: DomainName::parse("example.com").unwrap(),
            include_subdomains: false,
            kind: DomainType::InternalRelay { next_hops, recipients: RecipientValidation::NextHop, unknown_recipients },
            blocked: Vec::new(),
        });
    })
    .await;
    stage.put(envelope(&["new@example.com", "old@example.com"]), b"x\r\n").await;
    stage.start();
    stage.is_empty().await;
    assert_eq!(hops[0].record().messages()[0].rcpts, ["<new@example.com>"]);
    assert_eq!(hops[1].record().messages()[0].rcpts, ["<old@example.com>"]);
}
