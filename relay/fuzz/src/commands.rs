//! The grammar of lines, commands and addresses.

use postern_proto::{
    address::{ForwardPath, ReversePath},
    command::{ChunkSize, CommandLine, Framing, MAX_LINE, Verb, client_name, next_line, skip_line},
    envelope::{MailFrom, RcptTo},
};

/// Reads the input as command lines.
pub fn check(input: &[u8]) {
    check_framing(input);
    let mut unread = input;
    loop {
        let length = match next_line(unread) {
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
fn check_framing(input: &[u8]) {
    let verdict = next_line(input);
    if let Framing::Line(line) = verdict {
        assert!(line.len() + 2 <= MAX_LINE && !line.contains(&b'\r') && !line.contains(&b'\n'));
        assert!(input[line.len()..].starts_with(b"\r\n"));
    }
    for end in 0..input.len().min(MAX_LINE + 2) {
        let early = next_line(&input[..end]);
        assert!(early == Framing::Partial || early == verdict, "{early:?} at {end}, then {verdict:?}");
    }
    if verdict == Framing::Partial {
        assert!(input.len() < MAX_LINE);
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
    let Ok(mail) = MailFrom::parse(argument, true) else { return };
    assert_ne!(mail.size, Some(0));
    let written = format!("<{}>", mail.path);
    assert!(mail.smtputf8 || written.is_ascii());
    assert_eq!(ReversePath::parse(&written), Ok((mail.path.clone(), "")));
    if let Ok(after_helo) = MailFrom::parse(argument, false) {
        assert_eq!(after_helo, mail);
        assert_eq!((mail.size, mail.body, mail.smtputf8), (None, None, false));
    }
}

fn check_rcpt(argument: &str) {
    let Ok(rcpt) = RcptTo::parse(argument, true) else { return };
    let written = format!("<{}>", rcpt.path);
    assert_eq!(ForwardPath::parse(&written), Ok((rcpt.path.clone(), "")));
    assert_eq!(RcptTo::parse(argument, false).is_ok(), written.is_ascii());
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
