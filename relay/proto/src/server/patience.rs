//! How much a client may try before the session ends: no bound of its own stands in RFC 5321, and without one a stranger holds a connection
//! for ever, or asks a mail server for every name there is.

/// Bad commands that are answered one by one; the next one ends the session.
const BAD_COMMANDS: u8 = 20;
/// Commands in a row that lead to no accepted recipient and no content.
const IDLE_COMMANDS: u8 = 200;
/// Recipients that are refused for good in a whole session.
const REFUSED_RECIPIENTS: u8 = 100;
/// Exchanges of AUTH. One that succeeds is the last, so that so many may fail.
const AUTHENTICATIONS: u8 = 3;

/// Counts what a client tries.
#[derive(Debug, Default)]
pub(super) struct Patience {
    bad_commands: u8,
    idle_commands: u8,
    refused_recipients: u8,
    authentications: u8,
}

/// What a client tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Try {
    /// A command that is malformed, unknown or out of order.
    BadCommand,
    /// Any command.
    Command,
    /// A recipient that was refused for good.
    RefusedRecipient,
    /// An exchange of AUTH.
    Authentication,
}

impl Patience {
    /// Counts one more; false when it was one too many.
    pub(super) fn allows(&mut self, what: Try) -> bool {
        let (count, most) = match what {
            Try::BadCommand => (&mut self.bad_commands, BAD_COMMANDS),
            Try::Command => (&mut self.idle_commands, IDLE_COMMANDS),
            Try::RefusedRecipient => (&mut self.refused_recipients, REFUSED_RECIPIENTS),
            Try::Authentication => (&mut self.authentications, AUTHENTICATIONS),
        };
        let allows = *count < most;
        *count = count.saturating_add(1);
        allows
    }

    /// A recipient was accepted, or content came: the commands led somewhere.
    pub(super) fn led_on(&mut self) {
        self.idle_commands = 0;
    }

    /// A recipient was refused for now, beside so many that were accepted. A client with a long list can't know how much of it fits one
    /// transaction; to end the session for that would end it again at each attempt, and deliver nothing.
    pub(super) fn recipient_is_to_come_again(&mut self, accepted: u32) {
        if accepted > 0 {
            self.led_on();
        }
    }

    /// A message was taken: its client is no fool.
    pub(super) fn message_taken(&mut self) {
        self.bad_commands = 0;
    }
}
