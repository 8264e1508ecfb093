//! `hold`, `release`, `retry`, `bounce` and `delete`: something is done to messages, page by page.

use std::{
    io::{self, IsTerminal as _, Write as _},
    pin::pin,
};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use tokio::signal::ctrl_c;

use super::{End, Output, Relay, Trouble, human::Messages, progress::Progress, select::Chosen};
use crate::queue_tools::wire::{Action, Change, Changed};

/// To what it is done.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    chosen: Chosen,
    /// Do nothing, and tell how many messages it would be done to
    #[arg(long)]
    dry_run: bool,
    /// Do it without a question; none is asked either where there is no terminal
    #[arg(long, short)]
    yes: bool,
}

/// What was done, for machines.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    action: Action,
    dry_run: bool,
    /// Messages that were looked at.
    examined: usize,
    /// To which it was done; in a dry run, would be.
    done: usize,
    /// Of these, how many were being delivered at that moment.
    claimed: usize,
    failed: usize,
    interrupted: bool,
    /// Why it ended before its time.
    stopped: Option<String>,
}

pub(super) async fn run(relay: &Relay, action: Action, options: &Options, output: &mut Output) -> Result<End, Trouble> {
    let now = Timestamp::now();
    if options.is_to_be_asked(action) {
        let meant = match options.chosen.named() {
            Some(ids) => ids.len(),
            None => match options.carry_out(relay, Action::Count, now, output).await? {
                counted if counted.end() == End::Done => counted.done,
                counted => return Ok(counted.end()),
            },
        };
        if !confirmed(action, meant)? {
            return Ok(End::NotAll);
        }
    }
    let done = if options.dry_run { Action::Count } else { action };
    let summary = Summary { action, dry_run: options.dry_run, ..options.carry_out(relay, done, now, output).await? };
    output.line(&summary, summary.text())?;
    output.flush()?;
    Ok(summary.end())
}

impl Options {
    /// Names alone say what is meant; but what can't be taken back is asked for again.
    fn is_to_be_asked(&self, action: Action) -> bool {
        let is_grave = matches!(action, Action::Bounce | Action::Delete) || self.chosen.named().is_none();
        is_grave && !self.yes && !self.dry_run && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    async fn carry_out(&self, relay: &Relay, action: Action, now: Timestamp, output: &mut Output) -> Result<Summary, Trouble> {
        let mut summary = Summary::of(action);
        let mut pages = self.chosen.pages(now);
        let messages = match self.chosen.named() {
            Some(ids) => ids.len() as u64,
            None => relay.statistics().await?.messages,
        };
        let mut progress = Progress::begin(doing(action), messages);
        let mut interrupt = pin!(ctrl_c());
        while let Some(selection) = pages.next() {
            let asked = Change { action, selection };
            let changed = tokio::select! {
                changed = relay.change(&asked) => changed?,
                _ = &mut interrupt => {
                    summary.interrupted = true;
                    break;
                }
            };
            for failed in &changed.failed {
                output.line_beside(failed, || progress.tell(&format!("{}: {}", failed.id, failed.error)))?;
            }
            progress.advance(changed.examined, changed.done);
            pages.go_on(changed.next);
            summary.add(changed);
            if summary.stopped.is_some() {
                break;
            }
        }
        Ok(summary)
    }
}

impl Summary {
    fn of(action: Action) -> Self {
        Self { action, dry_run: false, examined: 0, done: 0, claimed: 0, failed: 0, interrupted: false, stopped: None }
    }

    fn add(&mut self, changed: Changed) {
        self.examined += changed.examined;
        self.done += changed.done;
        self.claimed += changed.claimed;
        self.failed += changed.failed.len();
        self.stopped = changed.stopped;
    }

    fn end(&self) -> End {
        match self {
            Self { interrupted: true, .. } => End::Interrupted,
            Self { failed: 0, stopped: None, .. } => End::Done,
            _ => End::NotAll,
        }
    }

    fn text(&self) -> String {
        let would = if self.dry_run { "would be " } else { "" };
        let mut lines = vec![format!("{} {would}{}", Messages(self.done), done(self.action))];
        if let Some(note) = note(self.action).filter(|_| self.claimed > 0) {
            let are = if self.claimed == 1 { "is" } else { "are" };
            lines.push(format!("{} {are} being delivered at that moment: {note}", self.claimed));
        }
        if self.failed > 0 {
            lines.push(format!("{} failed, as was told", Messages(self.failed)));
        }
        if let Some(stopped) = &self.stopped {
            lines.push(format!("ended before its time: {stopped}"));
        }
        if self.interrupted {
            lines.push("interrupted: to some further messages it may be done all the same".to_owned());
        }
        lines.join("\n")
    }
}

/// Asks on the terminal.
fn confirmed(action: Action, meant: usize) -> io::Result<bool> {
    eprint!("{} will be {}. Go on? [y/N] ", Messages(meant), done(action));
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn doing(action: Action) -> &'static str {
    match action {
        Action::Count => "counting",
        Action::Hold => "holding",
        Action::Release => "releasing",
        Action::Retry => "retrying",
        Action::Bounce => "bouncing",
        Action::Delete => "deleting",
    }
}

fn done(action: Action) -> &'static str {
    match action {
        Action::Count => "counted",
        Action::Hold => "held",
        Action::Release => "released",
        Action::Retry => "due now",
        Action::Bounce => "bounced",
        Action::Delete => "deleted",
    }
}

/// What it means for a message that is being delivered.
fn note(action: Action) -> Option<&'static str> {
    match action {
        Action::Count | Action::Release | Action::Bounce => None,
        Action::Hold => Some("that goes on, and what is left then is held"),
        Action::Retry => Some("that decides when the rest is tried next"),
        Action::Delete => Some("that goes on, so recipients may get it all the same"),
    }
}
