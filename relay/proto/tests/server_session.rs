//! Dialogues with the server session. Where the network cuts what the client says must make no difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "functions that tests share are tests too")]

#[path = "support/dialogue.rs"]
mod dialogue;
#[path = "support/driver.rs"]
mod driver;
#[path = "support/text.rs"]
mod text;

use dialogue::{assert_same, load};

#[test]
fn every_dialogue_goes_as_it_is_written() {
    let dialogues = load("sessions");
    assert!(dialogues.len() > 50, "the vectors are there");
    dialogues.iter().for_each(dialogue::Dialogue::run_as_written);
}

#[test]
fn a_dialogue_that_is_heard_at_once_goes_the_same() {
    for dialogue in load("sessions") {
        assert_same(&dialogue.name, "at once", &dialogue.expected(), &dialogue.run(|_| false));
    }
}

#[test]
fn a_dialogue_that_is_heard_byte_by_byte_goes_the_same() {
    for dialogue in load("sessions") {
        assert_same(&dialogue.name, "byte by byte", &dialogue.expected(), &dialogue.run(|_| true));
    }
}

#[test]
fn a_dialogue_that_is_cut_at_any_byte_goes_the_same() {
    for dialogue in load("sessions") {
        for cut in 0..dialogue.len() {
            assert_same(&dialogue.name, &format!("cut at {cut}"), &dialogue.expected(), &dialogue.run(|place| place == cut));
        }
    }
}
