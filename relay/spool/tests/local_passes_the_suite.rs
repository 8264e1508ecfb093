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

mod real_disk {
    crate::suite! { super::on_a_real_disk }
}

mod machine {
    crate::suite! { super::on_a_machine }
}
