//! What a client's bytes say, read slowly and plainly.

use postern_proto::command::MAX_LINE;

use crate::naive::{self, Outcome};

/// The content that begins behind `start` of what was heard, and how many bytes of what was heard were left behind its end.
pub(crate) fn content(heard: &[u8], start: usize) -> (Outcome, usize) {
    let line_start = heard[..start - 2].windows(2).rposition(|pair| pair == b"\r\n").map_or(0, |end| end + 2);
    let line = &heard[line_start..start - 2];
    // What stands before the command in its line is the end of a chunk that was refused.
    match (0..line.len()).rev().find_map(|at| chunk_size(&line[at..])) {
        Some(first) => chunks(&heard[start..], first),
        None => match naive::data(&heard[start..]) {
            Outcome::Content(content, rest) => {
                let left = rest.len();
                (Outcome::Content(content, Vec::new()), left)
            }
            other => (other, 0),
        },
    }
}

/// The content of the chunks that follow, the first of them at once, and others behind their commands.
fn chunks(mut unread: &[u8], first: (usize, bool)) -> (Outcome, usize) {
    let mut content = Vec::new();
    let mut next = Some(first);
    loop {
        if let Some((size, last)) = next {
            let Some((chunk, rest)) = unread.split_at_checked(size) else { return (Outcome::Unfinished, 0) };
            content.extend_from_slice(chunk);
            unread = rest;
            if last {
                return (naive::chunks(&content), unread.len());
            }
        }
        let Some(end) = unread.windows(2).position(|pair| pair == b"\r\n") else { return (Outcome::Unfinished, 0) };
        next = chunk_size(&unread[..end]).filter(|_| end + 2 <= MAX_LINE);
        unread = &unread[end + 2..];
    }
}

/// The size in a BDAT command, and whether its chunk is the last.
fn chunk_size(line: &[u8]) -> Option<(usize, bool)> {
    let line = str::from_utf8(line).ok()?.to_ascii_uppercase();
    let words: Vec<_> = line.strip_prefix("BDAT ")?.split(' ').filter(|word| !word.is_empty()).collect();
    let (size, last) = match words[..] {
        [size] => (size, false),
        [size, "LAST"] => (size, true),
        _ => return None,
    };
    let is_number = size.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| size.parse().ok()).flatten().map(|size| (size, last))
}
