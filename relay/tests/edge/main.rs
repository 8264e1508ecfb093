//! The edge of a relay: what becomes of its folder, its ports and its connections, as clients and the admin port see it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod admin_port_answers_for_a_short_while;
mod bad_edits_keep_what_is_in_use;
mod certificates_are_chosen_and_renewed;
mod clients_are_limited;
mod clients_of_the_cluster_are_told_apart;
mod control_port_answers_the_operator_alone;
mod drain_lets_transactions_finish;
mod folder_is_followed_however_it_is_written;
mod folder_may_arrive_in_pieces;
mod listeners_come_and_go;
mod log_shows_addresses_or_not;
mod process_ends_on_signals;
mod proxy_header_tells_the_client;
mod torn_sets_are_never_used;

mod delivery;
mod folder;
mod process;
mod running;
