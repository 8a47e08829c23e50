//! `rampart certificate`: its words on the command line.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Subcommand;
use rampart::acme::account::Reason;
use rampart::acme::chain::ISRG_ROOT_X1;
use rampart::app::{build, fusionpbx};
use rampart::base::clock::SystemClock;
use rampart::base::ids::CertificateId;
use rampart::base::rng::SystemRandom;
use rampart::cli::certificate;
use rampart::config::Config;
use rampart::host::Agent;
use rampart::wire::request::KeyKind;

use crate::FormatChoice;

#[derive(Subcommand)]
pub(crate) enum CertificateChoice {
    /// Print every certificate that is kept
    List {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Print one certificate
    Show {
        /// Its number
        id: i64,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Print what to order for tenants without a certificate: the fewest orders within the CA's limits
    Plan {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Order a certificate; a running console carries it out
    Order {
        /// Names, such as '*.example.com' example.com
        #[arg(required = true)]
        names: Vec<String>,
        /// rsa-2048, rsa-4096, ecdsa-p256 or ecdsa-p384
        #[arg(long, default_value = "rsa-2048", value_parser = key)]
        key: KeyKind,
        /// The CA's directory; without it that of rampart.toml
        #[arg(long)]
        ca: Option<String>,
        /// One of the CA's profiles
        #[arg(long)]
        profile: Option<String>,
        /// The root that the chain is to lead to; 'own' for the chain that the CA recommends
        #[arg(long, default_value = ISRG_ROOT_X1)]
        chain: String,
        /// The operator whose code lets the agent keep these names; asked for where it is needed
        #[arg(long)]
        operator: Option<String>,
        /// Wait until it is served: exit 0 only then
        #[arg(long)]
        wait: bool,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Renew a certificate now
    Renew {
        /// Its number
        id: i64,
        /// Wait until it is served: exit 0 only then
        #[arg(long)]
        wait: bool,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Revoke what is in force of a certificate; it is replaced at once
    Revoke {
        /// Its number
        id: i64,
        /// unspecified, key-compromise, superseded or cessation-of-operation
        #[arg(long, default_value = "unspecified", value_parser = reason)]
        reason: Reason,
    },
}

fn key(text: &str) -> Result<KeyKind, String> {
    KeyKind::from_word(text).ok_or_else(|| "one of rsa-2048, rsa-4096, ecdsa-p256, ecdsa-p384".to_owned())
}

fn reason(text: &str) -> Result<Reason, String> {
    Reason::from_word(text)
        .ok_or_else(|| "one of unspecified, key-compromise, superseded, cessation-of-operation".to_owned())
}

pub(crate) async fn run(config: &Config, directory: &Path, command: CertificateChoice) -> Result<ExitCode> {
    let deeds = build::deeds(directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let issuing = build::issuing(config, Agent::at(config.agent.socket.clone()))?;
    let mut out = std::io::stdout();
    let (order, wait, format) = match command {
        CertificateChoice::List { format } => {
            certificate::list(&deeds, None, format.into(), &mut out).await?;
            return Ok(ExitCode::SUCCESS);
        }
        CertificateChoice::Show { id, format } => {
            certificate::list(&deeds, Some(CertificateId(id)), format.into(), &mut out).await?;
            return Ok(ExitCode::SUCCESS);
        }
        CertificateChoice::Plan { format } => {
            let fusionpbx = fusionpbx::find(config, std::env::var("RAMPART_FUSIONPBX_URL").ok()).await;
            let survey = fusionpbx.map_err(anyhow::Error::msg)?.survey().await?;
            let tenants = survey.tenants.map_err(anyhow::Error::msg)?;
            certificate::plan(&deeds, &issuing, &tenants, format.into(), &mut out).await?;
            return Ok(ExitCode::SUCCESS);
        }
        CertificateChoice::Revoke { id, reason } => {
            certificate::revoke(&deeds, &issuing, CertificateId(id), reason, &mut out).await?;
            return Ok(ExitCode::SUCCESS);
        }
        CertificateChoice::Renew { id, wait, format } => {
            (certificate::renew(&deeds, &issuing, CertificateId(id)).await?, wait, format)
        }
        CertificateChoice::Order { names, key, ca, profile, chain, operator, wait, format } => {
            let wanted = certificate::Wanted {
                names: &names,
                key,
                directory_url: ca,
                profile,
                chain_root: Some(chain).filter(|chain| chain != "own"),
                operator: operator.as_deref(),
            };
            (certificate::order(&deeds, &issuing, &wanted).await?, wait, format)
        }
    };
    if !wait {
        writeln!(out, "order {order} is queued")?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_served = certificate::wait(&deeds, order, format.into(), &mut out).await?;
    Ok(if is_served { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
