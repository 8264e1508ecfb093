//! Foreign text, made fit to stand in a report.

use std::fmt::Write as _;

/// Most bytes of one piece of foreign text, so that no line is too long (RFC 5322 section 2.1.1).
const MAX_TEXT: usize = 900;
/// Where lines are folded, if there is a space.
const WIDTH: usize = 76;

/// `text` on one line, without what is not printable, and without what is not ASCII unless `is_utf8`.
pub(super) fn clean(text: &str, is_utf8: bool) -> String {
    let printable = text.chars().map(|c| match c {
        c if c.is_control() || c.is_whitespace() => ' ',
        c if c.is_ascii() || is_utf8 => c,
        _ => '?',
    });
    let mut cleaned: String = printable.collect();
    cleaned.truncate(cleaned.floor_char_boundary(MAX_TEXT));
    cleaned.trim().to_owned()
}

/// An address in its own form (RFC 6533 section 3): what is not ASCII is written as `\x{…}` unless `is_utf8`.
pub(super) fn clean_address(address: &str, is_utf8: bool) -> String {
    let mut cleaned = String::with_capacity(address.len());
    for c in address.chars() {
        if c.is_ascii() || (is_utf8 && !c.is_control()) {
            cleaned.push(if c.is_control() { ' ' } else { c });
        } else {
            // Writing to a String can't fail.
            let _ = write!(cleaned, "\\x{{{:X}}}", u32::from(c));
        }
    }
    cleaned.truncate(cleaned.floor_char_boundary(MAX_TEXT));
    cleaned.trim().to_owned()
}

/// `first` and the words of `text` on lines of some 76 characters, each further one behind `indent`. `text` is clean.
pub(super) fn fold(first: &str, indent: &str, text: &str) -> String {
    let mut folded = first.to_owned();
    let mut column = first.len();
    let mut is_line_start = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !is_line_start && column + 1 + word.len() > WIDTH {
            folded.push_str("\r\n");
            folded.push_str(indent);
            column = indent.len();
        } else if !is_line_start {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += word.len();
        is_line_start = false;
    }
    folded.push_str("\r\n");
    folded
}
