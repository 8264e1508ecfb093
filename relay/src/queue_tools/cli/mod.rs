//! The side of people: `postern-relay queue …`.

mod ask;
mod change;
mod export;
mod human;
mod list;
mod output;
mod progress;
mod select;
mod show;
mod statistics;
mod trouble;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand, ValueEnum};

use super::wire::Action;
use ask::Relay;
use output::Output;
use trouble::Trouble;

/// Where to ask for what.
#[derive(Debug, Args)]
pub struct Options {
    /// Socket of the relay: its --queue-socket
    #[arg(long, global = true, value_name = "PATH", default_value = "/var/spool/postern/scratch/queue.sock")]
    socket: PathBuf,
    /// Words and tables for people, or JSON, one object a line
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Text)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists messages, the oldest first
    List(list::Options),
    /// Tells all that is known of a message: every recipient with its last error, and with --headers how the message begins
    Show(show::Options),
    /// Makes messages wait until they are released. What is being delivered at the moment is delivered
    Hold(change::Options),
    /// Ends the waiting of messages that are held
    Release(change::Options),
    /// Makes messages due now, whatever their next try was to be; those that are held stay so
    Retry(change::Options),
    /// Gives messages back: what is pending fails, and senders get a report where one is owed
    Bounce(change::Options),
    /// Takes messages out of the queue. Nobody hears of it
    Delete(change::Options),
    /// Writes messages to a folder, which stay in the queue: the content as ID.eml, the envelope as ID.json
    Export(export::Options),
    /// Tells how much is in the queue
    Stats,
}

/// How a command ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    /// Some of it was not done, as was told.
    NotAll,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// Carries out a command, and tells on standard error what is wrong.
pub async fn run(options: &Options) -> ExitCode {
    let relay = Relay::new(&options.socket);
    let mut output = Output::new(options.output);
    let ended = match &options.command {
        Command::List(options) => list::run(&relay, options, &mut output).await,
        Command::Show(options) => show::run(&relay, options, &mut output).await,
        Command::Hold(options) => change::run(&relay, Action::Hold, options, &mut output).await,
        Command::Release(options) => change::run(&relay, Action::Release, options, &mut output).await,
        Command::Retry(options) => change::run(&relay, Action::Retry, options, &mut output).await,
        Command::Bounce(options) => change::run(&relay, Action::Bounce, options, &mut output).await,
        Command::Delete(options) => change::run(&relay, Action::Delete, options, &mut output).await,
        Command::Export(options) => export::run(&relay, options, &mut output).await,
        Command::Stats => statistics::run(&relay, &mut output).await,
    };
    match ended {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::NotAll) => ExitCode::FAILURE,
        Ok(End::Interrupted) => ExitCode::from(130),
        // Whoever reads has read enough, as `head` does.
        Err(trouble) if trouble.is_closed_pipe() => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("postern-relay: {trouble}");
            trouble.exit_code()
        }
    }
}
