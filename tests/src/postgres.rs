//! A real PostgreSQL server, in a folder of its own: the machine's own databases are neither used nor touched.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    net::{IpAddr, Ipv4Addr},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{
    pki::Certificate,
    poll, port,
    process::{Output, Process},
};

/// The role that owns everything. It needs no password.
pub const ROLE: &str = "postern";

/// Debian's `nobody` and `nogroup`: the server refuses to run as root.
const NOBODY: u32 = 65_534;

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A server, running or not. Dropping it ends it.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    addresses: Vec<IpAddr>,
    port: u16,
    settings: Vec<String>,
    process: Option<Process>,
}

impl Postgres {
    /// Starts a new server on loopback that has nothing in it but the database `postgres`. It takes anybody's word for who he is.
    pub async fn start() -> Result<Self> {
        let mut server = Self::new()?;
        server.run().await?;
        Ok(server)
    }

    /// A new server that does not run yet.
    pub fn new() -> Result<Self> {
        let server = Self::without_data()?;
        let mut initdb = server.program("initdb");
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", ROLE, "--pgdata"]).arg(server.data());
        succeed(&mut initdb)?;
        Ok(server)
    }

    fn without_data() -> Result<Self> {
        let server = Self {
            folder: tempfile::tempdir()?,
            programs: programs()?,
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
            port: port::free()?,
            settings: Vec::new(),
            process: None,
        };
        give_away(server.folder.path())?;
        Ok(server)
    }

    /// Starts a standby of this server, which runs. From now on nothing is committed here that is not synced there too.
    pub async fn standby(&self) -> Result<Self> {
        let mut standby = Self::without_data()?;
        let mut copy = standby.program("pg_basebackup");
        copy.args([
            "--host",
            "127.0.0.1",
            "--port",
            &self.port.to_string(),
            "--username",
            ROLE,
            "--checkpoint=fast",
            "--write-recovery-conf",
        ]);
        succeed(copy.arg("--pgdata").arg(standby.data()))?;
        standby.run().await?;
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'")?;
        self.sql("postgres", "SELECT pg_reload_conf()")?;
        let is_synchronous = async || (self.sql("postgres", "SELECT sync_state FROM pg_stat_replication").ok()? == "sync").then_some(());
        poll::until("the standby to be synchronous", is_synchronous).await?;
        Ok(standby)
    }

    /// Makes a standby a server of its own, on the port of the one that it stood by, which must have ended.
    pub async fn take_over(&mut self, port: u16) -> Result<()> {
        self.sql("postgres", "SELECT pg_promote()")?;
        self.stop().await?;
        self.port = port;
        self.run().await
    }

    /// The server that all tests of this program share while any of them has it.
    pub async fn shared() -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(Self::start().await?);
        *shared = Arc::downgrade(&server);
        Ok(server)
    }

    /// Sets a parameter of the server, from its next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push(format!("{name}={value}"));
    }

    /// Makes the server show `certificate`, from its next start on.
    pub fn show(&mut self, certificate: &Certificate) -> Result<()> {
        let folder = self.folder.path().join("tls");
        certificate.write(&folder)?;
        give_away(&folder)?;
        for (name, file) in [("ssl_cert_file", "tls.crt"), ("ssl_key_file", "tls.key")] {
            let file = folder.join(file);
            give_away(&file)?;
            fs::set_permissions(&file, Permissions::from_mode(0o600))?;
            self.set(name, &file.display().to_string());
        }
        self.set("ssl", "on");
        Ok(())
    }

    /// Listens at `address` too, from the next start on. There the role needs a password, and TLS: the server must [`Self::show`] a certificate.
    pub fn open(&mut self, address: IpAddr) -> Result<()> {
        self.addresses.push(address);
        let rules = self.data().join("pg_hba.conf");
        let text = fs::read_to_string(&rules)?;
        Ok(fs::write(&rules, format!("{text}hostssl all all all scram-sha-256\n"))?)
    }

    /// Starts the server, which does not run.
    pub async fn run(&mut self) -> Result<()> {
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data());
        let addresses = self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        for setting in ["unix_socket_directories=", "max_connections=200", &format!("listen_addresses={addresses}")] {
            command.args(["-c", setting]);
        }
        command.args(["-c", &format!("port={}", self.port)]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let process = self.process.insert(Process::spawn(&mut command, Output::Kept)?);
        process.line("ready to accept").await?;
        Ok(())
    }

    /// Stops the server as an administrator does, whoever is connected.
    pub async fn stop(&mut self) -> Result<()> {
        self.end(Signal::INT).await
    }

    /// Kills the server and all of its processes, as a crash does: what it had only in memory is gone.
    pub async fn kill(&mut self) -> Result<()> {
        let Some(process) = &self.process else { return Ok(()) };
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", process.id()))?;
        process.signal(Signal::STOP)?;
        for child in children.split_whitespace() {
            if let Some(child) = rustix::process::Pid::from_raw(child.parse()?) {
                // It may have ended by itself.
                let _ = rustix::process::kill_process(child, Signal::KILL);
            }
        }
        self.end(Signal::KILL).await?;
        // Nobody cleans up after a crash: the next start finds the lock of a process that is gone.
        Ok(())
    }

    /// Lets syncs fail, as those of a disk that breaks: one of each process that the server starts from now on, after so many that do not. Ending
    /// what is returned ends it.
    pub async fn fail_syncs(&self, after: u32) -> Result<Process> {
        let server = self.process.as_ref().context("the server does not run")?;
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=fdatasync", "-e", &format!("inject=fdatasync:error=EIO:when={}", after + 1)]);
        let mut strace = Process::spawn(strace.args(["-p", &server.id().to_string()]), Output::Kept)?;
        strace.line("attached").await?;
        Ok(strace)
    }

    /// What the server logged since it was started.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    async fn end(&mut self, signal: Signal) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.signal(signal)?;
            process.ended().await?;
        }
        Ok(())
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a database.
    pub fn create(&self, database: &str) -> Result<()> {
        self.sql("postgres", &format!("CREATE DATABASE \"{database}\"")).map(drop)
    }

    /// Runs SQL in a database, and gives what it prints: a line for each row, `|` between columns.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.program("psql");
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--username", ROLE]);
        psql.args(["--host", &Ipv4Addr::LOCALHOST.to_string(), "--port", &self.port.to_string(), "--dbname", database, "--command", sql]);
        Ok(succeed(&mut psql)?.trim_end().to_owned())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

/// The server ends by itself, so that it leaves nothing behind in memory that processes share.
impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let deadline = Instant::now() + poll::PATIENCE;
        if process.signal(Signal::QUIT).is_ok() {
            while process.is_running() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// The programs of the newest version that is installed.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).context("PostgreSQL is not installed: tests/setup does it")?;
    let mut found = versions.map(|entry| Ok(entry?.path().join("bin"))).collect::<Result<Vec<_>>>()?;
    found.retain(|folder| folder.join("postgres").exists());
    found.sort_by_key(|folder| folder.parent().and_then(Path::file_name).and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok()));
    found.pop().context("PostgreSQL's server is not installed: tests/setup does it")
}

/// Lets the server's user have it.
fn give_away(path: &Path) -> Result<()> {
    if geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn succeed(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("can't start {}", command.get_program().display()))?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
