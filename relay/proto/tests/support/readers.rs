//! Reads content with the readers that the session uses, to compare with the naive ones.

use postern_proto::content::{ChunkReader, DataReader, Ending, Flaw, Piece};

use crate::naive::Outcome;

/// Reads what follows DATA, cut into pieces.
pub(crate) fn read_data(pieces: &[&[u8]]) -> Outcome {
    let mut reader = DataReader::new(u64::MAX);
    let (mut content, mut refused) = (Vec::new(), false);
    for (number, piece) in pieces.iter().enumerate() {
        let mut unread = *piece;
        while !unread.is_empty() {
            let (count, found) = reader.read(unread);
            match found {
                Piece::Text(length) => content.extend_from_slice(&unread[count - length..count]),
                Piece::Flaw(flaw) => {
                    assert_eq!(flaw, Flaw::LineEnd);
                    refused = true;
                }
                Piece::End => {
                    let rest = [&unread[count..], &pieces[number + 1..].concat()].concat();
                    return if refused { Outcome::Refused(rest) } else { Outcome::Content(content, rest) };
                }
            }
            unread = &unread[count..];
        }
    }
    Outcome::Unfinished
}

/// Reads the chunks, each of them in one piece or byte by byte.
pub(crate) fn read_chunks(chunks: &[&[u8]], byte_by_byte: bool) -> Outcome {
    let mut reader = ChunkReader::new(u64::MAX);
    let mut content = Vec::new();
    for chunk in chunks {
        assert_eq!(reader.begin(chunk.len() as u64), Ok(()));
        let mut unread = *chunk;
        while !unread.is_empty() {
            let available = if byte_by_byte { &unread[..1] } else { unread };
            let Ok(count) = reader.read(available) else { return Outcome::Refused(Vec::new()) };
            content.extend_from_slice(&unread[..count]);
            unread = &unread[count..];
        }
    }
    match reader.finish() {
        Ok(Ending::Whole) => {}
        Ok(Ending::NeedsCrlf) => content.extend_from_slice(b"\r\n"),
        Err(_) => return Outcome::Refused(Vec::new()),
    }
    assert_eq!(reader.finish(), Ok(Ending::Whole), "what was added counts");
    Outcome::Content(content, Vec::new())
}
