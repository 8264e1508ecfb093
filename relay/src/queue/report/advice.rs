//! Why a delivery failed and what can be done, in words for people who know nothing of mail servers.

use postern_spool::Failure;

/// What the sender is told.
pub(super) struct Advice {
    /// Why it failed.
    pub(super) why: &'static str,
    /// What the sender can do.
    pub(super) what_to_do: &'static str,
}

/// By the subject and detail of the enhanced code (RFC 3463 section 3).
pub(super) fn advice(failure: &Failure) -> Advice {
    let (_, subject, detail) = failure.enhanced;
    let (why, what_to_do) = match (subject, detail) {
        (1, 2) | (4, 4) => (
            "The part of the address behind the @ leads to no place that mail from here can go to.",
            "Look for a mistake in that part of the address.",
        ),
        // Exchange says so of addresses, RFC 7505 of domains.
        (1, 10) if failure.by.is_none() => (
            "The part of the address behind the @ says of itself that it takes no mail.",
            "Look for a mistake in that part of the address.",
        ),
        (1, _) => (
            "There is no such address there, as the server says.",
            "Look for a mistake in the address. If there is none, ask the recipient another way whether it has changed.",
        ),
        (2, 2) => ("The recipient's mailbox is full.", "Try again in some days, or tell the recipient another way."),
        (2, _) => ("The recipient's mailbox takes no mail now.", "Tell the recipient another way."),
        (3, 4) => ("The message is too large for the recipient's server.", "Send it without attachments, or with smaller ones."),
        (3, 0) if failure.by.is_none() => ("The message was damaged while it lay here, and is lost.", "Please send it again."),
        (4, 7) => (
            "The recipient's server could not be reached, or would not take the message, for as long as it was tried.",
            "Try again later, or tell the recipient another way.",
        ),
        (6, _) => (
            "The recipient's server can't handle what is in the message, such as letters of an address or of the text.",
            "Write it in plain text, and use an address in plain letters.",
        ),
        (7, 10) => (
            "The recipient's server offers no encryption, and mail from here is sent with encryption only.",
            "Show this to whoever runs your mail: an exception can be made for this recipient.",
        ),
        (7, _) => {
            ("The message was refused by a rule.", "What was said may tell why. If it does not help, show this to whoever runs your mail.")
        }
        _ => ("The message was refused.", "What was said may tell why. If it does not help, show this to whoever runs your mail."),
    };
    Advice { why, what_to_do }
}
