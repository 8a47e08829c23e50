//! The console and the command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};
use rampart::app::{build, confine, demo, fusionpbx, privileges, serve};
use rampart::audit::finding::Severity;
use rampart::audit::walls::Walls;
use rampart::base::clock::SystemClock;
use rampart::base::rng::SystemRandom;
use rampart::base::role::Role;
use rampart::cli::check::{Format, Judgement, print};
use rampart::cli::operator::{self, OperatorCommand, Wanted};
use rampart::config::Config;
use rampart::host::Agent;
use rampart::jobs::sweep::{self, Sources};

/// The security console for FusionPBX.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "State: RAMPART_STATE_DIR. Settings: RAMPART_CONFIG. FusionPBX: RAMPART_FUSIONPBX_URL."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the console
    Serve,
    /// Run everything in a throwaway world, or check that it works
    Demo {
        /// Do the main job without a person, print one JSON object, and remove everything
        #[arg(long)]
        check: bool,
        /// The port of the console
        #[arg(long, default_value_t = 8443)]
        port: u16,
        /// Tenants in the town
        #[arg(long, default_value_t = 12)]
        tenants: u32,
    },
    /// Look at every wall once and print what was found: exit 0 good, 1 findings, 2 could not judge
    Check {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
        /// The least severe failure that counts
        #[arg(long, default_value = "high", value_parser = severity)]
        fail_on: Severity,
    },
    /// Let people in
    Operator {
        #[command(subcommand)]
        command: OperatorChoice,
    },
}

#[derive(Subcommand)]
enum OperatorChoice {
    /// Let someone in; the password is asked for, or read from standard input
    Add {
        /// The name to sign in with
        name: String,
        /// What for: viewer, support, tenant or operator
        #[arg(long, default_value = "operator")]
        role: Role,
        /// The domain of a tenant, as FusionPBX calls it
        #[arg(long)]
        domain: Option<String>,
    },
    /// Give someone another role
    Role {
        /// The name to sign in with
        name: String,
        /// viewer, support, tenant or operator
        role: Role,
        /// The domain of a tenant, as FusionPBX calls it
        #[arg(long)]
        domain: Option<String>,
    },
    /// Say who may sign in, and what for
    List {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Give an operator a new password and end every session of theirs
    Reset {
        /// The name to sign in with
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatChoice {
    Text,
    Json,
}

fn severity(text: &str) -> Result<Severity, String> {
    Severity::from_word(text).ok_or_else(|| "one of critical, high, medium, low, info".to_owned())
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("rampart: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("RAMPART_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn,hickory_proto=warn")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    if let Command::Demo { check, port, tenants } = command {
        // The demo starts its console with other rights, and needs its own until then.
        return runtime()?.block_on(demo::run(demo::Wanted { check, port, tenants })).map(|()| ExitCode::SUCCESS);
    }
    let directory = build::state_directory();
    privileges::become_owner_of(&directory)?;
    let config = Config::load(build::config_file().as_deref())?;
    if matches!(command, Command::Serve) {
        confine::console(&config, &directory)?;
    } else {
        // A command ends soon, and a terminal or a pager may stand behind it.
        rampart::base::confine::no_dumps()?;
    }
    runtime()?.block_on(real(command, config, directory))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}

async fn real(command: Command, config: Config, directory: PathBuf) -> Result<ExitCode> {
    match command {
        Command::Serve => serve::run(&config, &directory).await?,
        Command::Operator { command } => {
            let deeds = build::deeds(&directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
            let command = match &command {
                OperatorChoice::Add { name, role, domain } => {
                    OperatorCommand::Add(Wanted { name, role: *role, domain: domain.as_deref() })
                }
                OperatorChoice::Role { name, role, domain } => {
                    OperatorCommand::Role(Wanted { name, role: *role, domain: domain.as_deref() })
                }
                OperatorChoice::Reset { name } => OperatorCommand::Reset { name },
                OperatorChoice::List { format } => {
                    OperatorCommand::List { as_json: matches!(format, FormatChoice::Json) }
                }
            };
            let fusionpbx = fusionpbx::find(&config, std::env::var("RAMPART_FUSIONPBX_URL").ok()).await;
            operator::run(&deeds, fusionpbx, command).await?;
        }
        Command::Check { format, fail_on } => return check(&config, &directory, format, fail_on).await,
        Command::Demo { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(
    config: &Config,
    directory: &std::path::Path,
    format: FormatChoice,
    fail_on: Severity,
) -> Result<ExitCode> {
    let deeds = build::deeds(directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let sources = Sources {
        agent: Agent::at(config.agent.socket.clone()),
        fusionpbx: fusionpbx::find(config, std::env::var("RAMPART_FUSIONPBX_URL").ok()).await,
    };
    let walls: Walls = sweep::look_once(deeds, sources).await;
    let format = match format {
        FormatChoice::Text => Format::Text,
        FormatChoice::Json => Format::Json,
    };
    print(&walls.report, format, &mut std::io::stdout())?;
    Ok(ExitCode::from(Judgement::of(&walls.report, fail_on).code()))
}
