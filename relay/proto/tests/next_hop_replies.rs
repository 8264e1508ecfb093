//! What is taken for a reply of a next hop, whatever pieces it comes in, and what is made of its text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

use postern_proto::{
    reply::Reply,
    reply_parser::{MAX_LINE_BYTES, MAX_LINES, MAX_REPLY_BYTES, MAX_TEXT_CHARS, Parser, ReplyError},
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    name: String,
    /// Each character is one byte.
    input: String,
    replies: Vec<Expected>,
    error: Option<String>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Expected {
    code: u16,
    enhanced: Option<String>,
    text: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/replies.json")).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect()
}

/// Feeds the pieces one after the other, as a session does.
fn parse(pieces: &[&[u8]]) -> (Vec<Reply>, Option<ReplyError>) {
    let mut parser = Parser::default();
    let mut replies = Vec::new();
    let mut input = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match parser.take(&input) {
                Err(error) => return (replies, Some(error)),
                Ok((taken, Some(reply))) => {
                    replies.push(reply.clean());
                    input.drain(..taken);
                }
                Ok((taken, None)) => {
                    input.drain(..taken);
                    break;
                }
            }
        }
    }
    (replies, None)
}

fn check(vector: &Vector, pieces: &[&[u8]]) {
    let (replies, error) = parse(pieces);
    let replies: Vec<_> = replies
        .into_iter()
        .map(|reply| Expected { code: reply.code, enhanced: reply.enhanced.map(|code| code.to_string()), text: reply.text.into_owned() })
        .collect();
    assert_eq!(replies, vector.replies, "{}", vector.name);
    assert_eq!(error.map(|error| format!("{error:?}")), vector.error, "{}", vector.name);
}

#[test]
fn every_vector_holds_in_one_piece() {
    for vector in vectors() {
        check(&vector, &[&bytes(&vector.input)]);
    }
}

#[test]
fn every_vector_holds_when_split_at_any_byte() {
    for vector in vectors() {
        let input = bytes(&vector.input);
        for at in 0..=input.len() {
            let (head, tail) = input.split_at(at);
            check(&vector, &[head, tail]);
        }
    }
}

#[test]
fn every_vector_holds_byte_by_byte() {
    for vector in vectors() {
        let input = bytes(&vector.input);
        check(&vector, &input.chunks(1).collect::<Vec<_>>());
    }
}

#[test]
fn a_line_of_the_longest_length_is_taken_and_one_byte_more_is_not() {
    let line = |length: usize| format!("250 {}\r\n", "x".repeat(length - 6)).into_bytes();
    assert_eq!(parse(&[&line(MAX_LINE_BYTES)]).1, None);
    assert_eq!(parse(&[&line(MAX_LINE_BYTES + 1)]), (vec![], Some(ReplyError::LineTooLong)));
}

#[test]
fn a_line_without_an_end_is_refused_before_it_ends() {
    assert_eq!(parse(&[&vec![b'2'; MAX_LINE_BYTES]]), (vec![], Some(ReplyError::LineTooLong)));
}

#[test]
fn as_many_lines_as_allowed_are_taken_and_one_more_is_not() {
    let reply = |lines: usize| format!("{}250 x\r\n", "250-x\r\n".repeat(lines - 1)).into_bytes();
    assert_eq!(parse(&[&reply(MAX_LINES)]).1, None);
    assert_eq!(parse(&[&reply(MAX_LINES + 1)]), (vec![], Some(ReplyError::ReplyTooLong)));
}

#[test]
fn a_reply_of_few_but_long_lines_is_bounded_too() {
    let line = format!("250-{}\r\n", "x".repeat(MAX_LINE_BYTES - 6));
    let lines = MAX_REPLY_BYTES / MAX_LINE_BYTES + 1;
    assert!(lines < MAX_LINES);
    assert_eq!(parse(&[line.repeat(lines).as_bytes()]), (vec![], Some(ReplyError::ReplyTooLong)));
}

#[test]
fn text_is_cut_so_that_each_line_fits_the_wire() {
    let (replies, error) = parse(&[format!("550 5.7.1 {}\r\n", "x".repeat(2000)).as_bytes()]);
    assert_eq!(error, None);
    assert_eq!(replies[0].text.len(), MAX_TEXT_CHARS);
    let mut wire = Vec::new();
    replies[0].write_to(&mut wire);
    assert!(wire.len() <= 512, "{}", wire.len());
}

proptest! {
    /// Whatever comes, and in whatever pieces: no panic, the same result, and text that may be passed on.
    #[test]
    fn any_bytes_give_the_same_replies_in_any_pieces(input in any_input(), cut in any::<prop::sample::Index>()) {
        let whole = parse(&[&input]);
        let (head, tail) = input.split_at(cut.index(input.len() + 1));
        prop_assert_eq!(&parse(&[head, tail]), &whole);
        for reply in whole.0 {
            prop_assert!((200..600).contains(&reply.code));
            prop_assert!(reply.text.len() <= MAX_TEXT_CHARS);
            prop_assert!(reply.text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
        }
    }
}

/// Bytes that often are replies, or nearly.
fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"250 ok\r\n".to_vec()),
        Just(b"550-5.1.1 ".to_vec()),
        Just(b"550 ".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}
