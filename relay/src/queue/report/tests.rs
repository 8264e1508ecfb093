use std::path::Path;

use postern_proto::address::Domain;
use postern_spool::{OriginalRecipient, Return};
use proptest::prelude::*;

use super::*;

/// What a test changes of the message that is reported on: from one identity, to `jo@example.com`, taken at noon.
struct Case {
    kind: Kind,
    envelope: Envelope,
    failures: Vec<Failure>,
    excerpt: Excerpt,
}

const MESSAGE: &[u8] =
    b"Received: from client\r\n\tby mx1.example.com; Fri, 27 Nov 2026 12:00:00 +0000\r\nSubject: Lunch\r\n\r\nAt one?\r\n";

fn noon() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

fn path(text: &str) -> ForwardPath {
    ForwardPath::parse(text).unwrap().0
}

fn id() -> MessageId {
    "019ac58a-3c00-7123-8456-0123456789ab".parse().unwrap()
}

fn said(code: u16, enhanced: (u8, u16, u16), text: &str) -> Failure {
    let mut failure = Failure::new(code, enhanced, text);
    failure.by = Some("mail.example.com".to_owned());
    failure.at = Some("2026-11-27T12:00:07Z".parse().unwrap());
    failure
}

impl Case {
    fn new(kind: Kind, failures: Vec<Failure>) -> Self {
        let recipients = ["<jo@example.com>", "<\"a b\"@example.com>", "<sam@example.com>"];
        let envelope = Envelope {
            reverse_path: ReversePath::parse("<anna@example.org>").unwrap().0,
            recipients: recipients[..failures.len()].iter().map(|text| Recipient::new(path(text))).collect(),
            body: None,
            smtputf8: false,
            dsn: DsnRequest::default(),
            arrival: noon(),
            expires: "2026-12-02T12:00:00Z".parse().unwrap(),
            listener: "submission".to_owned(),
            origin: Origin::Identity("anna".to_owned()),
        };
        Self { kind, envelope, failures, excerpt: Excerpt::of(MESSAGE.to_vec(), false) }
    }

    fn report(&self) -> (Entry, String) {
        let ReversePath::Mailbox(to) = &self.envelope.reverse_path else { panic!() };
        let relayed = Relayed { by: "mail.example.com".to_owned(), at: noon() };
        let events: Vec<_> = self
            .envelope
            .recipients
            .iter()
            .zip(&self.failures)
            .map(|(recipient, failure)| {
                let event = match self.kind {
                    Kind::Failed => Event::Failed(failure),
                    Kind::Delayed => Event::Delayed(Some(failure)),
                    Kind::Relayed => Event::Relayed(&relayed),
                };
                (recipient, event)
            })
            .collect();
        let Self { kind, envelope, excerpt, .. } = self;
        let report = Report { id: id(), kind: *kind, host: "mx1.example.com", made_at: noon(), envelope, to, events: &events, excerpt };
        let content = report.content();
        (report.entry(noon()), String::from_utf8(content).unwrap())
    }

    /// Compares with `golden/NAME.eml`, which has plain line ends.
    fn is(&self, name: &str) {
        let (_, content) = self.report();
        assert!(content.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])), "{content}");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/queue/report/golden").join(format!("{name}.eml"));
        let shown = content.replace("\r\n", "\n");
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(golden == shown, "{} differs from what was made:\n{shown}", file.display());
    }
}

#[test]
fn a_refused_recipient_is_told_in_words_for_people_and_for_programs() {
    Case::new(Kind::Failed, vec![said(550, (5, 1, 1), "No such user here")]).is("refused");
}

#[test]
fn several_recipients_share_a_report() {
    let expired = said(451, (5, 4, 7), "Greylisted, come again in five minutes");
    let mut unreachable = Failure::new(451, (5, 4, 7), "The next hop does not answer, try again later");
    unreachable.at = Some(noon());
    let refused = said(552, (5, 3, 4), "Message is too large, as the server says with so many words that they do not fit on a line of it");
    Case::new(Kind::Failed, vec![expired, unreachable, refused]).is("several");
}

#[test]
fn a_sender_is_told_that_it_takes_long_and_until_when() {
    Case::new(Kind::Delayed, vec![said(450, (4, 2, 1), "Mailbox busy")]).is("delayed");
}

#[test]
fn a_sender_who_asked_is_told_that_nobody_will_report_further() {
    Case::new(Kind::Relayed, vec![said(250, (2, 0, 0), "")]).is("relayed");
}

#[test]
fn what_the_sender_called_things_is_repeated() {
    let mut case = Case::new(Kind::Failed, vec![said(550, (5, 1, 1), "No such user here")]);
    case.envelope.dsn = DsnRequest { ret: Some(Return::Full), envelope_id: Some("QQ 314159".to_owned()) };
    case.envelope.recipients[0].original =
        Some(OriginalRecipient { address_type: "utf-8".to_owned(), address: "jö@old.example".to_owned() });
    case.excerpt = Excerpt::of(MESSAGE.to_vec(), true);
    case.is("named");
}

#[test]
fn a_report_on_internationalised_mail_is_one_itself() {
    let mut case = Case::new(Kind::Failed, vec![said(550, (5, 1, 1), "Kein Benutzer jö")]);
    case.envelope.smtputf8 = true;
    case.envelope.reverse_path = ReversePath::parse("<änne@example.org>").unwrap().0;
    case.envelope.recipients[0] = Recipient::new(path("<jö@bücher.example>"));
    case.excerpt = Excerpt::of("Subject: Grüße\r\n\r\nHallo\r\n".as_bytes().to_vec(), true);
    case.is("internationalised");
    let (entry, _) = case.report();
    assert!(entry.envelope().smtputf8);
}

#[test]
fn a_report_is_ascii_even_when_the_message_was_not() {
    let mut case = Case::new(Kind::Failed, vec![said(550, (5, 1, 1), "Kein Benutzer jö")]);
    case.excerpt = Excerpt::of("Subject: Grüße\r\n\r\nHallo\r\n".as_bytes().to_vec(), true);
    case.is("eight_bit");
    assert!(case.report().1.is_ascii());
}

#[test]
fn a_message_that_was_damaged_is_lost_and_the_sender_is_told() {
    let mut case = Case::new(Kind::Failed, vec![Failure::new(554, (5, 3, 0), "The message was damaged while it lay in the queue")]);
    case.excerpt = Excerpt::Nothing;
    case.is("damaged");
}

#[test]
fn a_report_has_no_sender_and_is_of_the_relay_itself() {
    let (entry, _) = Case::new(Kind::Failed, vec![said(550, (5, 1, 1), "")]).report();
    let envelope = entry.envelope();
    assert_eq!((&envelope.reverse_path, &envelope.origin), (&ReversePath::Null, &Origin::Relay));
    assert_eq!(envelope.recipients[0].path.to_string(), "anna@example.org");
}

#[test]
fn a_header_is_brought_back_to_its_end_or_to_the_end_of_a_line() {
    for (begin, header) in [("A: b\r\n\r\nbody\r\n", "A: b\r\n"), ("A: b\r\nC: cut of", "A: b\r\n"), ("\r\nbody", ""), ("no end", "")] {
        assert_eq!(Excerpt::of(begin.as_bytes().to_vec(), false), Excerpt::Header(header.as_bytes().to_vec()), "{begin:?}");
    }
}

#[test]
fn the_largest_report_is_bounded() {
    let failure = said(550, (5, 7, 1), &"ä ".repeat(400));
    let mut case = Case::new(Kind::Failed, vec![failure]);
    let long = Mailbox { local: "l".repeat(64), domain: Domain::Name(format!("{}.example", "d.".repeat(120))) };
    let mut recipient = Recipient::new(ForwardPath::Mailbox(long));
    recipient.original = Some(OriginalRecipient { address_type: "utf-8".to_owned(), address: "ä".repeat(500) });
    case.envelope.recipients = vec![recipient; MAX_RECIPIENTS];
    case.failures = vec![case.failures[0].clone(); MAX_RECIPIENTS];
    case.excerpt = Excerpt::of("ä: b\r\n".repeat(MAX_EXCERPT / 7).into_bytes(), false);
    assert!(case.report().1.len() < 700_000, "{} bytes", case.report().1.len());
}

proptest! {
    /// Whatever a server or a client says, it ends no field and begins none.
    #[test]
    fn no_text_makes_a_field(text in "\\PC*|[\\x00-\\x7f]*|(\r?\nX-Evil: 1)+", smtputf8: bool) {
        let mut case = Case::new(Kind::Failed, vec![said(550, (5, 1, 1), &text)]);
        case.envelope.smtputf8 = smtputf8;
        case.failures[0].by = Some(text.clone());
        case.envelope.dsn.envelope_id = Some(text.clone());
        case.envelope.recipients[0].original = Some(OriginalRecipient { address_type: "rfc822".to_owned(), address: text });
        let (_, content) = case.report();
        let known = ["Original-Envelope-Id", "Reporting-MTA", "Arrival-Date", "Original-Recipient", "Final-Recipient", "Action", "Status",
            "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date"];
        let part = content.split("\r\n--").nth(2).unwrap();
        let (_, fields) = part.split_once("\r\n\r\n").unwrap();
        for line in fields.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(' ')) {
            let name = line.split(':').next().unwrap();
            prop_assert!(known.contains(&name), "{line:?}");
        }
        prop_assert!(!content.replace("\r\n", "").contains(['\r', '\n']));
        prop_assert!(smtputf8 || content.is_ascii());
    }
}
