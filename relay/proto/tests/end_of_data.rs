//! Where content ends, and what it is: against readers that are slow and plain, and cut anywhere.

#![allow(clippy::panic, reason = "functions that tests share are tests too")]

#[path = "support/naive.rs"]
mod naive;
#[path = "support/readers.rs"]
mod readers;

use naive::Outcome;
use postern_proto::content::{ChunkReader, DataReader, Flaw, Piece};
use proptest::prelude::*;
use readers::{read_chunks, read_data};

/// Bytes that are rich in what matters.
fn treacherous_bytes() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        4 => Just(&b"\r\n"[..]),
        4 => Just(&b"."[..]),
        1 => Just(&b"\r"[..]),
        1 => Just(&b"\n"[..]),
        3 => Just(&b"a"[..]),
        1 => Just(&b"\x00\xff"[..]),
        1 => Just(&b"\r\n.\r\n"[..]),
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// The same with sound line ends, so that long contents are taken too.
fn sound_bytes() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![Just(&b"\r\n"[..]), Just(&b"."[..]), Just(&b"abc"[..]), Just(&b"\xff"[..])];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..8_usize, 0..200)
}

/// Parts the bytes into pieces of the given sizes; what is left is the last piece.
fn pieces<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes {
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn data_ends_where_the_naive_reader_ends_it(bytes in treacherous_bytes(), cuts in cuts()) {
        prop_assert_eq!(read_data(&pieces(&bytes, &cuts)), naive::data(&bytes));
    }

    #[test]
    fn sound_data_is_taken_whole(bytes in sound_bytes(), cuts in cuts()) {
        let bytes = [&bytes, &b"\r\n.\r\nrest"[..]].concat();
        prop_assert_eq!(read_data(&pieces(&bytes, &cuts)), naive::data(&bytes));
    }

    #[test]
    fn chunks_are_what_the_naive_reader_makes_of_them(bytes in treacherous_bytes(), cuts in cuts(), byte_by_byte: bool) {
        prop_assert_eq!(read_chunks(&pieces(&bytes, &cuts), byte_by_byte), naive::chunks(&bytes));
    }

    #[test]
    fn sound_chunks_are_taken_whole(bytes in sound_bytes(), cuts in cuts(), byte_by_byte: bool) {
        prop_assert_eq!(read_chunks(&pieces(&bytes, &cuts), byte_by_byte), naive::chunks(&bytes));
    }

    #[test]
    fn stuffed_content_comes_out_as_it_was(bytes in sound_bytes(), cuts in cuts()) {
        let content = [&bytes, &b"\r\n"[..]].concat();
        let mut wire = Vec::new();
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        wire.extend_from_slice(b".\r\n");
        prop_assert_eq!(read_data(&pieces(&wire, &cuts)), Outcome::Content(content, Vec::new()));
    }
}

#[test]
fn every_short_text_ends_where_the_naive_reader_ends_it() {
    let alphabet = b"\r\n.a";
    for length in 0..=7_u32 {
        for number in 0..4_usize.pow(length) {
            let text: Vec<u8> = (0..length).map(|digit| alphabet[number / 4_usize.pow(digit) % 4]).collect();
            let expected = naive::data(&text);
            assert_eq!(read_data(&[&text]), expected, "{text:?} in one piece");
            assert_eq!(read_data(&text.chunks(1).collect::<Vec<_>>()), expected, "{text:?} byte by byte");
            assert_eq!(read_chunks(&[&text], false), naive::chunks(&text), "{text:?} in one chunk");
            assert_eq!(read_chunks(&text.chunks(1).collect::<Vec<_>>(), false), naive::chunks(&text), "{text:?} in chunks of one byte");
        }
    }
}

#[test]
fn a_message_is_too_big_at_the_byte_after_its_limit() {
    for (bytes, expected) in [(&b"12345"[..], Piece::Text(5)), (b"123456", Piece::Flaw(Flaw::TooBig))] {
        assert_eq!(DataReader::new(5).read(bytes), (bytes.len(), expected));
    }
    let mut reader = ChunkReader::new(5);
    assert_eq!((reader.begin(3), reader.begin(2), reader.begin(0), reader.begin(1)), (Ok(()), Ok(()), Ok(()), Err(Flaw::TooBig)));
}
