//! The operator's commands.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use postern_operator::{
    build::{RelayOptions, Settings},
    dereference::CLUSTER_DOMAIN,
    render::render,
    run, standalone,
};

/// What `render` says when it printed what it could, and that is not all.
const MANIFESTS_WRONG: u8 = 3;

/// Turns `SmtpRelay` and `AcceptedDomain` into relays.
///
/// Exit codes: 0 when all was well; 1 when the command could not be carried out; 2 when the command line is wrong; 3 when `render` printed what
/// it could, but a manifest is wrong or can't be served as it stands.
#[derive(Debug, Parser)]
#[command(name = "postern-operator", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the `CustomResourceDefinition`s
    Crds,
    /// Print the objects that relays consist of, without what is in Secrets
    Render(Render),
    /// Run a relay without a cluster, on a folder of manifests, and follow every edit
    Standalone(standalone::Options),
    /// Run relays in a cluster: follow its resources and bring it to what they say
    Run(run::Options),
}

#[derive(Debug, Args)]
struct Render {
    /// Manifests, or folders of manifests
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The operator's own namespace
    #[arg(long, default_value = "postern-system")]
    namespace: String,
    /// The domain of the cluster's Services
    #[arg(long, value_name = "DOMAIN", default_value = CLUSTER_DOMAIN)]
    cluster_domain: String,
    #[command(flatten)]
    relays: RelayOptions,
}

fn main() -> ExitCode {
    match carry_out(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("postern-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Crds => {
            print(&postern_crds::yaml().context("the CRDs can't be written")?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Render(options) => print_rendered(options),
        Command::Standalone(options) => standalone::run(options),
        Command::Run(options) => run::run(&options),
    }
}

/// The objects go to standard output, all else to standard error, so that the output can be piped on.
fn print_rendered(Render { paths, namespace, cluster_domain, relays }: Render) -> anyhow::Result<ExitCode> {
    let rendered = render(paths, &Settings { namespace, cluster_domain, relays }, Timestamp::now())?;
    for note in &rendered.notes {
        eprintln!("note: {note}");
    }
    for problem in &rendered.problems {
        eprintln!("error: {problem}");
    }
    for finding in &rendered.findings {
        eprintln!("error: {finding}");
    }
    print(&rendered.yaml)?;
    let is_whole = rendered.problems.is_empty() && rendered.findings.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(MANIFESTS_WRONG) })
}

/// A reader that has seen enough, such as `head`, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        super::Cli::command().debug_assert();
    }
}
