//! The socket is the relay's own user's: by its mode, and should that be changed, by who asks.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
};

use anyhow::{Result, ensure};
use rustix::process::geteuid;
use tokio::task::spawn_blocking;

use crate::{
    letters::Letter,
    tool::{Ended, of_program, run_command},
    world::World,
};

/// Nobody, by its usual number.
const ANOTHER: u32 = 65_534;

async fn run_as_another(program: &Path, world: &World, arguments: &[&str]) -> Result<Ended> {
    let mut command = of_program(program, &world.socket, arguments);
    command.uid(ANOTHER).gid(ANOTHER).current_dir("/");
    spawn_blocking(|| run_command(command)).await?
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_refused() -> Result<()> {
    let world = World::new().await?;
    ensure!(fs::metadata(&world.socket)?.permissions().mode() & 0o777 == 0o600);
    if !geteuid().is_root() {
        eprintln!("SKIPPED: only root can be another user; run it with tests/contained");
        return Ok(());
    }
    Letter::new(60, "<>", &["<jo@example.com>"]).put(&world.spool).await?;
    // Others can come as far as to the socket, and to a program.
    fs::set_permissions(world.at.path(), Permissions::from_mode(0o755))?;
    let program = world.at.path().join("postern-relay");
    fs::copy(env!("CARGO_BIN_EXE_postern-relay"), &program)?;
    for mode in [0o600, 0o666] {
        fs::set_permissions(&world.socket, Permissions::from_mode(mode))?;
        for arguments in [&["list"][..], &["delete", "--all"], &["stats"]] {
            let ended = run_as_another(&program, &world, arguments).await?;
            ensure!(ended.code == 3 && ended.stderr.contains("is for the user alone that the relay runs as"), "{mode:o} {ended:?}");
            ensure!(!ended.stdout.contains("example.com"), "{ended:?}");
        }
    }
    ensure!(world.names().await?.len() == 1);
    // The same program, as the right user.
    world.run(&["stats"]).await?.done()?;
    Ok(())
}
