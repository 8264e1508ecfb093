//! The local engine promises what every engine promises.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{folder::Folder, machine::Machine, mail::open};
use postern_spool::Local;

async fn on_a_real_disk() -> (Local, Folder) {
    let folder = Folder::new();
    (open(&folder.directory()).await.0, folder)
}

async fn on_a_machine() -> (Local, Machine) {
    let machine = Machine::new(0);
    (open(&machine.directory()).await.0, machine)
}

macro_rules! every_test {
    ($open:path) => {
        suite! { $open:
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
}

mod real_disk {
    use super::*;
    every_test! { super::on_a_real_disk }
}

mod machine {
    use super::*;
    every_test! { super::on_a_machine }
}
