//! What a sender wants to hear about its message is stored as SMTP's own parameters, and read as strictly as those are.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

use jiff::Timestamp;
use postern_proto::address::{ForwardPath, ReversePath};
use postern_spool::{DsnRequest, Envelope, Notify, Origin, OriginalRecipient, Recipient, Return};
use serde_json::{Value, json};

fn envelope() -> Envelope {
    let original = OriginalRecipient { address_type: "utf-8".to_owned(), address: "ü@old.example".to_owned() };
    let notify = Notify::On { success: true, failure: false, delay: true };
    Envelope {
        reverse_path: ReversePath::Null,
        recipients: vec![
            Recipient { original: Some(original), notify: Some(notify), ..Recipient::new(ForwardPath::Postmaster) },
            Recipient { notify: Some(Notify::Never), ..Recipient::new(ForwardPath::Postmaster) },
            Recipient::new(ForwardPath::Postmaster),
        ],
        body: None,
        smtputf8: false,
        dsn: DsnRequest { ret: Some(Return::Headers), envelope_id: Some("a b+c".to_owned()) },
        arrival: Timestamp::UNIX_EPOCH,
        expires: Timestamp::UNIX_EPOCH,
        listener: "submission".to_owned(),
        origin: Origin::Anyone,
    }
}

/// The envelope with another value at `place`.
fn with(place: &str, value: Value) -> Result<Envelope, serde_json::Error> {
    let mut stored = serde_json::to_value(envelope()).unwrap();
    *stored.pointer_mut(place).unwrap() = value;
    serde_json::from_value(stored)
}

#[test]
fn the_stored_form_is_that_of_the_parameters() {
    let stored = serde_json::to_value(envelope()).unwrap();
    assert_eq!(stored["dsn"], json!({"ret": "HDRS", "envelopeId": "a+20b+2Bc"}));
    assert_eq!(
        stored["recipients"],
        json!([
            {"path": "<Postmaster>", "original": r"utf-8;\x{FC}@old.example", "notify": "SUCCESS,DELAY"},
            {"path": "<Postmaster>", "notify": "NEVER"},
            {"path": "<Postmaster>"},
        ])
    );
    assert_eq!(serde_json::from_value::<Envelope>(stored).unwrap(), envelope());
}

#[test]
fn an_envelope_without_wishes_is_read_too() {
    let mut stored = serde_json::to_value(envelope()).unwrap();
    stored.as_object_mut().unwrap().remove("dsn").unwrap();
    assert_eq!(serde_json::from_value::<Envelope>(stored).unwrap().dsn, DsnRequest::default());
    assert_eq!(with("/dsn", json!({})).unwrap().dsn, DsnRequest::default());
}

#[test]
fn nothing_is_read_that_could_not_have_come_in() {
    for (place, value) in [
        ("/dsn/ret", json!("HEADERS")),
        ("/dsn/envelopeId", json!("a b")),
        ("/dsn/envelopeId", json!("x".repeat(101))),
        ("/recipients/0/notify", json!("NEVER,DELAY")),
        ("/recipients/0/original", json!("ü@old.example")),
        ("/recipients/0/original", json!("rfc822;a+0Ab")),
    ] {
        assert!(with(place, value.clone()).is_err(), "{place}: {value}");
    }
}
