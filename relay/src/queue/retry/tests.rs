use jiff::ToSpan as _;
use postern_proto::address::{ForwardPath, ReversePath};
use postern_spool::{DsnRequest, Origin, Recipient};
use proptest::prelude::*;

use super::*;

const TIMES: RetryTimes = RetryTimes { first_seconds: 60, longest_seconds: 3600 };

fn noon() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

/// Arrived at noon, with five days to live.
fn envelope() -> Envelope {
    Envelope {
        reverse_path: ReversePath::Null,
        recipients: vec![Recipient::new(ForwardPath::Postmaster)],
        body: None,
        smtputf8: false,
        dsn: DsnRequest::default(),
        arrival: noon(),
        expires: noon() + 120.hours(),
        listener: "submission".to_owned(),
        origin: Origin::Relay,
    }
}

fn tried(attempts: u32) -> Retry {
    Retry { attempts, next: noon(), last: None, delay_told: false }
}

fn busy() -> Failure {
    Failure::new(451, (4, 3, 2), "busy")
}

fn without_tls() -> Failure {
    Failure::new(451, (4, 7, 10), "no TLS")
}

fn after(failure: Failure, attempts: u32, now: Timestamp) -> Status {
    after_attempt(failure, &tried(attempts), &envelope(), TIMES, now, 1.0)
}

fn next(status: &Status) -> Timestamp {
    status.due().unwrap_or_else(|| panic!("{status:?} waits for nothing"))
}

fn verdict(status: &Status) -> (u16, (u8, u16, u16)) {
    match status {
        Status::Failed(failure) => (failure.code, failure.enhanced),
        other => panic!("{other:?} has not failed"),
    }
}

#[test]
fn each_wait_is_twice_the_last_up_to_the_longest() {
    let waits = [0, 1, 2, 5, 6, 40, u32::MAX].map(|attempts| next(&after(busy(), attempts, noon())).duration_since(noon()).as_secs());
    assert_eq!(waits, [60, 120, 240, 1920, 3600, 3600, 3600]);
}

#[test]
fn an_attempt_is_counted_and_its_reason_kept() {
    let Status::Pending(retry) = after(busy(), 3, noon()) else { panic!() };
    assert_eq!((retry.attempts, retry.last), (4, Some(busy())));
}

#[test]
fn waiting_behind_a_block_counts_no_attempt() {
    let until = noon() + 7.minutes();
    let Status::Pending(retry) = behind_block(until, busy(), &tried(3), &envelope(), noon()) else { panic!() };
    assert_eq!((retry.attempts, retry.next, retry.last), (3, until, Some(busy())));
}

#[test]
fn a_permanent_refusal_fails_at_once() {
    let refused = Failure::new(550, (5, 1, 1), "no such user");
    assert_eq!(after(refused.clone(), 0, noon()), Status::Failed(refused));
}

#[test]
fn the_last_attempt_is_made_at_the_end_of_the_lifetime_and_then_it_has_failed() {
    let end = envelope().expires;
    assert_eq!(next(&after(busy(), 20, end - 1.minute())), end);
    assert_eq!(verdict(&after(busy(), 20, end)), (451, (5, 4, 7)));
    assert_eq!(verdict(&behind_block(end + 1.hour(), busy(), &tried(20), &envelope(), end)), (451, (5, 4, 7)));
}

#[test]
fn a_server_without_tls_is_tried_for_four_hours() {
    let end = noon() + 4.hours();
    assert_eq!(next(&after(without_tls(), 20, end - 1.minute())), end);
    assert_eq!(verdict(&after(without_tls(), 20, end)), (451, (5, 7, 10)));
}

proptest! {
    #[test]
    fn nothing_waits_beyond_its_end_nor_much_less_than_it_should(attempts: u32, seconds in 0..432_000_i64, spread in 0.8..1.2) {
        let now = noon() + seconds.seconds();
        let next = next(&after_attempt(busy(), &tried(attempts), &envelope(), TIMES, now, spread));
        prop_assert!(next <= envelope().expires);
        prop_assert!(next >= (now + 47.seconds()).min(envelope().expires));
    }
}
