//! The grammar of lines, commands and addresses.

use postern_proto::{
    address::{ForwardPath, ReversePath},
    command::{ChunkSize, CommandLine, Extensions, Framing, MAX_AUTH_LINE, MAX_LINE, Verb, client_name, next_line, skip_line},
    envelope::{DsnRequest, MailFrom, RcptTo, xtext::Xtext},
};

/// All that a client may ever use.
const ALL: Extensions = Extensions::Offered { dsn: true, auth: true };
/// What a client may use everywhere.
const FEW: Extensions = Extensions::Offered { dsn: false, auth: false };

/// Reads the input as command lines.
pub fn check(input: &[u8]) {
    check_framing(input, MAX_LINE);
    check_framing(input, MAX_AUTH_LINE);
    let mut unread = input;
    loop {
        let length = match next_line(unread, MAX_LINE) {
            Framing::Partial => return,
            Framing::Line(line) => {
                check_line(line);
                line.len() + 2
            }
            Framing::Broken { seen, .. } => match skip_line(&unread[seen..]) {
                (_, false) => return,
                (length, true) => seen + length,
            },
        };
        unread = &unread[length..];
    }
}

/// A line is what stands before the first CR or LF, if that is CRLF; and less than all of the input never gives another verdict.
fn check_framing(input: &[u8], limit: usize) {
    let verdict = next_line(input, limit);
    if let Framing::Line(line) = verdict {
        assert!(line.len() + 2 <= limit && !line.contains(&b'\r') && !line.contains(&b'\n'));
        assert!(input[line.len()..].starts_with(b"\r\n"));
    }
    for end in 0..input.len().min(limit + 2) {
        let early = next_line(&input[..end], limit);
        assert!(early == Framing::Partial || early == verdict, "{early:?} at {end}, then {verdict:?}");
    }
    if verdict == Framing::Partial {
        assert!(input.len() < limit);
    }
}

fn check_line(line: &[u8]) {
    let Ok(CommandLine { verb, argument }) = CommandLine::parse(line) else { return };
    assert!(!argument.chars().any(char::is_control));
    match verb {
        Verb::Mail => check_mail(argument),
        Verb::Rcpt => check_rcpt(argument),
        Verb::Bdat => check_chunk(argument),
        _ => assert!(argument.is_ascii()),
    }
    if let Some(name) = client_name(argument) {
        assert!((1..=255).contains(&name.len()) && !name.contains(['(', ')', ' ', '\\', '"']));
    }
}

fn check_mail(argument: &str) {
    let Ok(mail) = MailFrom::parse(argument, ALL) else { return };
    assert_ne!(mail.size, Some(0));
    let written = format!("<{}>", mail.path);
    assert!(mail.smtputf8 || written.is_ascii());
    assert_eq!(ReversePath::parse(&written), Ok((mail.path.clone(), "")));
    if let Some(id) = &mail.dsn.envelope_id {
        assert_eq!(DsnRequest::parse_envelope_id(&Xtext(id).to_string()).as_ref(), Ok(id));
    }
    if let Some(ret) = mail.dsn.ret {
        assert_eq!(ret.to_string().parse(), Ok(ret));
    }
    if let Ok(without) = MailFrom::parse(argument, FEW) {
        assert_eq!(without, mail);
        assert_eq!(mail.dsn, DsnRequest::default());
    }
    if let Ok(after_helo) = MailFrom::parse(argument, Extensions::None) {
        assert_eq!(after_helo, mail);
        assert_eq!(mail, MailFrom::new(mail.path.clone()));
    }
}

fn check_rcpt(argument: &str) {
    let Ok(rcpt) = RcptTo::parse(argument, ALL, true) else { return };
    let written = format!("<{}>", rcpt.path);
    assert_eq!(ForwardPath::parse(&written), Ok((rcpt.path.clone(), "")));
    let without_smtputf8 = RcptTo::parse(argument, ALL, false).is_ok();
    assert!(without_smtputf8 || !argument.is_ascii());
    assert!(written.is_ascii() || !without_smtputf8);
    for extensions in [FEW, Extensions::None] {
        assert_eq!(RcptTo::parse(argument, extensions, true).is_ok(), rcpt == RcptTo::new(rcpt.path.clone()));
    }
    if let Some(original) = &rcpt.original {
        let written = original.to_string();
        assert!(written.len() <= 500 && written.is_ascii() && !written.contains([' ', '=']) && !written.contains(char::is_control));
        assert_eq!(written.parse().as_ref(), Ok(original));
    }
    if let Some(notify) = rcpt.notify {
        assert_eq!(notify.to_string().parse(), Ok(notify));
    }
    if let ForwardPath::Mailbox(mailbox) = rcpt.path {
        assert!((1..=64).contains(&mailbox.local.len()) && written.len() <= 256);
        let is_name = !written.ends_with("]>");
        assert_eq!(mailbox.domain.to_a_label().is_some_and(|name| name.is_ascii() && !name.ends_with('.')), is_name);
    }
}

fn check_chunk(argument: &str) {
    if let Ok(ChunkSize { octets, last }) = ChunkSize::parse(argument) {
        let written = format!("{octets}{}", if last { " LAST" } else { "" });
        assert_eq!(ChunkSize::parse(&written), Ok(ChunkSize { octets, last }));
    }
}
