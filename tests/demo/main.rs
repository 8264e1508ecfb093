//! The demo: a mail server with the gate in front of it, a relay for mail out with the world behind it, and five mails that show what passes.

mod letter;
mod stage;

use std::{io, process::ExitCode};

use anyhow::{Result, bail};
use clap::Parser;
use postern_tests::process::Output;
use tokio::signal::unix::{SignalKind, signal};

use letter::{Letter, Verdict};
use stage::Stage;

/// Shows the gate at work.
#[derive(Parser)]
struct Arguments {
    /// Send nothing; leave everything running until Ctrl-C.
    #[arg(long)]
    stay: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let Arguments { stay } = Arguments::parse();
    let stage = unless_interrupted(Stage::open(if stay { Output::Printed } else { Output::Kept })).await?;
    stage.describe();
    let good = if stay {
        explain(&stage);
        interruption().await?;
        Ok(true)
    } else {
        unless_interrupted(show(&stage)).await
    };
    stage.close().await?;
    Ok(if good? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits for Ctrl-C or SIGTERM.
async fn interruption() -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// What `work` gives. When it is interrupted, it is dropped, with all that it started.
async fn unless_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        interrupted = interruption() => {
            interrupted?;
            bail!("interrupted")
        }
    }
}

/// Sends every letter, and tells whether each met what was expected.
async fn show(stage: &Stage) -> Result<bool> {
    let mut good = true;
    for (number, letter) in Letter::ALL.iter().enumerate() {
        println!("\n{}. {}\n", number + 1, letter.title);
        good &= match letter.send(stage).await? {
            Verdict::AsExpected(what) => {
                println!("\n   ✓ {what}");
                true
            }
            Verdict::Otherwise(what) => {
                println!("\n   ✗ {what}");
                stage.show_logs();
                false
            }
        };
    }
    println!("\n{}", if good { "All as they should be." } else { "Something is not as it should be." });
    Ok(good)
}

/// Says how to use what runs.
fn explain(stage: &Stage) {
    println!("\nTry it:\n");
    for letter in &Letter::ALL {
        println!("  # {}\n  {}\n", letter.title, letter.command(stage));
    }
    println!("Edit the manifests, and see below how the gate follows. Ctrl-C stops everything.\n");
}
