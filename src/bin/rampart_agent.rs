//! The agent: root behind one Unix socket. Reads its settings, listens, answers.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use nix::sys::stat::{Mode, umask};
use rampart::agent::config::AgentConfig;
use rampart::agent::gate::invitation;
use rampart::agent::{rights, serve};
use rampart::base::chain::printable;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::base::confine;
use rampart::base::names::OperatorName;
use rampart::base::rng::{Random, SystemRandom};
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;
use tracing_subscriber::EnvFilter;

/// The root side of Rampart, behind one Unix socket.
#[derive(Parser)]
#[command(version, about)]
struct Line {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Listen and answer until told to stop.
    Serve(Settings),
    /// Read the settings and say whether they make sense.
    CheckConfig(Settings),
    /// Print a code with which an operator may set up a second factor: once, within half an hour.
    Enrol {
        /// The name that the operator signs in with.
        operator: OperatorName,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(clap::Args)]
struct Settings {
    /// The settings file.
    #[arg(long, default_value = "/etc/rampart/agent.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    // Whatever the agent makes, and whatever it starts makes, is closed to everybody else.
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    let line = Line::parse();
    let filter = EnvFilter::try_from_env("RAMPART_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        .with_target(false)
        .init();
    match confine::no_dumps().map_err(Into::into).and_then(|()| act(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("The agent stops: {}", printable(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn act(line: Line) -> anyhow::Result<()> {
    match line.act {
        Act::Serve(settings) => {
            let config = AgentConfig::read(&settings.config)?;
            rights::give_up(&config)?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .context("the runtime could not be started")?;
            runtime.block_on(async {
                let mut term = signal(SignalKind::terminate()).context("signals cannot be received")?;
                let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
                let shutdown = async move {
                    tokio::select! { _ = term.recv() => {}, _ = interrupt.recv() => {} }
                };
                serve::run(config, Arc::new(SystemClock), Arc::new(SystemRandom), shutdown).await?;
                Ok(())
            })
        }
        Act::CheckConfig(settings) => {
            let config = AgentConfig::read(&settings.config)?;
            config.peer_uid()?;
            config.socket_gid()?;
            eprintln!("{} is in order", settings.config.display());
            Ok(())
        }
        Act::Enrol { operator, settings } => {
            let config = AgentConfig::read(&settings.config)?;
            let random: Arc<dyn Random> = Arc::new(SystemRandom);
            let code = invitation::invite(&config.place, &operator, SystemClock.now(), &random)?;
            let minutes = invitation::LIFETIME.as_secs() / 60;
            let mut out = std::io::stdout();
            writeln!(out, "{}", code.expose())?;
            eprintln!(
                "With this code {operator} sets up a second factor, on the page Account, within {minutes} minutes."
            );
            Ok(())
        }
    }
}
