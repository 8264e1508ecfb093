//! The queue of a relay that ends, and the peers that take it: real control ports, real identities, real queues.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod a_lost_answer_makes_no_second_message;
mod a_process_that_is_told_to_end_hands_over;
mod each_message_ends_up_in_one_queue;
mod only_pods_of_the_same_relay_bring_messages;
mod what_is_not_whole_is_not_taken;
mod what_nobody_takes_stays;

mod mail;
mod pod;
mod request;
