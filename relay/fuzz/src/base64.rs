//! Base64 (RFC 4648 section 4), slowly and plainly.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What `bytes` are written as.
pub(crate) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().chain([&0; 2]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let digits = (0..4).map(|digit| ALPHABET[bits >> (18 - 6 * digit) & 63]);
        text.extend(digits.take(group.len() + 1).chain(*b"==").take(4));
    }
    text
}

/// What is written as `text`, if anything is.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in text.chunks(4) {
        let digits: Vec<_> = group.iter().map_while(|char| ALPHABET.iter().position(|digit| digit == char)).collect();
        let bits = digits.iter().chain([&0; 4]).take(4).fold(0, |bits, digit| bits << 6 | digit);
        bytes.extend([bits >> 16, bits >> 8, bits].into_iter().map(|bits| (bits & 255) as u8).take(digits.len().saturating_sub(1)));
    }
    (encode(&bytes) == text).then_some(bytes)
}
