//! What tests of a session with a next hop say and hear.

use postern_proto::client::{Event, Session, SessionError, To};

/// The server answers when all that was queued is written.
pub(crate) fn hear(session: &mut Session, bytes: &str) {
    session.sent(session.output().len());
    session.input().extend_from_slice(bytes.as_bytes());
}

/// What is written, as text; it counts as sent.
pub(crate) fn said(session: &mut Session) -> String {
    let text = String::from_utf8(session.output().to_vec()).unwrap();
    session.sent(text.len());
    text
}

pub(crate) fn code(event: Result<Event, SessionError>) -> (To, u16) {
    match event {
        Ok(Event::Reply(to, reply)) => (to, reply.code),
        other => panic!("no reply: {other:?}"),
    }
}
