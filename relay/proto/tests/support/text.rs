//! Bytes as text in vector files: `\r`, `\n`, `\\`, `\xNN`, and `\*(N,text)` for N times that text.

/// Reads the escapes.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let length = match escape.as_bytes()[0] {
            b'r' => push(&mut bytes, b"\r", 1),
            b'n' => push(&mut bytes, b"\n", 1),
            b'\\' => push(&mut bytes, b"\\", 1),
            b'x' => push(&mut bytes, &[u8::from_str_radix(&escape[1..3], 16).unwrap()], 3),
            b'*' => {
                let end = escape.find(')').unwrap();
                let (times, repeated) = escape[2..end].split_once(',').unwrap();
                push(&mut bytes, &unescape(repeated).repeat(times.parse().unwrap()), end + 1)
            }
            other => panic!("\\{} is no escape", char::from(other)),
        };
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

fn push(bytes: &mut Vec<u8>, more: &[u8], length: usize) -> usize {
    bytes.extend_from_slice(more);
    length
}

/// Writes what is not printable ASCII as escapes.
pub(crate) fn escape(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'\r' => "\\r".to_owned(),
            b'\n' => "\\n".to_owned(),
            b'\\' => "\\\\".to_owned(),
            b' '..=b'~' => char::from(*byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect()
}
