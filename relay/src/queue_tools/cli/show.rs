//! `show`: all that is known of a message.

use std::fmt::{self, Write as _};

use clap::Args;
use jiff::Timestamp;
use postern_spool::{Failure, MessageId, Notify, Origin, Recipient, Relayed, Return, Status};

use super::{
    End, Output, Relay, Trouble,
    human::{Size, Span, clean},
};
use crate::queue_tools::wire::Message;

/// What is shown.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Name of the message, as `list` shows it
    #[arg(value_name = "ID")]
    id: MessageId,
    /// Show the header of the message in place of what the relay knows of it
    #[arg(long)]
    headers: bool,
}

pub(super) async fn run(relay: &Relay, options: &Options, output: &mut Output) -> Result<End, Trouble> {
    if options.headers {
        let header = relay.header(options.id).await?;
        let header = String::from_utf8_lossy(&header);
        let lines = header.lines().map(clean).collect::<Vec<_>>().join("\n");
        output.line(&header, lines.trim_end())?;
    } else {
        let message = relay.message(options.id).await?;
        let text = describe(&message, Timestamp::now()).map_err(std::io::Error::other)?;
        output.line(&message, text.trim_end())?;
    }
    output.flush()?;
    Ok(End::Done)
}

fn describe(message: &Message, now: Timestamp) -> Result<String, fmt::Error> {
    let Message { id, bytes, next_try, held, claimed, envelope, statuses } = message;
    let mut text = String::new();
    writeln!(text, "message    {id}")?;
    writeln!(text, "from       <{}>", clean(&envelope.reverse_path.to_string()))?;
    writeln!(text, "size       {} ({bytes} bytes)", Size(*bytes))?;
    writeln!(text, "arrived    {:.0} ({} ago)", envelope.arrival, Span::between(envelope.arrival, now))?;
    writeln!(text, "expires    {:.0} (in {})", envelope.expires, Span::between(now, envelope.expires))?;
    writeln!(text, "listener   {}", clean(&envelope.listener))?;
    match &envelope.origin {
        Origin::Anyone => writeln!(text, "on behalf  of anyone")?,
        Origin::Identity(name) => writeln!(text, "on behalf  of {}", clean(name))?,
        Origin::Relay => writeln!(text, "on behalf  of the relay itself")?,
    }
    if let Some(id) = &envelope.dsn.envelope_id {
        writeln!(text, "ENVID      {}", clean(id))?;
    }
    if let Some(part) = envelope.dsn.ret {
        writeln!(text, "RET        {}", if part == Return::Full { "FULL" } else { "HDRS" })?;
    }
    match (held, claimed) {
        (_, true) => writeln!(text, "state      being delivered at this moment{}", if *held { ", held then" } else { "" })?,
        (true, false) => writeln!(text, "state      held")?,
        (false, false) => writeln!(text, "state      tried next at {next_try:.0} (in {})", Span::between(now, *next_try))?,
    }
    for (recipient, status) in envelope.recipients.iter().zip(statuses) {
        describe_recipient(&mut text, recipient, status)?;
    }
    Ok(text)
}

fn describe_recipient(text: &mut String, recipient: &Recipient, status: &Status) -> fmt::Result {
    writeln!(text, "to         <{}>", clean(&recipient.path.to_string()))?;
    if let Some(original) = &recipient.original {
        writeln!(text, "           ORCPT {};{}", clean(&original.address_type), clean(&original.address))?;
    }
    if let Some(notify) = recipient.notify {
        writeln!(text, "           NOTIFY {}", events(notify))?;
    }
    match status {
        Status::Pending(retry) => {
            let told = if retry.delay_told { ", the sender knows that it takes long" } else { "" };
            writeln!(text, "           pending, tried {} times, next at {:.0}{told}", retry.attempts, retry.next)?;
        }
        Status::Delivered => writeln!(text, "           delivered")?,
        Status::Relayed(Relayed { by, at }) => {
            writeln!(text, "           taken by {} at {at:.0}, of which the sender is yet to be told", clean(by))?;
        }
        Status::Failed(_) => writeln!(text, "           failed, of which the sender is yet to be told")?,
        Status::Returned(_) => writeln!(text, "           failed, and the sender was told as far as it may be")?,
    }
    status.failure().map_or(Ok(()), |failure| describe_failure(text, failure))
}

fn describe_failure(text: &mut String, failure: &Failure) -> fmt::Result {
    let (class, subject, detail) = failure.enhanced;
    write!(text, "           {} {class}.{subject}.{detail} {}", failure.code, clean(failure.text()))?;
    if let Some(by) = &failure.by {
        write!(text, ", said {}", clean(by))?;
    }
    if let Some(at) = failure.at {
        write!(text, " at {at:.0}")?;
    }
    writeln!(text)
}

fn events(notify: Notify) -> String {
    match notify {
        Notify::Never => "NEVER".to_owned(),
        Notify::On { success, failure, delay } => {
            let events = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
            events.into_iter().filter_map(|(wanted, event)| wanted.then_some(event)).collect::<Vec<_>>().join(",")
        }
    }
}
