//! The command's options, and how the relay is started because of them.

use std::{
    env,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;

use super::{child::Launch, exchangers::asked_on, folder::private_folder};
use crate::{
    build::log_arguments,
    validate::{SMTP_PORT, Validated},
};

/// The relay's program.
const RELAY: &str = "postern-relay";

/// How to run a relay without a cluster.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Folder of manifests: one `SmtpRelay`, its `AcceptedDomain`s, and the Secrets and ConfigMaps that they name
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Address that listeners bind; ports below 1024 have 10000 added, as in a pod
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// Where the relay answers for health, metrics and status
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9464")]
    pub admin: SocketAddr,
    /// The port on which exchangers are asked, for trying mail out where nobody may listen on 25
    #[arg(long, value_name = "PORT", default_value_t = SMTP_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub exchanger_port: u16,
    /// Folder for keys, for the relay's configuration, its scratch space and its queue [default: DIR/.postern]
    #[arg(long = "data", value_name = "DIR")]
    pub data_folder: Option<PathBuf>,
    /// The relay's program [default: postern-relay beside this program, or in PATH]
    #[arg(long = "relay", value_name = "PATH")]
    pub relay_program: Option<PathBuf>,
}

impl Options {
    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.data_folder.clone().unwrap_or_else(|| self.folder.join(".postern"))
    }

    /// What a relay runs here, where it would run `validated` in a cluster.
    pub(super) fn adapt<'r>(&self, validated: Validated<'r>) -> Validated<'r> {
        let configuration = asked_on(self.exchanger_port, validated.configuration);
        Validated { configuration, ..validated }
    }

    /// How a relay is started, with its files in `data`.
    pub(super) fn launch(&self, validated: &Validated<'_>, data: &Path) -> anyhow::Result<Launch> {
        let scratch = data.join("scratch");
        let queue = validated.keeps_own_queue().then(|| data.join("queue"));
        for folder in [&scratch].into_iter().chain(&queue) {
            private_folder(folder).with_context(|| folder.display().to_string())?;
        }
        Ok(Launch {
            program: self.program(),
            config: data.join("config"),
            scratch,
            bind: self.bind,
            admin: self.admin,
            queue,
            logging: log_arguments(&validated.relay.spec.logging),
        })
    }

    fn program(&self) -> PathBuf {
        let beside = || env::current_exe().ok().map(|program| program.with_file_name(RELAY)).filter(|program| program.is_file());
        self.relay_program.clone().or_else(beside).unwrap_or_else(|| RELAY.into())
    }
}
