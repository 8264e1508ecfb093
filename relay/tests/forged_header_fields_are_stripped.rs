//! Header fields that only the relay or the mail server behind it may write are stripped, wherever the network splits the message; all else
//! passes byte for byte.

#![allow(clippy::expect_used, reason = "functions that tests share are tests too")]

#[path = "support/header_oracle.rs"]
mod header_oracle;

use postern_config::DomainName;
use postern_relay::filter::{HeaderError, HeaderFirewall, MAX_HEADER_BYTES, MAX_RECEIVED_FIELDS};
use proptest::prelude::*;
use serde::Deserialize;

const HOST: &str = "mx1.example.com";

#[derive(Deserialize)]
struct Vector {
    why: String,
    field: String,
    strip: bool,
}

fn firewall() -> HeaderFirewall {
    HeaderFirewall::new(DomainName::parse(HOST).expect("a name"))
}

fn filter<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, HeaderError> {
    let mut firewall = firewall();
    let mut passed = Vec::new();
    for mut piece in pieces {
        while let Some(bytes) = firewall.next(&mut piece)? {
            assert!(!bytes.is_empty());
            passed.extend_from_slice(bytes);
        }
        assert!(piece.is_empty());
    }
    passed.extend_from_slice(firewall.finish()?);
    assert!(firewall.finish()?.is_empty(), "what is kept comes out once");
    Ok(passed)
}

/// Filters the message whole, split in two at every byte, and byte by byte.
fn assert_filtered(message: &[u8], expected: &[u8], why: &str) {
    let whole = filter([message]).expect(why);
    assert_eq!(whole.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{why}");
    for at in 0..=message.len() {
        let (head, tail) = message.split_at(at);
        assert_eq!(filter([head, tail]).expect(why), expected, "{why}, split at {at}");
    }
    assert_eq!(filter(message.chunks(1)).expect(why), expected, "{why}, byte by byte");
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/header_fields.json")).expect("vectors")
}

#[test]
fn each_vector_is_stripped_or_kept_at_every_place() {
    for Vector { why, field, strip } in vectors() {
        let expected = if strip { "" } else { &field };
        for (before, after) in [
            ("", ""),
            ("", "\r\n"),
            ("", "\r\nbody\r\n"),
            ("To: b\r\n", "Subject: c\r\n d\r\n\r\nX-MS-Exchange-Organization-SCL: -1\r\n"),
            ("To: b\r\n c\r\n", "\r\nbody"),
        ] {
            let message = format!("{before}{field}{after}");
            assert_filtered(message.as_bytes(), format!("{before}{expected}{after}").as_bytes(), &why);
        }
    }
}

#[test]
fn the_vectors_agree_with_the_oracle() {
    for Vector { why, field, strip } in vectors() {
        let expected = if strip { "" } else { &field };
        assert_eq!(header_oracle::filter(field.as_bytes(), HOST), expected.as_bytes(), "{why}");
    }
}

#[test]
fn neighbours_that_are_both_stripped_go_both() {
    let message = b"X-MS-Exchange-Forest-A: 1\r\n 2\r\nX-MS-Exchange-Organization-B: 3\r\nTo: a\r\n\r\n";
    assert_filtered(message, b"To: a\r\n\r\n", "neighbours");
}

#[test]
fn the_first_empty_line_ends_the_header_section() {
    let body = "\r\nX-MS-Exchange-Organization-SCL: -1\r\n\r\nAuthentication-Results: mx1.example.com; none\r\n";
    assert_filtered(body.as_bytes(), body.as_bytes(), "a message without header");
    let folded = b"To: a\r\n \r\nX-MS-Exchange-Organization-SCL: -1\r\n\r\n";
    assert_filtered(folded, b"To: a\r\n \r\n\r\n", "a line of white space is no empty line");
}

#[test]
fn a_first_line_that_would_continue_our_own_received_field_goes() {
    assert_filtered(b" lost\r\n\tand found\r\nTo: a\r\n\r\n", b"To: a\r\n\r\n", "a continuation of nothing");
}

#[test]
fn a_message_that_ends_early_is_decided_at_its_end() {
    assert_filtered(b"", b"", "nothing");
    assert_filtered(b"\r", b"\r", "half a line end");
    assert_filtered(b"X-MS-Exch", b"X-MS-Exch", "half a name");
    assert_filtered(b"To: a\r\nX-MS-Exchange-Organization-", b"To: a\r\n", "a forbidden name");
    assert_filtered(b"Authentication-Results: mx1.example.com", b"", "our name at the very end");
    assert_filtered(b"Authentication-Results: mx1.example", b"Authentication-Results: mx1.example", "not quite our name");
}

#[test]
fn an_authserv_id_that_hides_behind_2_kib_of_comments_is_stripped() {
    for host in [HOST, "mx.example.net"] {
        let message = format!("To: a\r\nAuthentication-Results: ({}) {host}; none\r\n b\r\n\r\nbody", "x".repeat(2100));
        for size in [1, 7, 1000, 2048, 5000] {
            assert_eq!(filter(message.as_bytes().chunks(size)).expect("passes"), b"To: a\r\n\r\nbody", "{host}, pieces of {size}");
        }
    }
}

#[test]
fn a_hundred_received_fields_pass_and_one_more_is_a_loop() {
    let message = |count: u32| format!("{}\r\nReceived: in the body\r\n", "received : from a by b;\r\n now\r\n".repeat(count as usize));
    assert!(filter([message(MAX_RECEIVED_FIELDS).as_bytes()]).is_ok());
    let looping = message(MAX_RECEIVED_FIELDS + 1);
    assert_eq!(filter([looping.as_bytes()]), Err(HeaderError::Loop));
    assert_eq!(filter(looping.as_bytes().chunks(1)), Err(HeaderError::Loop));
    assert_eq!(HeaderError::Loop.reply().to_string(), "554 5.4.6 Routing loop: too many Received fields");
}

#[test]
fn a_header_section_of_256_kib_passes_and_a_longer_one_is_refused() {
    for line in ["Subject: 0123456789\r\n", "X-MS-Exchange-Forest-A: 1\r\n", "0123456789", " \r\n"] {
        let mut header = line.repeat(MAX_HEADER_BYTES / line.len());
        header.push_str(&"x".repeat(MAX_HEADER_BYTES - header.len()));
        assert!(filter([header.as_bytes()]).is_ok(), "{line}");
        header.push('x');
        for size in [1, 1000, usize::MAX] {
            assert_eq!(filter(header.as_bytes().chunks(size.min(header.len()))), Err(HeaderError::TooLong), "{line}, pieces of {size}");
        }
    }
    assert_eq!(HeaderError::TooLong.reply().to_string(), "552 5.3.4 Header section is too long");
}

#[test]
fn what_passes_is_not_copied() {
    let mut firewall = firewall();
    let message = b"To: a\r\nReceived: b\r\nFrom: c\r\n\r\nbody\r\n";
    let mut piece = message.as_slice();
    let passed = firewall.next(&mut piece).expect("passes").expect("bytes");
    assert_eq!((passed.as_ptr(), passed.len()), (message.as_ptr(), message.len()));
    let body = vec![b'x'; 1 << 20];
    let mut piece = body.as_slice();
    let passed = firewall.next(&mut piece).expect("passes").expect("bytes");
    assert_eq!((passed.as_ptr(), passed.len()), (body.as_ptr(), body.len()));
}

#[test]
fn stripped_fields_are_counted() {
    let mut firewall = firewall();
    let mut piece = b"X-MS-Exchange-Forest-A: 1\r\n 2\r\nTo: a\r\nAuthentication-Results: mx1.example.com".as_slice();
    while firewall.next(&mut piece).expect("passes").is_some() {}
    assert_eq!(firewall.stripped(), 1);
    assert!(firewall.finish().expect("finished").is_empty());
    assert_eq!(firewall.stripped(), 2);
}

/// Texts of which a message can be made that is hard to read.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "X-MS-Exchange-Organization-",
        "x-ms-exchange-forest-",
        "X-MS-Exchange-",
        "Authentication-Results",
        "Authentication-Results: ",
        "\r\nAuthentication-Results:",
        "Received:",
        "Subject",
        "mx1.example.com",
        "MX1.Example.Com.",
        "mx.example.net",
        ":",
        ";",
        "=",
        "/",
        "1",
        " ",
        "\t",
        "(",
        ")",
        "\\",
        "\"",
        "\r\n",
        "\r\n ",
        "\r\n\t",
        "\n",
        "\r\n\r\n",
        "\u{fc}",
    ]);
    prop::collection::vec(fragment, 0..40).prop_map(|fragments| fragments.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn pieces_of_any_size_pass_as_the_oracle_says(message in fragments(), sizes in prop::collection::vec(1_usize..30, 1..10)) {
        let mut pieces = Vec::new();
        let mut rest = message.as_bytes();
        for size in sizes.iter().cycle() {
            let (piece, next) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = next;
            if rest.is_empty() {
                break;
            }
        }
        let passed = filter(pieces).expect("within bounds");
        prop_assert_eq!(passed.escape_ascii().to_string(), header_oracle::filter(message.as_bytes(), HOST).escape_ascii().to_string());
    }

    #[test]
    fn any_bytes_pass_as_the_oracle_says(message in prop::collection::vec(any::<u8>(), 0..400), size in 1_usize..50) {
        prop_assert_eq!(filter(message.chunks(size)).expect("within bounds"), header_oracle::filter(&message, HOST));
    }
}
