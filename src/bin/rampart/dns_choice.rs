//! `rampart dns`: its words on the command line.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Subcommand;
use rampart::app::build;
use rampart::base::clock::SystemClock;
use rampart::base::rng::SystemRandom;
use rampart::cli::dns;
use rampart::config::Config;
use rampart::host::Agent;

use crate::FormatChoice;

#[derive(Subcommand)]
pub(crate) enum DnsChoice {
    /// Say in which zones names may be ordered, and how they are proved
    List {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Write a record, wait until every name server shows it, and take it away: exit 0 all well, 1 not
    Test {
        /// The zone; without it every approved one
        zone: Option<String>,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
}

pub(crate) async fn run(config: &Config, directory: &Path, command: DnsChoice) -> Result<ExitCode> {
    let deeds = build::deeds(directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let issuing = build::issuing(config, Agent::at(config.agent.socket.clone()))?;
    let mut out = std::io::stdout();
    let is_good = match command {
        DnsChoice::List { format } => dns::list(&deeds, &issuing, format.into(), &mut out).await.map(|()| true)?,
        DnsChoice::Test { zone, format } => {
            dns::test(&deeds, &issuing, zone.as_deref(), format.into(), &mut out).await?
        }
    };
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
