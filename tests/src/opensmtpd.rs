//! A real OpenSMTPD, from a Debian package that is not installed.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{
    mail_server::{DOMAINS, MailServer, mailboxes, make_mail_folder},
    packaged::Packaged,
    pki::Certificate,
    process::{Output, Process},
};

/// An OpenSMTPD that runs.
pub struct OpenSmtpd {
    process: Process,
    folder: PathBuf,
}

impl OpenSmtpd {
    /// Starts a server that requires STARTTLS and shows `certificate`, on `port` of 127.0.0.1. Its mail is in `folder`; its queue is gone with it.
    pub async fn start(folder: &Path, port: u16, certificate: &Certificate, output: Output) -> Result<Self> {
        lay_out(folder, port, certificate)?;
        // The version of Debian 12 itself can't speak TLS with the OpenSSL that it comes with.
        let opensmtpd =
            Packaged { package: &["opensmtpd", "backports"], users: &["opensmtpd", "opensmtpq"], command: &["/usr/sbin/smtpd", "-d"] };
        let mut process = opensmtpd.start(folder, output)?;
        process.listens(port).await?;
        Ok(Self { process, folder: folder.to_owned() })
    }
}

impl MailServer for OpenSmtpd {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn log(&self) -> Vec<String> {
        self.process.log()
    }

    async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}

fn lay_out(folder: &Path, port: u16, certificate: &Certificate) -> Result<()> {
    make_mail_folder(folder)?;
    certificate.write(folder)?;
    // It refuses a key that others may read.
    fs::set_permissions(folder.join("tls.key"), Permissions::from_mode(0o600))?;
    // It wants to know authorities, though it asks nobody for a certificate.
    let authorities = folder.join("etc/ssl/certs");
    fs::create_dir_all(&authorities)?;
    fs::write(authorities.join("ca-certificates.crt"), certificate.pem())?;
    Ok(fs::write(folder.join("etc/smtpd.conf"), configuration(folder, port))?)
}

/// What it says to unknown recipients, and all else that is not set here, is OpenSMTPD's own.
fn configuration(folder: &Path, port: u16) -> String {
    let owners: Vec<_> = mailboxes().map(|mailbox| format!("\"{mailbox}\" = \"nobody\"")).collect();
    let domains = DOMAINS.map(|domain| format!("\"{domain}\""));
    format!(
        "pki exchanger cert \"{folder}/tls.crt\"
pki exchanger key \"{folder}/tls.key\"
table owners {{ {owners} }}
listen on 127.0.0.1 port {port} hostname mx.example.org tls-require pki exchanger
action \"store\" maildir \"{folder}/mail/%{{rcpt}}\" virtual <owners>
match from any for domain {{ {domains} }} action \"store\"
",
        folder = folder.display(),
        owners = owners.join(", "),
        domains = domains.join(", "),
    )
}
