//! The readers of content against the naive ones.

use crate::{
    naive,
    readers::{read_chunks, read_data},
    tape::{Tape, byte},
};

/// Reads the input as what follows DATA, and as chunks.
pub fn check(mut input: &[u8]) {
    let length = byte(&mut input);
    let mut cuts = Tape::cut_from(&mut input, length);
    let pieces = pieces(input, &mut cuts);
    assert_eq!(read_data(&pieces), naive::data(input), "DATA");
    assert_eq!(read_chunks(&pieces, false), naive::chunks(input), "BDAT");
    assert_eq!(read_chunks(&pieces, true), naive::chunks(input), "BDAT, byte by byte");
}

/// Cuts the bytes where the tape says; what is left when it says zero is the last piece.
fn pieces<'a>(mut bytes: &'a [u8], cuts: &mut Tape<'_>) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    loop {
        match usize::from(cuts.next()) {
            0 => break,
            size => {
                let (piece, rest) = bytes.split_at(size.min(bytes.len()));
                pieces.push(piece);
                bytes = rest;
            }
        }
    }
    pieces.push(bytes);
    pieces
}
