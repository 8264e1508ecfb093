//! `list`: a line for each message.

use clap::Args;
use jiff::Timestamp;

use super::{
    End, Output, Relay, Trouble,
    human::{Size, Span, cut},
    select::Meant,
};
use crate::queue_tools::wire::{ListPage, ListRequest, Summary};

/// Width of the columns that hold addresses.
const ADDRESS: usize = 28;

/// What is listed.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    meant: Meant,
    /// At most so many
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

pub(super) async fn run(relay: &Relay, options: &Options, output: &mut Output) -> Result<End, Trouble> {
    let now = Timestamp::now();
    let mut request = ListRequest { filter: options.meant.filter(now), after: None };
    let mut left = options.limit.unwrap_or(usize::MAX);
    loop {
        let ListPage { messages, next } = relay.list(&request).await?;
        if request.after.is_none() {
            output.text(head())?;
        }
        for message in messages.iter().take(left) {
            output.line(message, row(message, now))?;
        }
        output.flush()?;
        left = left.saturating_sub(messages.len());
        if next.is_none() || left == 0 {
            return Ok(End::Done);
        }
        request.after = next;
    }
}

fn head() -> String {
    columns(["ID", "AGE", "SIZE", "FROM", "TO", "TRIES", "NEXT", "LAST ERROR"])
}

fn row(message: &Summary, now: Timestamp) -> String {
    let Summary { id, arrived, bytes, from, pending, attempts, next_try, last_error, held, claimed, .. } = message;
    let to = match &pending[..] {
        [] => String::new(),
        [only] => cut(only, ADDRESS).into_owned(),
        [first, others @ ..] => {
            let others = format!(" +{}", others.len());
            cut(first, ADDRESS - others.len()).into_owned() + &others
        }
    };
    let next = match (held, claimed) {
        (_, true) => "now".to_owned(),
        (true, false) => "held".to_owned(),
        (false, false) => Span::between(now, *next_try).to_string(),
    };
    columns([
        &id.to_string(),
        &Span::between(*arrived, now).to_string(),
        &Size(*bytes).to_string(),
        &cut(if from.is_empty() { "<>" } else { from }, ADDRESS),
        &to,
        &attempts.to_string(),
        &next,
        &cut(last_error.as_deref().unwrap_or_default(), usize::MAX),
    ])
}

fn columns([id, age, size, from, to, tries, next, error]: [&str; 8]) -> String {
    let line = format!("{id:36}  {age:>4}  {size:>5}  {from:ADDRESS$}  {to:ADDRESS$}  {tries:>5}  {next:>4}  {error}");
    line.trim_end().to_owned()
}
