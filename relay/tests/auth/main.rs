//! Who a client is, as a session asks it.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod a_changed_hash_counts_at_once;
mod failures_are_slowed;
mod gsasl_is_let_in;
mod mechanisms_let_users_in;
mod unknown_users_cost_as_much;
mod user_files_are_read_strictly;
mod users_begin_so_many_messages;

mod site;
