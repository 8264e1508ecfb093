//! Quoted-printable (RFC 2045 section 6.7).

/// Longest line, without its CRLF.
const WIDTH: usize = 76;

/// `bytes` in ASCII. Their line ends, CRLF, stay line ends.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                encode_line(line, &mut out);
                out.extend_from_slice(b"\r\n");
            }
            None => encode_line(line, &mut out),
        }
    }
    out
}

fn encode_line(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    for (at, &byte) in line.iter().enumerate() {
        let is_last = at + 1 == line.len();
        let is_plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !is_last);
        let width = if is_plain { 1 } else { 3 };
        // A soft line end needs a place too.
        if column + width >= WIDTH {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if is_plain {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
        }
        column += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_quoted_and_lines_are_short() {
        for (plain, encoded) in
            [("a=b\r\n", "a=3Db\r\n"), ("caf\u{e9} \r\n\r\nx", "caf=C3=A9=20\r\n\r\nx"), ("a\nb\rc", "a=0Ab=0Dc"), ("", "")]
        {
            assert_eq!(String::from_utf8(encode(plain.as_bytes())).unwrap(), encoded);
        }
        let long = encode("\u{e9}x".repeat(200).as_bytes());
        assert!(long.split(|&byte| byte == b'\n').all(|line| line.len() <= WIDTH + 1));
    }
}
