//! `rampart firewall`: what stands on its command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Subcommand, ValueEnum};
use rampart::app::build;
use rampart::cli::firewall;
use rampart::config::Config;
use rampart::firewall::explain::Asked;
use rampart::firewall::reach::{Carried, Verdict};
use rampart::host::Agent;

#[derive(Subcommand)]
pub(crate) enum FirewallChoice {
    /// Answer a table of questions from a folder that `save` wrote: the same rows with verdict and reason
    Reach {
        /// The folder
        #[arg(long)]
        state: PathBuf,
        /// A table with tabs: proto, family, dport, src, dst, iif
        #[arg(long)]
        probes: PathBuf,
    },
    /// Print which ports are not closed to each place that packets come from, from a folder that `save` wrote
    Matrix {
        /// The folder
        #[arg(long)]
        state: PathBuf,
    },
    /// Have the agent read this host's firewall, and write what its tools print into a new folder
    Save {
        /// The folder, which must not be there yet
        folder: PathBuf,
    },
    /// Say whether an address reaches a port, and by which rules: exit 0 reachable, 1 not, 2 it depends
    Explain {
        /// A folder that `save` wrote
        #[arg(long)]
        state: PathBuf,
        /// Who asks
        #[arg(long)]
        from: IpAddr,
        /// The address asked for; without it the first one on the interface
        #[arg(long)]
        to: Option<IpAddr>,
        /// The port
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// What is sent
        #[arg(long, value_enum, default_value = "tcp")]
        protocol: ProtocolChoice,
        /// The interface it comes in by; without it the one that the routes name
        #[arg(long)]
        interface: Option<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ProtocolChoice {
    Tcp,
    Udp,
    Ping,
}

/// Answers from files; only `save` asks the agent.
pub(crate) fn run(command: FirewallChoice) -> Result<ExitCode> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let code = match command {
        FirewallChoice::Reach { state, probes } => {
            firewall::answer(&state, &probes, &mut out)?;
            ExitCode::SUCCESS
        }
        FirewallChoice::Matrix { state } => {
            firewall::print_matrix(&firewall::read_folder(&state)?, &mut out)?;
            ExitCode::SUCCESS
        }
        FirewallChoice::Save { folder } => {
            let config = Config::load(build::config_file().as_deref())?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("starting the runtime")?;
            let saves = runtime.block_on(Agent::at(config.agent.socket).firewall())?;
            firewall::save(&saves, &folder, &mut out)?;
            if saves.unread.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) }
        }
        FirewallChoice::Explain { state, from, to, port, protocol, interface } => {
            let carried = match protocol {
                ProtocolChoice::Tcp => Carried::Tcp,
                ProtocolChoice::Udp => Carried::Udp,
                ProtocolChoice::Ping => Carried::Echo,
            };
            let snapshot = firewall::read_folder(&state)?;
            let asked = Asked { from, to, port, carried, interface };
            match firewall::print_explained(&snapshot, &asked, &mut out)? {
                Verdict::Reachable => ExitCode::SUCCESS,
                Verdict::Unreachable => ExitCode::from(1),
                Verdict::Depends => ExitCode::from(2),
            }
        }
    };
    std::io::Write::flush(&mut out)?;
    Ok(code)
}
