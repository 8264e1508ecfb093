//! What goes out as content is, once a server has read it, what came in, whatever pieces it came in.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "functions that tests share are tests too")]

use postern_proto::{
    address::ReversePath,
    client::Session,
    envelope::{MailFrom, RcptTo},
};
use proptest::prelude::*;

/// The wire form of content that comes in pieces.
fn stuffed(pieces: &[&[u8]]) -> Vec<u8> {
    let mut session = Session::new();
    let hear = |session: &mut Session, reply: &[u8]| {
        session.sent(session.output().len());
        session.input().extend_from_slice(reply);
        session.step().unwrap();
    };
    hear(&mut session, b"220 mx\r\n");
    session.ehlo("me.example.com").unwrap();
    hear(&mut session, b"250 mx\r\n");
    session.mail(&MailFrom::new(ReversePath::Null)).unwrap();
    hear(&mut session, b"250 ok\r\n");
    session.rcpt(&RcptTo::new(postern_proto::address::ForwardPath::Postmaster)).unwrap();
    hear(&mut session, b"250 ok\r\n");
    session.data().unwrap();
    hear(&mut session, b"354 go\r\n");
    for piece in pieces {
        session.content(piece).unwrap();
    }
    session.end_of_data().unwrap();
    session.output().to_vec()
}

/// Reads content naively, line by line: what stands before the line that is a dot, with one dot taken from each line that begins with one.
fn read(wire: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut rest = wire;
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").expect("the content ends") + 2;
        let (line, next) = rest.split_at(end);
        if line == b".\r\n" {
            assert!(next.is_empty(), "the content ends before all of it was said");
            return content;
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        rest = next;
    }
}

#[test]
fn the_wire_form_is_known() {
    let cases: [(&[u8], &[u8]); 9] = [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n..\r\n", b"a\r\n...\r\n.\r\n"),
        (b"a.b\r\n c.\r\n", b"a.b\r\n c.\r\n.\r\n"),
        (b"\r\n\r\n.x", b"\r\n\r\n..x\r\n.\r\n"),
    ];
    for (content, wire) in cases {
        for at in 0..=content.len() {
            let (head, tail) = content.split_at(at);
            assert_eq!(stuffed(&[head, tail]), wire, "{:?} split at {at}", String::from_utf8_lossy(content));
        }
        assert_eq!(stuffed(&content.chunks(1).collect::<Vec<_>>()), wire, "{:?} byte by byte", String::from_utf8_lossy(content));
    }
}

proptest! {
    /// Lines as the relay takes them: CR and LF only as pairs.
    #[test]
    fn a_server_reads_what_came_in(
        parts in prop::collection::vec(prop_oneof![Just("\r\n"), Just("."), Just("x"), Just("")], 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let content = parts.concat().into_bytes();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
        cuts.push(0);
        cuts.push(content.len());
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &content[pair[0]..pair[1]]).collect();
        let mut completed = content.clone();
        if !content.is_empty() && !content.ends_with(b"\r\n") {
            completed.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!(read(&stuffed(&pieces)), completed);
    }
}
