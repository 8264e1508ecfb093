//! The demo: a mail server, the gate in front of it, and three mails that show what the gate lets through.

mod letter;
mod stage;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

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
    let arguments = Arguments::parse();
    let stage = Stage::open().await?;
    stage.describe();
    let good = if arguments.stay { stay().await.map(|()| true) } else { show(&stage).await };
    stage.close().await?;
    Ok(if good? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
    println!("\n{}", if good { "All three as they should be." } else { "Something is not as it should be." });
    Ok(good)
}

/// Says how to use what runs, and waits for Ctrl-C.
async fn stay() -> Result<()> {
    println!("\nTry it:\n");
    for letter in &Letter::ALL {
        println!("  # {}\n  {}\n", letter.title, letter.command());
    }
    println!("Edit the manifests, and see the gate follow. Ctrl-C stops everything.");
    tokio::signal::ctrl_c().await?;
    println!();
    Ok(())
}
