//! Queued mail goes where the newest configuration says.

use postern_config::{DomainType, RetryTimes};
use postern_spool::Status;
use postern_tests::{
    name_server::{Answer, NameServer},
    next_hop::{Act, At, Script},
    zone::Zone,
};

use crate::stage::{Stage, accept, by_mx, envelope, route, taken};

#[tokio::test]
async fn a_message_that_waits_takes_the_new_route() {
    let old = Script::fault(At::Mail, Act::say("451 4.3.2 not today")).start().await.unwrap();
    let new = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| folder.root.routes.push(route("out", &[], old.address().port()))).await;
    let id = stage.put(envelope(&["jo@far.example"]), b"x\r\n").await;
    stage.start();
    stage.when(id, "a failed attempt", |listed| listed.entry.statuses()[0].failure().is_some()).await;
    stage.folder.root.routes = vec![route("out", &[], new.address().port())];
    stage.reload();
    taken(&new, 1).await;
    stage.is_empty().await;
}

#[tokio::test]
async fn a_message_that_waits_for_dns_goes_where_the_new_servers_say() {
    let exchanger = Script::good().start().await.unwrap();
    let (failing, zone) =
        (NameServer::start(&[("far.example", Answer::Failure)]).await.unwrap(), Zone::serve("far.example", "@ A 127.0.0.1").await.unwrap());
    let mut stage = Stage::new(|folder| {
        folder.root.routes.push(by_mx(exchanger.address().port()));
        folder.root.dns_servers = vec![failing.address()];
    })
    .await;
    let id = stage.put(envelope(&["jo@far.example"]), b"x\r\n").await;
    stage.start();
    stage.when(id, "a failed attempt", |listed| listed.entry.statuses()[0].failure().is_some()).await;
    stage.folder.root.dns_servers = vec![zone.address()];
    stage.reload();
    taken(&exchanger, 1).await;
    stage.is_empty().await;
}

#[tokio::test]
async fn a_domain_that_can_not_be_served_now_waits_and_one_that_has_no_way_out_fails() {
    let home = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        folder.root.spool.as_mut().unwrap().retry = RetryTimes { first_seconds: 86_400, longest_seconds: 86_400 };
        accept(folder, "example.org", &home);
        accept(folder, "detached.example", &home);
        folder.domains[1].kind = DomainType::Detached;
        folder.root.routes.push(route("other", &["other.example"], 2525));
    })
    .await;
    let id = stage.put(envelope(&["jo@detached.example", "jo@far.example"]), b"x\r\n").await;
    stage.start();
    let listed = stage.when(id, "the report to be noted", |listed| matches!(listed.entry.statuses()[1], Status::Returned(_))).await;
    let codes: Vec<_> = listed.entry.statuses().iter().map(|status| status.failure().unwrap().code).collect();
    assert_eq!(codes, [451, 550]);
    assert!(matches!(listed.entry.statuses()[0], Status::Pending(_)));
    taken(&home, 1).await;
}
