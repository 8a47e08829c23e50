//! `rampart firewall`: what stands on its command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use rampart::cli::firewall::{self, Asked};
use rampart::firewall::reach::{Carried, Verdict};

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

/// Answers from files; nothing of Rampart's own is read.
pub(crate) fn run(command: FirewallChoice) -> Result<ExitCode> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let code = match command {
        FirewallChoice::Reach { state, probes } => {
            firewall::answer(&state, &probes, &mut out)?;
            ExitCode::SUCCESS
        }
        FirewallChoice::Explain { state, from, to, port, protocol, interface } => {
            let carried = match protocol {
                ProtocolChoice::Tcp => Carried::Tcp,
                ProtocolChoice::Udp => Carried::Udp,
                ProtocolChoice::Ping => Carried::Echo,
            };
            let snapshot = firewall::read_folder(&state)?;
            let asked = Asked { from, to, port, carried, interface };
            match firewall::explain(&snapshot, &asked, &mut out)? {
                Verdict::Reachable => ExitCode::SUCCESS,
                Verdict::Unreachable => ExitCode::from(1),
                Verdict::Depends => ExitCode::from(2),
            }
        }
    };
    std::io::Write::flush(&mut out)?;
    Ok(code)
}
