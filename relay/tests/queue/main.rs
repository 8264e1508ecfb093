//! The queue at work: a spool in a folder, next hops that follow scripts, and the real thing between them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod a_changed_route_is_followed;
mod a_corrupt_message_never_arrives;
mod a_crash_queues_a_report_once;
mod a_site_that_is_down_is_left_alone;
mod a_slow_site_holds_no_other;
mod bad_servers_lose_no_message;
mod each_recipient_has_its_own_end;
mod messages_are_delivered_once;
mod programs_read_the_reports;
mod senders_are_told;
mod the_end_is_in_good_order;

mod stage;
