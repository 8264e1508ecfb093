//! Command lines as they go on the wire, without their CRLF.

use std::{fmt::Display, io::Write as _};

use base64::{display::Base64Display, engine::general_purpose::STANDARD};

use super::{Capabilities, Extension, Mechanism, SizeLimit};
use crate::envelope::{BodyType, MailFrom, RcptTo, xtext::Xtext};

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
    if capabilities.offers(Extension::Dsn) {
        put_some(out, " RET=", mail.dsn.ret);
        put_some(out, " ENVID=", mail.dsn.envelope_id.as_deref().map(Xtext));
    }
}

pub(super) fn rcpt(out: &mut Vec<u8>, rcpt: &RcptTo, capabilities: &Capabilities) {
    put(out, format_args!("RCPT TO:<{}>", rcpt.path));
    if capabilities.offers(Extension::Dsn) {
        put_some(out, " NOTIFY=", rcpt.notify);
        put_some(out, " ORCPT=", rcpt.original.as_ref());
    }
}

/// An initial response that is empty is written `=`, to tell it from none (RFC 4954 section 4).
pub(super) fn auth(out: &mut Vec<u8>, mechanism: Mechanism, initial: Option<&[u8]>) {
    put(out, format_args!("AUTH {}", mechanism.name()));
    match initial {
        None => {}
        Some([]) => bare(out, " ="),
        Some(response) => put(out, format_args!(" {}", Base64Display::new(response, &STANDARD))),
    }
}

pub(super) fn auth_response(out: &mut Vec<u8>, response: &[u8]) {
    put(out, format_args!("{}", Base64Display::new(response, &STANDARD)));
}

fn put_some(out: &mut Vec<u8>, keyword: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        put(out, format_args!("{keyword}{value}"));
    }
}

fn put(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to a Vec can't fail.
    let _ = out.write_fmt(arguments);
}
