//! What a sender hears of its message, and when nobody hears anything.

use jiff::{Timestamp, ToSpan as _};
use postern_proto::address::ReversePath;
use postern_spool::{Notify, Origin, Status};
use postern_tests::next_hop::{Act, At, NextHop, Script};

use crate::stage::{Stage, accept, envelope, taken, text};

const CONTENT: &[u8] = b"Subject: Lunch\r\n\r\nAt one?\r\n";

/// A server that takes nothing for good, and the sender's own.
async fn refusing() -> (NextHop, NextHop, Stage) {
    let hop = Script::fault(At::Rcpt, Act::say("550 5.1.1 no such user")).start().await.unwrap();
    let home = Script::good().start().await.unwrap();
    let stage = Stage::new(|folder| {
        accept(folder, "example.com", &hop);
        accept(folder, "example.org", &home);
    })
    .await;
    (hop, home, stage)
}

#[tokio::test]
async fn a_refused_message_comes_back_as_a_report_from_nobody() {
    let (_hop, home, mut stage) = refusing().await;
    stage.put(envelope(&["jo@example.com", "sam@example.com"]), CONTENT).await;
    stage.start();
    let [report] = taken(&home, 1).await.try_into().unwrap();
    stage.is_empty().await;
    assert!(report.mail.starts_with("<> "), "{}", report.mail);
    assert_eq!(report.rcpts, ["<anna@example.org>"]);
    for part in
        ["\r\nTo: <anna@example.org>\r\n", "rfc822;jo@example.com", "rfc822;sam@example.com", "550 5.1.1 no such user", "Subject: Lunch"]
    {
        assert!(text(&report).contains(part), "{part} in\n{}", text(&report));
    }
    assert_eq!(stage.metric("postern_queue_reports_total{kind=\"failed\"}"), 1);
}

#[tokio::test]
async fn a_report_that_can_not_be_delivered_is_not_reported() {
    let (hop, home, mut stage) = refusing().await;
    let mut report = envelope(&["jo@example.com"]);
    report.reverse_path = ReversePath::Null;
    stage.put(report, CONTENT).await;
    stage.start();
    stage.is_empty().await;
    assert_eq!((hop.record().count("RCPT"), home.record().connections()), (1, 0));
    assert_eq!(stage.metric("postern_queue_reports_suppressed_total{reason=\"null_sender\"}"), 1);
}

#[tokio::test]
async fn mail_of_anyone_is_counted_and_not_sent_back() {
    let (_hop, home, mut stage) = refusing().await;
    let mut anonymous = envelope(&["jo@example.com"]);
    anonymous.origin = Origin::Anyone;
    stage.put(anonymous, CONTENT).await;
    stage.start();
    stage.is_empty().await;
    assert_eq!(home.record().connections(), 0);
    assert_eq!(stage.metric("postern_queue_reports_suppressed_total{reason=\"unknown_sender\"}"), 1);
}

#[tokio::test]
async fn who_wants_to_hear_nothing_hears_nothing() {
    let (_hop, home, mut stage) = refusing().await;
    let mut silent = envelope(&["jo@example.com"]);
    silent.recipients[0].notify = Some(Notify::Never);
    stage.put(silent, CONTENT).await;
    stage.start();
    stage.is_empty().await;
    assert_eq!(home.record().connections(), 0);
}

#[tokio::test]
async fn success_is_reported_when_it_is_asked_for_and_nobody_else_will() {
    for (offered, reports) in [(&["DSN"][..], 0), (&[][..], 1)] {
        let hop = Script::good().offering(offered).start().await.unwrap();
        let home = Script::good().start().await.unwrap();
        let mut stage = Stage::new(|folder| {
            accept(folder, "example.com", &hop);
            accept(folder, "example.org", &home);
        })
        .await;
        let mut asked = envelope(&["jo@example.com", "sam@example.com"]);
        asked.recipients[0].notify = Some(Notify::On { success: true, failure: true, delay: false });
        stage.put(asked, CONTENT).await;
        stage.start();
        stage.is_empty().await;
        assert_eq!(home.record().messages().len(), reports, "{offered:?}");
        if let Some(report) = home.record().messages().first() {
            assert!(text(report).contains("Action: relayed") && !text(report).contains("sam@example.com"), "{}", text(report));
        }
        assert_eq!(hop.record().commands().iter().any(|(_, line)| line.contains("NOTIFY=SUCCESS")), reports == 0, "{offered:?}");
    }
}

#[tokio::test]
async fn a_message_whose_time_is_over_is_tried_once_more_and_sent_back() {
    let hop = Script::fault(At::Rcpt, Act::say("450 4.2.1 greylisted")).start().await.unwrap();
    let home = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        accept(folder, "example.com", &hop);
        accept(folder, "example.org", &home);
    })
    .await;
    let mut old = envelope(&["jo@example.com"]);
    old.expires = Timestamp::now() - 1.second();
    stage.put(old, CONTENT).await;
    stage.start();
    let report = text(&taken(&home, 1).await[0]);
    stage.is_empty().await;
    assert!(report.contains("Status: 5.4.7") && report.contains("smtp; 450 greylisted"), "{report}");
    assert_eq!(hop.record().count("RCPT"), 1);
}

#[tokio::test]
async fn a_sender_is_told_once_that_its_message_waits() {
    let hop = Script::fault(At::Rcpt, Act::say("450 4.2.1 greylisted")).start().await.unwrap();
    let home = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        folder.root.spool.as_mut().unwrap().delay_warning_seconds = Some(60);
        accept(folder, "example.com", &hop);
        accept(folder, "example.org", &home);
    })
    .await;
    let mut late = envelope(&["jo@example.com"]);
    late.arrival = Timestamp::now() - 2.minutes();
    let id = stage.put(late, CONTENT).await;
    stage.start();
    let report = text(&taken(&home, 1).await[0]);
    assert!(report.contains("Action: delayed") && report.contains("Will-Retry-Until:"), "{report}");
    let attempts = |listed: &postern_spool::Listed| matches!(&listed.entry.statuses()[0], Status::Pending(retry) if retry.attempts >= 3);
    stage.when(id, "three attempts", attempts).await;
    assert_eq!(home.record().messages().len(), 1);
}
