//! Command lines as they go on the wire, without their CRLF.

use std::io::Write as _;

use super::{Capabilities, Extension, SizeLimit};
use crate::envelope::{BodyType, MailFrom, RcptTo};

pub(super) fn bare(out: &mut Vec<u8>, verb: &str) {
    out.extend_from_slice(verb.as_bytes());
}

pub(super) fn ehlo(out: &mut Vec<u8>, name: &str) {
    put(out, format_args!("EHLO {name}"));
}

pub(super) fn mail(out: &mut Vec<u8>, mail: &MailFrom, capabilities: &Capabilities) {
    put(out, format_args!("MAIL FROM:<{}>", mail.path));
    if let Some(size) = mail.size.filter(|_| capabilities.size != SizeLimit::NotOffered) {
        put(out, format_args!(" SIZE={size}"));
    }
    if mail.body != Some(BodyType::SevenBit) && capabilities.offers(Extension::EightBitMime) {
        bare(out, " BODY=8BITMIME");
    }
    if mail.smtputf8 && capabilities.offers(Extension::SmtpUtf8) {
        bare(out, " SMTPUTF8");
    }
}

pub(super) fn rcpt(out: &mut Vec<u8>, rcpt: &RcptTo) {
    put(out, format_args!("RCPT TO:<{}>", rcpt.path));
}

fn put(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to a Vec can't fail.
    let _ = out.write_fmt(arguments);
}
