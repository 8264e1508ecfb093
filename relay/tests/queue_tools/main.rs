//! The queue, as people look after it: `postern-relay queue` as a process, and the relay's socket.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod filters_find_what_a_naive_look_finds;
mod long_queues_are_walked_in_pages;
mod messages_are_changed_by_name_or_filter;
mod messages_are_exported_whole;
mod only_the_relays_own_user_is_answered;
mod outputs_are_as_documented;
mod relays_serve_their_queue;

mod letters;
mod tool;
mod world;
