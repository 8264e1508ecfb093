//! The reports as another program reads them: Python's `email`.

use std::fs;

use postern_proto::address::{ForwardPath, ReversePath};
use postern_spool::{DsnRequest, OriginalRecipient, Recipient, Return};
use postern_tests::{
    next_hop::{Act, At, Script},
    tool,
};

use crate::stage::{Stage, accept, envelope, taken};

/// Prints what Python makes of a report: headers, the types of its parts, and the fields of the second.
const READER: &str = r"
import email, email.policy, sys
message = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.SMTPUTF8)
assert message.get_content_type() == 'multipart/report', message.get_content_type()
assert message.get_param('report-type') == 'delivery-status'
assert not message.defects, message.defects
for name in ('To', 'Auto-Submitted'):
    print(name, message[name])
assert message['Message-ID'] and message['Date'].datetime and message['From']
parts = list(message.iter_parts())
print('parts', *[part.get_content_type() for part in parts])
assert not any(part.defects for part in parts), [part.defects for part in parts]
print('text', parts[0].get_content())
blocks = parts[1].get_payload()
if len(blocks) == 1:
    # Python knows only the older type: it takes the first fields for a header, and the rest for a body.
    blocks = blocks + [email.message_from_string(block) for block in blocks[0]._payload.encode('utf-8', 'surrogateescape').decode().replace('\r\n', '\n').strip().split('\n\n')]
for block in blocks:
    for name, value in block.items():
        print(name + ':', ' '.join(str(value).split()))
print('returned', parts[2].get_payload() if isinstance(parts[2].get_payload(), str) else parts[2].get_payload()[0].as_string())
";

/// Has a message refused, and gives what Python says of the report.
async fn read(change: impl FnOnce(&mut postern_spool::Envelope), content: &[u8]) -> String {
    let hop = Script::fault(At::Rcpt, Act::say("550 5.1.1 no such user\nreally not")).start().await.unwrap();
    let home = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        accept(folder, "example.com", &hop);
        accept(folder, "example.org", &home);
    })
    .await;
    let mut envelope = envelope(&["jo@example.com", "sam@example.com"]);
    change(&mut envelope);
    stage.put(envelope, content).await;
    stage.start();
    let report = taken(&home, 1).await.remove(0);
    let file = stage.spool_folder().join("report.eml");
    fs::write(&file, report.content).unwrap();
    let outcome = tool::run("python3", ["-c", READER, file.to_str().unwrap()]).await.unwrap();
    assert!(outcome.success, "{outcome}");
    outcome.text
}

fn holds(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn a_report_on_plain_mail() {
    let change = |envelope: &mut postern_spool::Envelope| {
        envelope.dsn = DsnRequest { ret: Some(Return::Full), envelope_id: Some("QQ314159".to_owned()) };
        envelope.recipients[0].original =
            Some(OriginalRecipient { address_type: "rfc822".to_owned(), address: "jo@old.example".to_owned() });
    };
    let text = read(change, b"Subject: Lunch\r\nTo: jo@example.com\r\n\r\nAt one?\r\n").await;
    holds(
        &text,
        &[
            "To anna@example.org",
            "Auto-Submitted auto-replied",
            "parts text/plain message/delivery-status message/rfc822",
            "Original-Envelope-Id: QQ314159",
            "Original-Recipient: rfc822;jo@old.example",
            "Final-Recipient: rfc822;jo@example.com",
            "Final-Recipient: rfc822;sam@example.com",
            "Action: failed",
            "Status: 5.1.1",
            "Remote-MTA: dns; [127.0.0.1]",
            "Diagnostic-Code: smtp; 550 5.1.1 no such user really not",
            "At one?",
        ],
    );
}

#[tokio::test]
async fn a_report_on_internationalised_mail() {
    let change = |envelope: &mut postern_spool::Envelope| {
        envelope.smtputf8 = true;
        envelope.reverse_path = ReversePath::parse("<änne@example.org>").unwrap().0;
        envelope.recipients = vec![Recipient::new(ForwardPath::parse("<jö@example.com>").unwrap().0)];
    };
    let text = read(change, "Subject: Grüße\r\n\r\nHallo\r\n".as_bytes()).await;
    holds(
        &text,
        &[
            "To änne@example.org",
            "parts text/plain message/global-delivery-status message/global-headers",
            "Final-Recipient: utf-8;jö@example.com",
            "Status: 5.1.1",
        ],
    );
}
