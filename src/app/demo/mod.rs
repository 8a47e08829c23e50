//! A throwaway world in a private directory: PostgreSQL, a CA, a DNS server, nginx, the agent and the console.
//!
//! The tests start the very same private servers.

pub mod bind;
mod check;
pub mod fusionpbx;
pub mod nginx;
pub mod pebble;
pub mod postgres;
pub mod process;
pub mod town;
pub mod world;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

use crate::app::demo::world::World;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Do the main job without a person.
    pub check: bool,
    /// The console's port.
    pub port: u16,
    /// Tenants in the town.
    pub tenants: u32,
}

/// Starts the world; then waits for Ctrl-C, or does the main job. Everything is removed in the end, whatever happens.
///
/// # Errors
/// A part did not start, or the main job did not go through.
pub async fn run(wanted: Wanted) -> Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        outcome = stay(wanted) => outcome,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn stay(wanted: Wanted) -> Result<()> {
    // A check must not collide with a demo that runs beside it.
    let port = if wanted.check { process::free_port()? } else { wanted.port };
    let world = World::start(port, wanted.tenants, &tools()?).await?;
    if wanted.check {
        let line = check::run(&world).await.context("the check did not go through")?;
        let seconds = world.started_in();
        let line = check::with_start(line, seconds);
        drop(world);
        writeln!(std::io::stdout(), "{line}")?;
        return Ok(());
    }
    let mut out = std::io::stdout();
    writeln!(out, "\n  Rampart's demo is ready.\n")?;
    writeln!(out, "  Address     {}", world.address())?;
    writeln!(out, "              (the certificate is self-signed: the browser will ask)")?;
    writeln!(out, "  Name        {}", world::OPERATOR)?;
    writeln!(out, "  Password    {}", world.password.expose())?;
    writeln!(out, "  Enrolment   {}", world.enrolment.expose())?;
    writeln!(out, "              (what reaches root, such as ordering a certificate, needs a second factor:")?;
    writeln!(out, "              set one up under *Second factor* with this code; it works once, for half an hour.")?;
    writeln!(
        out,
        "              Another one: {} enrol {} --config {})",
        world.agent_program().display(),
        world::OPERATOR,
        world.agent_settings().display()
    )?;
    writeln!(out, "\n  nginx       {} serves the tenants, such as north.{}", world.nginx_listener(), town::ZONE)?;
    writeln!(out, "  Everything lies in {} and is removed on Ctrl-C.\n", world.directory().display())?;
    world.until_something_ends().await
}

/// The programs that lie beside this one, and Pebble.
#[derive(Clone, Debug)]
pub struct Tools {
    /// `rampart`.
    pub console: PathBuf,
    /// `rampart-agent`.
    pub agent: PathBuf,
    /// `pebble`.
    pub pebble: PathBuf,
}

fn tools() -> Result<Tools> {
    let console = std::env::current_exe().context("finding this program")?;
    let beside = console.parent().unwrap_or(Path::new("/"));
    let fetched = beside.parent().unwrap_or(Path::new("/")).join("tools/pebble");
    let pebble = std::env::var_os("RAMPART_PEBBLE").map_or(fetched, PathBuf::from);
    Ok(Tools { agent: beside.join("rampart-agent"), pebble, console })
}
