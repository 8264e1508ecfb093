//! A real Exim, from a Debian package that is not installed.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{
    mail_server::{DOMAINS, MAIL_OWNER, MailServer, USERS, make_mail_folder},
    packaged::Packaged,
    pki::Certificate,
    process::{Output, Process},
};

/// An Exim that runs.
pub struct Exim {
    process: Process,
    folder: PathBuf,
}

impl Exim {
    /// Starts a server that requires STARTTLS and shows `certificate`, on `port` of 127.0.0.1. Everything that it writes is in `folder`.
    pub async fn start(folder: &Path, port: u16, certificate: &Certificate, output: Output) -> Result<Self> {
        Self::launch(folder, port, certificate, "", output).await
    }

    /// Starts the same server as one that knows nobody: it puts off who comes for the first time, until he comes again after five minutes.
    pub async fn start_greylisting(folder: &Path, port: u16, certificate: &Certificate, output: Output) -> Result<Self> {
        let stranger = format!(
            "  defer message = 4.7.1 Greylisted, come back later
    !seen = -${{readfile{{{}}}}} / key=${{sender_host_address}}_${{sender_address}}_$local_part@$domain
",
            patience_file(folder).display()
        );
        fs::create_dir_all(folder)?;
        fs::write(patience_file(folder), "5m")?;
        Self::launch(folder, port, certificate, &stranger, output).await
    }

    /// Lets in at once whom it has put off already.
    pub fn welcome(&self) -> Result<()> {
        Ok(fs::write(patience_file(&self.folder), "0s")?)
    }

    async fn launch(folder: &Path, port: u16, certificate: &Certificate, stranger: &str, output: Output) -> Result<Self> {
        lay_out(folder, certificate, &configuration(folder, port, stranger))?;
        let exim = Packaged { package: &["exim4-daemon-light"], users: &["Debian-exim"], command: &["/usr/sbin/exim4", "-bdf"] };
        let mut process = exim.start(folder, output)?;
        process.listens(port).await?;
        Ok(Self { process, folder: folder.to_owned() })
    }
}

impl MailServer for Exim {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn log(&self) -> Vec<String> {
        // It writes one when it has something to say.
        let log = fs::read_to_string(log_file(&self.folder)).unwrap_or_default();
        self.process.log().into_iter().chain(log.lines().map(str::to_owned)).collect()
    }

    async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}

fn lay_out(folder: &Path, certificate: &Certificate, configuration: &str) -> Result<()> {
    make_mail_folder(folder)?;
    certificate.write(folder)?;
    for name in ["queue", "log"] {
        let path = folder.join(name);
        fs::create_dir_all(&path)?;
        // Its own user has no number before it runs.
        fs::set_permissions(&path, Permissions::from_mode(0o777))?;
    }
    // With its configuration anywhere else it gives up the right to write others' mail.
    let place = folder.join("etc/exim4");
    fs::create_dir_all(&place)?;
    Ok(fs::write(place.join("exim4.conf"), configuration)?)
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("log/main")
}

/// How long it puts off whom it does not know.
fn patience_file(folder: &Path) -> PathBuf {
    folder.join("patience")
}

/// `stranger` is what it asks of a recipient's sender beside. What it says to unknown recipients, and all else that is not set here, is Exim's own.
fn configuration(folder: &Path, port: u16, stranger: &str) -> String {
    format!(
        "primary_hostname = mx.example.org
domainlist ours = {domains}
spool_directory = {folder}/queue
log_file_path = {folder}/log/%s
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
rfc1413_query_timeout = 0s
keep_environment =
tls_advertise_hosts = *
tls_certificate = {folder}/tls.crt
tls_privatekey = {folder}/tls.key
acl_smtp_mail = sender
acl_smtp_rcpt = recipient

begin acl
sender:
  accept encrypted = *
  deny message = 530 5.7.0 Must issue a STARTTLS command first
recipient:
  require domains = +ours
  require verify = recipient
{stranger}  accept

begin routers
mailbox:
  driver = accept
  domains = +ours
  local_parts = {users}
  transport = maildir

begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/$local_part_data@$domain_data
  user = {MAIL_OWNER}
  group = {MAIL_OWNER}
",
        domains = DOMAINS.join(" : "),
        users = USERS.join(" : "),
        folder = folder.display(),
    )
}
