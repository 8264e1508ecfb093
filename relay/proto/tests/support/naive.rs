//! Readers of content that are slow and plain: they hold all of it, and follow the words of the RFC.

/// What a reader makes of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The content, and what stands behind its end.
    Content(Vec<u8>, Vec<u8>),
    /// The content ends, but has a lone CR or LF; and what stands behind its end.
    Refused(Vec<u8>),
    /// The end has not come.
    Unfinished,
}

/// The content that follows DATA: all up to the first CRLF.CRLF, where the CRLF of the DATA line counts (RFC 5321 section 4.1.1.4).
pub(crate) fn data(bytes: &[u8]) -> Outcome {
    let bytes = [b"\r\n", bytes].concat();
    let Some(end) = bytes.windows(5).position(|window| window == b"\r\n.\r\n") else { return Outcome::Unfinished };
    let (content, rest) = (&bytes[2..end.max(2)], &bytes[end + 5..]);
    let content = if end == 0 { Vec::new() } else { [content, b"\r\n"].concat() };
    if has_lone(&content) { Outcome::Refused(rest.to_vec()) } else { Outcome::Content(unstuff(&content), rest.to_vec()) }
}

/// The content of chunks, whose last one has come: all of it, completed with CRLF.
pub(crate) fn chunks(content: &[u8]) -> Outcome {
    let complete = content.is_empty() || content.ends_with(b"\r\n");
    match (has_lone(content), complete) {
        (true, _) => Outcome::Refused(Vec::new()),
        (false, true) => Outcome::Content(content.to_vec(), Vec::new()),
        (false, false) => Outcome::Content([content, b"\r\n"].concat(), Vec::new()),
    }
}

/// Whether any CR or LF is not a part of a CRLF (RFC 5321 section 2.3.8).
fn has_lone(content: &[u8]) -> bool {
    (0..content.len()).any(|at| match content[at] {
        b'\r' => content.get(at + 1) != Some(&b'\n'),
        b'\n' => at == 0 || content[at - 1] != b'\r',
        _ => false,
    })
}

/// A dot that is the first of a line is dropped (RFC 5321 section 4.5.2).
fn unstuff(content: &[u8]) -> Vec<u8> {
    let is_stuffing = |at: usize| content[at] == b'.' && (at == 0 || content[..at].ends_with(b"\r\n"));
    (0..content.len()).filter(|at| !is_stuffing(*at)).map(|at| content[at]).collect()
}
