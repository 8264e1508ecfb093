//! A relay that ends between a report and the note that it was made does not make it twice, and one that ends before makes it after its next
//! start.

use postern_proto::address::ReversePath;
use postern_spool::{Entry, Failure, MessageId, Status};
use postern_tests::next_hop::Script;

use crate::stage::{Stage, accept, envelope, taken};

/// A message whose first recipient has failed, and whose sender is not told yet; the second waits for a long time.
fn owing() -> Entry {
    let mut entry = Entry::new(MessageId::new(), envelope(&["no@example.com", "later@example.com"]));
    let mut failure = Failure::new(550, (5, 1, 1), "no such user");
    failure.at = Some(entry.envelope().arrival);
    entry.statuses_mut()[0] = Status::Failed(failure);
    entry.statuses_mut()[1] = Status::first("2100-01-01T00:00:00Z".parse().unwrap());
    entry
}

#[tokio::test]
async fn what_is_owed_is_told_after_a_crash_and_not_again_after_the_next() {
    let home = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| accept(folder, "example.org", &home)).await;
    let id = stage.put_entry(owing(), b"Subject: x\r\n\r\n").await;
    stage.reopen().await;
    stage.start();
    taken(&home, 1).await;
    stage.when(id, "the report to be noted", |listed| matches!(listed.entry.statuses()[0], Status::Returned(_))).await;
    stage.has(1).await;
    stage.crash().await;
    stage.start();
    // A message that comes behind it shows that all before it was seen.
    let mut other = envelope(&["anna@example.org"]);
    other.reverse_path = ReversePath::Null;
    stage.put(other, b"x\r\n").await;
    assert_eq!(taken(&home, 2).await.len(), 2);
    stage.has(1).await;
    let left = stage.queued().await;
    assert!(left[0].entry.statuses()[1].failure().is_none(), "who waits was not tried before its time");
}

#[tokio::test]
async fn a_report_that_was_queued_before_the_crash_is_not_queued_again() {
    // The sender's server can't be reached, so that the report stays in the queue.
    let dead = postern_tests::port::free().unwrap();
    let mut stage = Stage::new(|folder| folder.accept("example.org", dead, postern_config::NextHopTlsMode::Opportunistic).unwrap()).await;
    let entry = owing();
    let id = stage.put_entry(entry.clone(), b"Subject: x\r\n\r\n").await;
    stage.start();
    stage.when(id, "the report to be noted", |listed| matches!(listed.entry.statuses()[0], Status::Returned(_))).await;
    stage.crash().await;
    // As if the note had not been made.
    stage.change(id, |statuses| statuses.clone_from_slice(entry.statuses())).await;
    stage.start();
    stage.when(id, "the report to be noted again", |listed| matches!(listed.entry.statuses()[0], Status::Returned(_))).await;
    assert_eq!(stage.queued().await.len(), 2, "the message and one report");
}
