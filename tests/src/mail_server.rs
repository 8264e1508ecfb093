//! Real mail servers: what those of all makers have in common.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::poll;

/// The domains that each server takes mail for.
pub const DOMAINS: [&str; 2] = ["example.com", "example.org"];
/// The mailboxes of each domain; mail for anyone else is refused.
pub const USERS: [&str; 3] = ["alice", "bob", "postmaster"];

/// Debian's `nobody` and `nogroup`, who own the mail: no server writes mail as its own user.
pub(crate) const MAIL_OWNER: u32 = 65_534;

/// The folder, in that of a server, which has a Maildir for each mailbox.
const MAIL: &str = "mail";

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The file that holds it.
    pub path: PathBuf,
    /// Header and body as the server stored them, lines ended by LF.
    pub text: String,
}

/// A server that runs, has TLS for whoever sends to it, and keeps the mail for the [`USERS`] of the [`DOMAINS`] in Maildirs. Dropping it ends it.
#[allow(async_fn_in_trait, reason = "tests wait for servers where they are, and never in another thread")]
pub trait MailServer: Sized {
    /// The folder that holds everything that the server writes.
    fn folder(&self) -> &Path;

    /// Everything that the server logged.
    fn log(&self) -> Vec<String>;

    /// Ends the server and waits for its end.
    async fn stop(self) -> Result<()>;

    /// The folder in which the mail of `mailbox` (`user@example.com`) arrives, one file per message.
    fn mailbox(&self, mailbox: &str) -> PathBuf {
        self.folder().join(MAIL).join(mailbox).join("new")
    }

    /// The messages of `mailbox`, oldest first.
    fn messages(&self, mailbox: &str) -> Result<Vec<Mail>> {
        let folder = self.mailbox(mailbox);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        paths.sort();
        paths.into_iter().map(|path| Ok(Mail { text: fs::read_to_string(&path)?, path })).collect()
    }

    /// The first message of `mailbox` that holds `text`, awaited.
    async fn arrival(&self, mailbox: &str, text: &str) -> Result<Mail> {
        let what = format!("a message with {text:?} for {mailbox}");
        let found = poll::until(&what, async || {
            let messages = self.messages(mailbox);
            messages.map(|messages| messages.into_iter().find(|mail| mail.text.contains(text))).transpose()
        });
        found.await?
    }
}

/// Every mailbox, `user@example.com`.
pub(crate) fn mailboxes() -> impl Iterator<Item = String> {
    DOMAINS.iter().flat_map(|domain| USERS.iter().map(move |user| format!("{user}@{domain}")))
}

/// Makes the folder of the Maildirs in the folder of a server.
pub(crate) fn make_mail_folder(folder: &Path) -> Result<PathBuf> {
    let mail = folder.join(MAIL);
    fs::create_dir_all(&mail)?;
    // Whoever writes the mail must be able to reach it.
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    chown(&mail, Some(MAIL_OWNER), Some(MAIL_OWNER))?;
    Ok(mail)
}
