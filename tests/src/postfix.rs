//! A real Postfix as the internal server, in a folder of its own: the machine's own mail system is neither used nor touched.

use std::{
    fmt::Write as _,
    fs::{self, Permissions},
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::{
    mail_server::{self, DOMAINS, MAIL_OWNER, MailServer, mailboxes},
    pki::Certificate,
    process::{Output, Process},
};

/// The name of the server.
const HOSTNAME: &str = "internal.example.com";

/// A Postfix that runs. Dropping it ends it.
pub struct Postfix {
    process: Process,
    folder: PathBuf,
}

impl Postfix {
    /// Starts a server that requires STARTTLS and shows `certificate`, on `port` of 127.0.0.1. Everything that it writes is in `folder`.
    pub async fn start(folder: &Path, port: u16, certificate: &Certificate, output: Output) -> Result<Self> {
        Self::start_at(folder, (Ipv4Addr::LOCALHOST, port).into(), certificate, output).await
    }

    /// The same at an address of the network that the calling thread is in.
    pub async fn start_at(folder: &Path, address: SocketAddr, certificate: &Certificate, output: Output) -> Result<Self> {
        lay_out(folder, certificate, address)?;
        Self::launch(folder, address, output).await
    }

    /// Starts the same server as a smart host: it takes mail from nobody but `user` with `password`, shown in TLS by PLAIN or LOGIN.
    pub async fn start_smart_host(
        folder: &Path,
        port: u16,
        certificate: &Certificate,
        (user, password): (&str, &str),
        output: Output,
    ) -> Result<Self> {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        lay_out(folder, certificate, address)?;
        admit(folder, user, password)?;
        Self::launch(folder, address, output).await
    }

    async fn launch(folder: &Path, address: SocketAddr, output: Output) -> Result<Self> {
        let mut process = Process::spawn(Command::new("/usr/sbin/postfix").arg("-c").arg(folder.join("etc")).arg("start-fg"), output)?;
        process.listens_at(address).await?;
        Ok(Self { process, folder: folder.to_owned() })
    }

    /// The master process leads a process group of its own and ends it with itself.
    fn terminate(&self) -> Result<()> {
        let id = fs::read_to_string(self.folder.join("queue/pid/master.pid"))?;
        let master = Pid::from_raw(id.trim().parse()?).context("an empty master.pid")?;
        Ok(kill_process(master, Signal::TERM)?)
    }
}

impl MailServer for Postfix {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn log(&self) -> Vec<String> {
        self.process.log()
    }

    async fn stop(mut self) -> Result<()> {
        self.terminate()?;
        self.process.ended().await?;
        Ok(())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.terminate();
    }
}

/// Makes the folders and writes the configuration.
fn lay_out(folder: &Path, certificate: &Certificate, address: SocketAddr) -> Result<()> {
    ensure!(geteuid().is_root(), "Postfix changes users, so only root can start it: run this through tests/contained");
    let owners = Owners::of_postfix()?;
    for name in ["", "etc", "queue", "queue/pid"] {
        // Postfix's own users must be able to reach what is inside.
        make(&folder.join(name), 0o755, None, None)?;
    }
    mail_server::make_mail_folder(folder)?;
    make(&folder.join("data"), 0o755, Some(owners.user), None)?;
    make(&folder.join("queue/public"), 0o710, Some(owners.user), Some(owners.group))?;
    for name in ["active", "bounce", "corrupt", "defer", "deferred", "hold", "incoming", "private", "saved", "trace"] {
        make(&folder.join("queue").join(name), 0o700, Some(owners.user), None)?;
    }
    // The queue is as it must be: this spares Postfix a check of the whole installation, which takes seconds.
    fs::write(folder.join("queue/quick-start"), "")?;
    certificate.write(&folder.join("etc"))?;
    fs::write(folder.join("etc/main.cf"), main_cf(folder))?;
    fs::write(folder.join("etc/master.cf"), master_cf(address))?;
    Ok(())
}

/// Has the server that is laid out take mail from one user alone, whom Cyrus SASL knows.
fn admit(folder: &Path, user: &str, password: &str) -> Result<()> {
    let (sasl, users) = (folder.join("etc/sasl"), folder.join("etc/sasldb2"));
    fs::create_dir(&sasl)?;
    let mechanisms = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n";
    fs::write(sasl.join("smtpd.conf"), format!("{mechanisms}sasldb_path: {}\n", users.display()))?;
    let mut add = Command::new("/usr/sbin/saslpasswd2");
    let mut add = add.args(["-c", "-p", "-u", HOSTNAME, "-f"]).arg(&users).arg(user).stdin(Stdio::piped()).spawn()?;
    add.stdin.take().context("no standard input")?.write_all(password.as_bytes())?;
    ensure!(add.wait()?.success(), "saslpasswd2 failed");
    fs::set_permissions(&users, Permissions::from_mode(0o644))?;
    let main = folder.join("etc/main.cf");
    let restricted = fs::read_to_string(&main)?.replace("= reject_unauth_destination", "= permit_sasl_authenticated, reject");
    let sasl = format!(
        "smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {HOSTNAME}
cyrus_sasl_config_path = {}
smtpd_tls_auth_only = yes
",
        sasl.display()
    );
    Ok(fs::write(main, restricted + &sasl)?)
}

fn make(path: &Path, mode: u32, user: Option<u32>, group: Option<u32>) -> Result<()> {
    fs::create_dir_all(path)?;
    chown(path, user, group)?;
    Ok(fs::set_permissions(path, Permissions::from_mode(mode))?)
}

/// Who owns Postfix's queue on this machine.
struct Owners {
    user: u32,
    group: u32,
}

impl Owners {
    fn of_postfix() -> Result<Self> {
        Ok(Self { user: number("/etc/passwd", "postfix")?, group: number("/etc/group", "postdrop")? })
    }
}

/// The number of a user or group.
fn number(file: &str, name: &str) -> Result<u32> {
    let lines = fs::read_to_string(file)?;
    let mut fields = lines.lines().map(|line| line.split(':')).filter_map(|mut fields| (fields.next()? == name).then_some(fields));
    let id = fields.next().and_then(|mut fields| fields.nth(1)).with_context(|| format!("no {name} in {file}: run tests/setup"))?;
    Ok(id.parse()?)
}

fn main_cf(folder: &Path) -> String {
    let mailboxes = mailboxes().fold(String::new(), |mut list, mailbox| {
        let _ = write!(list, " {{ {mailbox} = {mailbox}/ }}");
        list
    });
    format!(
        "compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = /proc/self/fd/1
maillog_file_prefixes = /proc
myhostname = {HOSTNAME}
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
disable_dns_lookups = yes
local_transport = error:no local mail
local_recipient_maps =
alias_maps =
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{{mailboxes} }}
virtual_uid_maps = static:{MAIL_OWNER}
virtual_gid_maps = static:{MAIL_OWNER}
virtual_mailbox_limit = 0
message_size_limit = 104857600
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {folder}/etc/tls.key, {folder}/etc/tls.crt
smtpd_tls_received_header = yes
smtpd_client_connection_count_limit = 0
",
        folder = folder.display(),
        domains = DOMAINS.join(" "),
    )
}

fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
"
    )
}
