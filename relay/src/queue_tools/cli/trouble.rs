//! Why a command can't be carried out, with the mend.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// Why a command can't be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(
        "no relay answers at {}. Run this where the relay runs (kubectl exec POD -- postern-relay queue …), while it runs; \
         if it runs with --queue-socket or --scratch, name its socket with --socket",
        .0.display()
    )]
    NotRunning(PathBuf),
    #[error("{} is for the user alone that the relay runs as. Run this as that user, in the relay's own pod (kubectl exec)", .0.display())]
    NotAllowed(PathBuf),
    #[error("{}: {source}", socket.display())]
    Socket { socket: PathBuf, source: io::Error },
    /// The relay says so.
    #[error("{0}")]
    Refused(String),
    /// The relay says so of the message.
    #[error("{0}")]
    NoSuchMessage(String),
    #[error("the relay has not answered for {} s: it, or the disk of its queue, is too busy. Try again later", .0.as_secs())]
    TooSlow(Duration),
    #[error("the connection to the relay broke off; if the relay still runs, try again: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the relay answers with what this program does not understand, so they are of different versions: {0}")]
    Version(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("--to - writes one message: name it, or a folder")]
    NotOne,
    #[error("can't write the output: {0}")]
    Output(#[from] io::Error),
}

impl Trouble {
    /// What it means that `socket` can't be connected to.
    pub(super) fn connecting(socket: &Path, source: io::Error) -> Self {
        let socket = socket.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Self::NotRunning(socket),
            io::ErrorKind::PermissionDenied => Self::NotAllowed(socket),
            _ => Self::Socket { socket, source },
        }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }

    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// 1 when it is about messages or files, 2 when it is about the command line, 3 when the relay could not be asked.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoSuchMessage(_) | Self::File { .. } | Self::Output(_) => ExitCode::from(1),
            Self::NotOne => ExitCode::from(2),
            _ => ExitCode::from(3),
        }
    }
}
