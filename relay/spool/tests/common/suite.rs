//! What every engine promises. Each function takes an empty spool and is a test of its own; an engine runs them all with [`suite!`].

use std::{collections::BTreeSet, time::Duration};

use jiff::{Timestamp, ToSpan};
use postern_proto::envelope::BodyType;
use postern_spool::{
    BLOCK_BYTES, Body, Claim, Entry, Failure, Filter, MAX_FAILURE_TEXT, MessageId, Notify, OriginalRecipient, Reach, Retry, Return, Spool,
    SpoolError, Status, Writer,
};
use tokio::{task::JoinSet, time::timeout};

use super::mail::{
    LEASE, attempts, claim_at, claim_one, content, entry, entry_to, minutes, names, noon, put, put_len, read, reverse_path, set_attempts,
};

/// Makes a test of each function of the suite. `$open` gives an empty spool and what must live as long.
#[macro_export]
macro_rules! suite {
    ($open:path) => {
        $crate::suite! { $open:
            a_message_comes_out_as_it_went_in,
            a_report_has_no_sender,
            content_of_any_length_comes_out_as_it_went_in,
            a_chunk_is_no_larger_than_a_block,
            a_message_that_is_not_committed_is_not_there,
            a_name_is_taken_once,
            a_message_that_was_finished_may_come_back,
            what_is_due_first_is_claimed_first,
            a_message_with_several_recipients_is_due_with_the_first_that_is_pending,
            a_message_with_nobody_left_is_due_at_once,
            nobody_else_claims_what_is_claimed,
            each_message_is_claimed_by_one_of_many,
            a_claim_that_is_dropped_is_released,
            a_lease_that_has_ended_changes_nothing,
            a_lease_is_renewed,
            an_update_is_seen_by_the_next_claim,
            what_is_finished_is_gone,
            what_is_held_waits,
            what_is_held_from_its_commit_is_never_due,
            holding_keeps_what_an_update_said,
            a_hand_over_claims_all,
            rescheduling_makes_a_message_due,
            what_is_removed_is_gone_though_it_is_claimed,
            what_is_not_there_can_not_be_changed,
            the_queue_is_listed_page_by_page,
            a_filter_finds_what_it_means,
            statistics_count_what_is_there,
            a_scheduler_is_woken_when_something_is_due,
            a_closed_spool_takes_nothing,
        }
    };
    ($open:path: $($name:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            let (spool, _guard) = $open().await;
            $crate::common::suite::$name(spool).await;
        })*
    };
}

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_mins(3);

pub async fn a_message_comes_out_as_it_went_in(spool: impl Spool) {
    let mut envelope = entry_to(&["<jo@example.com>", "<Postmaster>", "<\"a b\"@[192.0.2.1]>"]).envelope().clone();
    envelope.body = Some(BodyType::EightBitMime);
    envelope.smtputf8 = true;
    envelope.dsn.ret = Some(Return::Headers);
    envelope.dsn.envelope_id = Some("QQ314159".to_owned());
    envelope.recipients[0].notify = Some(Notify::On { success: true, failure: false, delay: true });
    envelope.recipients[0].original = Some(OriginalRecipient { address_type: "rfc822".to_owned(), address: "jo@old.example".to_owned() });
    envelope.recipients[1].notify = Some(Notify::Never);
    let mut entry = Entry::new(MessageId::new(), envelope);
    let failure = Failure::new(450, (4, 2, 1), "mailbox busy");
    entry.statuses_mut()[0] = Status::Pending(Retry { attempts: 3, next: noon(), last: Some(failure), delay_told: true });
    entry.statuses_mut()[1] = Status::Returned(Failure::new(550, (5, 1, 1), "no such user"));
    entry.statuses_mut()[2] = Status::Delivered;

    put(&spool, entry.clone(), b"Subject: x\r\n\r\nhello\r\n").await.unwrap();
    let claim = claim_one(&spool).await;
    assert_eq!(*claim.entry(), entry);
    assert_eq!(claim.body_bytes(), 21);
    assert_eq!(read(claim.body().await.unwrap()).await.unwrap(), b"Subject: x\r\n\r\nhello\r\n");
    let listed = spool.get(entry.id()).await.unwrap();
    assert_eq!((listed.entry, listed.due, listed.held, listed.claimed), (entry, noon(), false, true));
}

pub async fn a_report_has_no_sender(spool: impl Spool) {
    let mut envelope = entry().envelope().clone();
    envelope.reverse_path = reverse_path("<>");
    let entry = Entry::new(MessageId::new(), envelope);
    put(&spool, entry.clone(), b"").await.unwrap();
    assert_eq!(*claim_one(&spool).await.entry(), entry);
}

pub async fn content_of_any_length_comes_out_as_it_went_in(spool: impl Spool) {
    for len in [0, 1, 100, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES, 1_000_000] {
        let id = put_len(&spool, len).await;
        let claim = claim_one(&spool).await;
        assert_eq!(claim.body_bytes(), len as u64);
        assert!(read(claim.body().await.unwrap()).await.unwrap() == content(id, len), "content of {len} bytes");
        assert!(read(spool.body(id).await.unwrap()).await.unwrap() == content(id, len), "content of {len} bytes");
        claim.finish().await.unwrap();
    }
}

pub async fn a_chunk_is_no_larger_than_a_block(spool: impl Spool) {
    let id = put_len(&spool, 5 * BLOCK_BYTES + 7).await;
    let mut body = spool.body(id).await.unwrap();
    while let Some(chunk) = body.next_chunk().await.unwrap() {
        assert!((1..=BLOCK_BYTES).contains(&chunk.len()), "a chunk of {} bytes", chunk.len());
    }
}

pub async fn a_message_that_is_not_committed_is_not_there(spool: impl Spool) {
    for len in [10, 3 * BLOCK_BYTES] {
        let mut writer = spool.begin(entry()).await.unwrap();
        writer.append(&vec![b'x'; len]).await.unwrap();
        drop(writer);
    }
    assert!(names(&spool).await.is_empty());
    assert!(claim_at(&spool, Timestamp::MAX).await.is_empty());
}

pub async fn a_name_is_taken_once(spool: impl Spool) {
    let entry = entry();
    let second = spool.begin(entry.clone()).await.unwrap();
    put(&spool, entry.clone(), b"first").await.unwrap();
    assert!(matches!(second.commit().await, Err(SpoolError::Exists(id)) if id == entry.id()));
    assert!(matches!(spool.begin(entry.clone()).await, Err(SpoolError::Exists(_))));
    assert_eq!(read(spool.body(entry.id()).await.unwrap()).await.unwrap(), b"first");
}

pub async fn a_message_that_was_finished_may_come_back(spool: impl Spool) {
    let entry = entry();
    for len in [5, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES, 5] {
        let id = put(&spool, entry.clone(), &content(entry.id(), len)).await.unwrap();
        let claim = claim_one(&spool).await;
        assert!(read(claim.body().await.unwrap()).await.unwrap() == content(id, len));
        claim.finish().await.unwrap();
        assert!(matches!(spool.get(id).await, Err(SpoolError::NotFound(_))));
    }
}

pub async fn what_is_due_first_is_claimed_first(spool: impl Spool) {
    let mut expected = Vec::new();
    for minute in [7, 3, 5, 1] {
        let mut entry = entry();
        entry.statuses_mut()[0] = Status::first(minutes(minute));
        expected.push((minute, put(&spool, entry, b"x").await.unwrap()));
    }
    expected.sort_unstable();
    assert!(claim_at(&spool, noon()).await.is_empty());
    let claims = spool.claim(Reach::Due, minutes(5), LEASE, 2).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.entry().id()).collect::<Vec<_>>(), [expected[0].1, expected[1].1]);
    let more = claim_at(&spool, minutes(5)).await;
    assert_eq!(more.iter().map(|claim| claim.entry().id()).collect::<Vec<_>>(), [expected[2].1]);
}

pub async fn a_message_with_several_recipients_is_due_with_the_first_that_is_pending(spool: impl Spool) {
    let mut entry = entry_to(&["<a@example.com>", "<b@example.com>", "<c@example.com>"]);
    entry.statuses_mut()[0] = Status::Delivered;
    entry.statuses_mut()[1] = Status::first(minutes(9));
    entry.statuses_mut()[2] = Status::first(minutes(4));
    put(&spool, entry, b"x").await.unwrap();
    assert!(claim_at(&spool, minutes(3)).await.is_empty());
    assert_eq!(claim_at(&spool, minutes(4)).await.len(), 1);
}

pub async fn a_message_with_nobody_left_is_due_at_once(spool: impl Spool) {
    put_len(&spool, 5).await;
    let mut claim = claim_one(&spool).await;
    claim.statuses_mut()[0] = Status::Delivered;
    claim.update().await.unwrap();
    claim.release().await.unwrap();
    assert_eq!(claim_at(&spool, Timestamp::UNIX_EPOCH).await.len(), 1);
}

pub async fn nobody_else_claims_what_is_claimed(spool: impl Spool) {
    put_len(&spool, 5).await;
    let claim = claim_one(&spool).await;
    assert!(claim_at(&spool, noon()).await.is_empty());
    assert!(spool.claim(Reach::All, noon(), LEASE, 9).await.unwrap().is_empty());
    claim.release().await.unwrap();
    assert_eq!(claim_at(&spool, noon()).await.len(), 1);
}

pub async fn each_message_is_claimed_by_one_of_many(spool: impl Spool) {
    for _ in 0..60 {
        put_len(&spool, 5).await;
    }
    assert_each_is_claimed_once(&[spool], 60).await;
}

/// Has many claim from these spools, which are one queue of so many messages, until nothing is left to claim.
pub async fn assert_each_is_claimed_once(spools: &[impl Spool], messages: usize) {
    let mut workers = JoinSet::new();
    for spool in spools.iter().cycle().take(8) {
        let spool = spool.clone();
        workers.spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let claims = spool.claim(Reach::Due, noon(), LEASE, 3).await.unwrap();
                if claims.is_empty() {
                    return claimed;
                }
                claimed.extend(claims);
            }
        });
    }
    let claims: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(claims.len(), messages);
    assert_eq!(claims.iter().map(|claim| claim.entry().id()).collect::<BTreeSet<_>>().len(), messages);
}

pub async fn a_claim_that_is_dropped_is_released(spool: impl Spool) {
    put_len(&spool, 5).await;
    drop(claim_one(&spool).await);
    assert_eq!(claim_at(&spool, noon()).await.len(), 1);
}

pub async fn a_lease_that_has_ended_changes_nothing(spool: impl Spool) {
    put_len(&spool, 5).await;
    let mut late = spool.claim(Reach::Due, noon(), Duration::from_mins(5), 1).await.unwrap().pop().unwrap();
    assert!(claim_at(&spool, minutes(4)).await.is_empty());
    let mut claim = claim_at(&spool, minutes(5)).await.pop().unwrap();
    assert!(matches!(set_attempts(&mut late, 7).await, Err(SpoolError::Fenced(_))));
    assert!(matches!(late.renew(minutes(30)).await, Err(SpoolError::Fenced(_))));
    assert!(matches!(late.finish().await, Err(SpoolError::Fenced(_))));
    set_attempts(&mut claim, 1).await.unwrap();
    assert_eq!(attempts(&spool.get(claim.entry().id()).await.unwrap().entry), 1);
    claim.finish().await.unwrap();
}

pub async fn a_lease_is_renewed(spool: impl Spool) {
    put_len(&spool, 5).await;
    let mut claim = spool.claim(Reach::Due, noon(), Duration::from_mins(5), 1).await.unwrap().pop().unwrap();
    claim.renew(minutes(20)).await.unwrap();
    assert!(claim_at(&spool, minutes(19)).await.is_empty());
    claim.update().await.unwrap();
    assert_eq!(claim_at(&spool, minutes(20)).await.len(), 1);
}

pub async fn an_update_is_seen_by_the_next_claim(spool: impl Spool) {
    put_len(&spool, 5).await;
    let mut claim = claim_one(&spool).await;
    let text = "é".repeat(MAX_FAILURE_TEXT);
    let failure = Failure::new(451, (4, 4, 1), &text);
    assert_eq!(failure.text().len(), MAX_FAILURE_TEXT);
    let status = Status::Pending(Retry { attempts: 1, next: minutes(10), last: Some(failure), delay_told: false });
    claim.statuses_mut()[0] = status.clone();
    claim.update().await.unwrap();
    claim.release().await.unwrap();
    assert!(claim_at(&spool, minutes(9)).await.is_empty());
    let claims = claim_at(&spool, minutes(10)).await;
    assert_eq!(claims[0].entry().statuses(), [status]);
}

pub async fn what_is_finished_is_gone(spool: impl Spool) {
    let id = put_len(&spool, 5).await;
    let claim = claim_one(&spool).await;
    claim.finish().await.unwrap();
    assert!(matches!(spool.get(id).await, Err(SpoolError::NotFound(_))));
    assert!(matches!(spool.body(id).await, Err(SpoolError::NotFound(_))));
    assert!(names(&spool).await.is_empty());
    assert!(claim_at(&spool, Timestamp::MAX).await.is_empty());
}

pub async fn what_is_held_waits(spool: impl Spool) {
    let mut due = spool.next_due();
    let id = put_len(&spool, 5).await;
    timeout(PATIENCE, due.wait_for(Option::is_some)).await.unwrap().unwrap();
    spool.hold(id).await.unwrap();
    assert!(claim_at(&spool, Timestamp::MAX).await.is_empty());
    timeout(PATIENCE, due.wait_for(Option::is_none)).await.unwrap().unwrap();
    spool.resume(id).await.unwrap();
    assert_eq!(claim_at(&spool, noon()).await.len(), 1);
}

pub async fn what_is_held_from_its_commit_is_never_due(spool: impl Spool) {
    let entry = entry();
    let id = entry.id();
    let mut writer = spool.begin(entry).await.unwrap();
    writer.append(b"x").await.unwrap();
    writer.hold();
    writer.commit().await.unwrap();
    assert_eq!(*spool.next_due().borrow(), None);
    assert!(claim_at(&spool, Timestamp::MAX).await.is_empty());
    assert!(spool.get(id).await.unwrap().held);
    spool.resume(id).await.unwrap();
    assert_eq!(claim_at(&spool, noon()).await.len(), 1);
}

pub async fn holding_keeps_what_an_update_said(spool: impl Spool) {
    let id = put_len(&spool, 5).await;
    let mut claim = claim_one(&spool).await;
    spool.hold(id).await.unwrap();
    set_attempts(&mut claim, 4).await.unwrap();
    claim.release().await.unwrap();
    let listed = spool.get(id).await.unwrap();
    assert!(listed.held);
    assert_eq!(attempts(&listed.entry), 4);
    assert!(claim_at(&spool, Timestamp::MAX).await.is_empty());
    spool.resume(id).await.unwrap();
    assert_eq!(attempts(claim_one(&spool).await.entry()), 4);
}

pub async fn a_hand_over_claims_all(spool: impl Spool) {
    let held = put_len(&spool, 5).await;
    spool.hold(held).await.unwrap();
    let mut later = entry();
    later.statuses_mut()[0] = Status::first(minutes(600));
    put(&spool, later, b"x").await.unwrap();
    let claimed = put_len(&spool, 5).await;
    let _claim = claim_one(&spool).await;
    let claims = spool.claim(Reach::All, noon(), LEASE, 9).await.unwrap();
    assert_eq!(claims.len(), 2);
    assert!(claims.iter().all(|claim| claim.entry().id() != claimed && claim.is_held() == (claim.entry().id() == held)));
}

pub async fn rescheduling_makes_a_message_due(spool: impl Spool) {
    let mut entry = entry();
    entry.statuses_mut()[0] = Status::first(minutes(600));
    let id = put(&spool, entry, b"x").await.unwrap();
    spool.reschedule(id, minutes(1)).await.unwrap();
    assert!(claim_at(&spool, noon()).await.is_empty());
    let mut claim = claim_at(&spool, minutes(1)).await.pop().unwrap();
    claim.update().await.unwrap();
    claim.release().await.unwrap();
    assert!(claim_at(&spool, minutes(1)).await.is_empty(), "the statuses count again");
}

pub async fn what_is_removed_is_gone_though_it_is_claimed(spool: impl Spool) {
    let id = put_len(&spool, 5).await;
    let mut claim = claim_one(&spool).await;
    spool.remove(id).await.unwrap();
    assert!(matches!(claim.update().await, Err(SpoolError::NotFound(_))));
    assert!(matches!(claim.finish().await, Err(SpoolError::NotFound(_))));
    assert!(names(&spool).await.is_empty());
}

pub async fn what_is_not_there_can_not_be_changed(spool: impl Spool) {
    let id = MessageId::new();
    assert!(matches!(spool.hold(id).await, Err(SpoolError::NotFound(_))));
    assert!(matches!(spool.resume(id).await, Err(SpoolError::NotFound(_))));
    assert!(matches!(spool.reschedule(id, noon()).await, Err(SpoolError::NotFound(_))));
    assert!(matches!(spool.remove(id).await, Err(SpoolError::NotFound(_))));
}

pub async fn the_queue_is_listed_page_by_page(spool: impl Spool) {
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(put_len(&spool, 5).await);
    }
    let (mut listed, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = spool.list(&Filter::default(), after, 3).await.unwrap();
        listed.extend(page.messages.iter().map(|listed| listed.entry.id()));
        pages += 1;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((listed, pages), (ids, 3));
}

pub async fn a_filter_finds_what_it_means(spool: impl Spool) {
    let mut envelope = entry_to(&["<a@Example.COM>", "<b@bücher.example>"]).envelope().clone();
    envelope.smtputf8 = true;
    envelope.reverse_path = reverse_path("<x@other.example>");
    envelope.arrival = minutes(-60);
    let mut old = Entry::new(MessageId::new(), envelope);
    let failure = Failure::new(451, (4, 4, 1), "connection refused by mx1");
    old.statuses_mut()[1] = Status::Pending(Retry { attempts: 1, next: noon(), last: Some(failure), delay_told: false });
    let old = put(&spool, old, b"x").await.unwrap();
    let new = put_len(&spool, 5).await;
    spool.hold(new).await.unwrap();

    let find = async |filter: Filter| {
        let page = spool.list(&filter, None, 10).await.unwrap();
        assert_eq!(page.examined, 2);
        page.messages.iter().map(|listed| listed.entry.id()).collect::<Vec<_>>()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(find(Filter { recipient_domain: text("example.com"), ..Filter::default() }).await, [old, new]);
    assert_eq!(find(Filter { recipient_domain: text("xn--bcher-kva.example"), ..Filter::default() }).await, [old]);
    assert_eq!(find(Filter { sender_domain: text("example.org"), ..Filter::default() }).await, [new]);
    assert_eq!(find(Filter { arrived_before: Some(noon()), ..Filter::default() }).await, [old]);
    assert_eq!(find(Filter { error: text("refused"), ..Filter::default() }).await, [old]);
    assert_eq!(find(Filter { held: Some(true), ..Filter::default() }).await, [new]);
    assert_eq!(find(Filter { held: Some(false), error: text("timed out"), ..Filter::default() }).await, []);

    let mut claim = claim_one(&spool).await;
    claim.statuses_mut()[1] = Status::Delivered;
    claim.update().await.unwrap();
    assert_eq!(find(Filter { recipient_domain: text("xn--bcher-kva.example"), ..Filter::default() }).await, []);
}

pub async fn statistics_count_what_is_there(spool: impl Spool) {
    let first = put_len(&spool, 5).await;
    let second = put_len(&spool, 2 * BLOCK_BYTES).await;
    spool.hold(first).await.unwrap();
    let claim = claim_one(&spool).await;
    let statistics = spool.statistics().await.unwrap();
    assert_eq!((statistics.messages, statistics.held, statistics.claimed, statistics.unreadable), (2, 1, 1, 0));
    assert_eq!(statistics.body_bytes, 5 + 2 * BLOCK_BYTES as u64);
    assert_eq!(statistics.oldest, first.made_at());
    assert!(statistics.used_bytes > statistics.body_bytes && statistics.used_bytes < 4 * statistics.body_bytes);
    claim.finish().await.unwrap();
    spool.remove(first).await.unwrap();
    let statistics = spool.statistics().await.unwrap();
    assert_eq!((statistics.messages, statistics.held, statistics.claimed, statistics.body_bytes), (0, 0, 0, 0));
    assert_eq!(statistics.oldest, None);
    assert!(second.made_at().is_some());
}

pub async fn a_scheduler_is_woken_when_something_is_due(spool: impl Spool) {
    let mut due = spool.next_due();
    assert_eq!(*due.borrow_and_update(), None);
    let mut entry = entry();
    entry.statuses_mut()[0] = Status::first(minutes(10));
    put(&spool, entry, b"x").await.unwrap();
    timeout(PATIENCE, due.wait_for(|due| *due == Some(minutes(10)))).await.unwrap().unwrap();
    put_len(&spool, 5).await;
    timeout(PATIENCE, due.wait_for(|due| *due == Some(noon()))).await.unwrap().unwrap();
    let claim = claim_one(&spool).await;
    timeout(PATIENCE, due.wait_for(|due| *due == Some(minutes(10)))).await.unwrap().unwrap();
    claim.release().await.unwrap();
    timeout(PATIENCE, due.wait_for(|due| *due == Some(noon()))).await.unwrap().unwrap();
    // A lease that ends makes its message due, too.
    let _claim = spool.claim(Reach::Due, noon(), Duration::from_mins(3), 1).await.unwrap();
    timeout(PATIENCE, due.wait_for(|due| *due == Some(noon() + 3.minutes()))).await.unwrap().unwrap();
}

pub async fn a_closed_spool_takes_nothing(spool: impl Spool) {
    let id = put_len(&spool, 5).await;
    let mut claim = claim_one(&spool).await;
    let writer = spool.begin(entry()).await.unwrap();
    spool.close().await;
    assert!(matches!(spool.begin(entry()).await, Err(SpoolError::Closed)));
    assert!(matches!(writer.commit().await, Err(SpoolError::Closed)));
    assert!(matches!(claim.update().await, Err(SpoolError::Closed)));
    assert!(matches!(spool.remove(id).await, Err(SpoolError::Closed)));
    assert!(matches!(spool.claim(Reach::Due, noon(), LEASE, 1).await, Err(SpoolError::Closed)));
    spool.close().await;
}
