//! `export`: writes messages to a folder.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    pin::pin,
};

use clap::Args;
use jiff::Timestamp;
use postern_spool::MessageId;
use serde::Serialize;
use tokio::signal::ctrl_c;

use super::{End, Output, Relay, Trouble, human::Messages, progress::Progress, select::Chosen};
use crate::queue_tools::wire::{Failed, ListRequest, Message, Selection};

/// What is written, and where.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    chosen: Chosen,
    /// Folder to write to, which is made if it is not there; - to write the content of the one message that is named to standard output
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// What was written, for machines.
#[derive(Debug, Default, Serialize)]
struct Summary {
    exported: usize,
    failed: usize,
    interrupted: bool,
}

pub(super) async fn run(relay: &Relay, options: &Options, output: &mut Output) -> Result<End, Trouble> {
    if options.to == Path::new("-") {
        return match options.chosen.named() {
            Some([id]) => to_output(relay, *id, output).await,
            _ => Err(Trouble::NotOne),
        };
    }
    let folder = Folder::make(&options.to)?;
    let mut summary = Summary::default();
    let mut interrupt = pin!(ctrl_c());
    tokio::select! {
        done = export(relay, &options.chosen, &folder, &mut summary, output) => done?,
        _ = &mut interrupt => summary.interrupted = true,
    }
    folder.sync()?;
    output.line(&summary, summary.text(&options.to))?;
    output.flush()?;
    Ok(match summary {
        Summary { interrupted: true, .. } => End::Interrupted,
        Summary { failed: 0, .. } => End::Done,
        Summary { .. } => End::NotAll,
    })
}

async fn to_output(relay: &Relay, id: MessageId, output: &mut Output) -> Result<End, Trouble> {
    let mut content = relay.content(id).await?;
    while let Some(piece) = content.next().await? {
        output.raw(&piece)?;
    }
    output.flush()?;
    Ok(End::Done)
}

async fn export(relay: &Relay, chosen: &Chosen, folder: &Folder, summary: &mut Summary, output: &mut Output) -> Result<(), Trouble> {
    let messages = match chosen.named() {
        Some(ids) => ids.len() as u64,
        None => relay.statistics().await?.messages,
    };
    let mut progress = Progress::begin("exporting", messages);
    let mut pages = chosen.pages(Timestamp::now());
    while let Some(selection) = pages.next() {
        let ids = match selection {
            Selection::These(ids) => ids,
            Selection::Matching { filter, after } => {
                let page = relay.list(&ListRequest { filter, after }).await?;
                pages.go_on(page.next);
                page.messages.iter().map(|message| message.id).collect()
            }
        };
        for id in ids {
            match folder.take(relay, id).await {
                Ok(()) => summary.exported += 1,
                // What was not named may end at any time.
                Err(Trouble::NoSuchMessage(_)) if chosen.named().is_none() => {}
                Err(error @ (Trouble::NoSuchMessage(_) | Trouble::Broken(_))) => {
                    summary.failed += 1;
                    let failed = Failed { id, error: error.to_string() };
                    output.line_beside(&failed, || progress.tell(&format!("{id}: {error}")))?;
                }
                Err(error) => return Err(error),
            }
            progress.advance(1, 1);
        }
    }
    Ok(())
}

impl Summary {
    fn text(&self, folder: &Path) -> String {
        let mut lines = vec![format!("{} exported to {}", Messages(self.exported), folder.display())];
        if self.failed > 0 {
            lines.push(format!("{} failed, as was told", Messages(self.failed)));
        }
        if self.interrupted {
            lines.push("interrupted: the rest was not exported".to_owned());
        }
        lines.join("\n")
    }
}

/// Where messages are written, for their owner's eyes alone.
struct Folder {
    path: PathBuf,
    directory: File,
}

impl Folder {
    fn make(path: &Path) -> Result<Self, Trouble> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Trouble::file(path))?;
        let directory = File::open(path).map_err(Trouble::file(path))?;
        Ok(Self { path: path.to_owned(), directory })
    }

    /// Writes a message. Its files appear when they are whole.
    async fn take(&self, relay: &Relay, id: MessageId) -> Result<(), Trouble> {
        let message = relay.message(id).await?;
        let mut content = relay.content(id).await?;
        let mut file = self.create(&format!("{id}.eml"))?;
        while let Some(piece) = content.next().await? {
            file.write(&piece)?;
        }
        let mut envelope = self.create(&format!("{id}.json"))?;
        envelope.write(&json(&message).map_err(Trouble::file(&envelope.whole))?)?;
        envelope.complete()?;
        file.complete()
    }

    fn create(&self, name: &str) -> Result<Part, Trouble> {
        Part::create(self.path.join(name))
    }

    /// Whoever deletes messages next has them here for good.
    fn sync(&self) -> Result<(), Trouble> {
        rustix::fs::syncfs(&self.directory).map_err(|error| Trouble::file(&self.path)(error.into()))
    }
}

fn json(message: &Message) -> io::Result<Vec<u8>> {
    let mut json = serde_json::to_vec_pretty(message)?;
    json.push(b'\n');
    Ok(json)
}

/// A file that is not whole yet. Dropping it removes it.
struct Part {
    unfinished: PathBuf,
    whole: PathBuf,
    file: File,
}

impl Part {
    fn create(whole: PathBuf) -> Result<Self, Trouble> {
        let mut part = whole.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        // One that was left, or that somebody put there.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Trouble::file(&part)(error)),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(Trouble::file(&part))?;
        Ok(Self { unfinished: part, whole, file })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.file.write_all(bytes).map_err(Trouble::file(&self.unfinished))
    }

    fn complete(self) -> Result<(), Trouble> {
        fs::rename(&self.unfinished, &self.whole).map_err(Trouble::file(&self.whole))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is there under its whole name, or nobody wants it.
        let _ = fs::remove_file(&self.unfinished);
    }
}
