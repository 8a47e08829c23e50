//! The console and the command line.

#[path = "rampart/certificate_choice.rs"]
mod certificate_choice;
#[path = "rampart/dns_choice.rs"]
mod dns_choice;
#[path = "rampart/firewall_choice.rs"]
mod firewall_choice;
#[path = "rampart/policy_choice.rs"]
mod policy_choice;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};
use rampart::app::{build, confine, demo, fusionpbx, privileges, serve};
use rampart::audit::finding::Severity;
use rampart::audit::walls::Walls;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::base::ids::RotationId;
use rampart::base::rng::SystemRandom;
use rampart::base::role::Role;
use rampart::cli::check::{Format, Judgement, print};
use rampart::cli::operator::{self, OperatorCommand, Prepared, Wanted};
use rampart::cli::{credentials, doctor, rotation, secrets, trail};
use rampart::config::Config;
use rampart::fusionpbx::rotation::SecretKind;
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
    /// Say what Rampart finds around itself and may do there: exit 0 all well, 1 something to mend, 2 no database
    Doctor {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
        /// Print the SQL for a database role that may do just what Rampart needs, and nothing else
        #[arg(long)]
        sql: bool,
    },
    /// See and change the password policy in FusionPBX: exit 0 done, 1 refused, 2 its settings could not be read
    Policy {
        #[command(subcommand)]
        command: policy_choice::PolicyChoice,
    },
    /// Say who reaches what through the firewall, from what its save tools print
    Firewall {
        #[command(subcommand)]
        command: firewall_choice::FirewallChoice,
    },
    /// Look after what is sealed in Rampart's own store
    Secrets {
        #[command(subcommand)]
        command: SecretsChoice,
    },
    /// Say who may sign in
    Operator {
        #[command(subcommand)]
        command: OperatorChoice,
    },
    /// Judge the secrets that FusionPBX keeps
    Credentials {
        #[command(subcommand)]
        command: CredentialsChoice,
    },
    /// Plan, order, renew and revoke certificates
    Certificate {
        #[command(subcommand)]
        command: certificate_choice::CertificateChoice,
    },
    /// See and test how names are proved over DNS
    Dns {
        #[command(subcommand)]
        command: dns_choice::DnsChoice,
    },
    /// Check the trail, or hand it out
    Trail {
        #[command(subcommand)]
        command: TrailChoice,
    },
}

#[derive(Subcommand)]
enum TrailChoice {
    /// Check both halves: exit 0 whole, 1 broken, 2 not compared with the agent's half
    Verify {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Print the records, one line of JSON each
    Export {
        /// Begin with this record
        #[arg(long, default_value_t = 1)]
        from: i64,
    },
}

#[derive(Subcommand)]
enum CredentialsChoice {
    /// Print every place with a weak secret or account, and why; never the secret
    Audit {
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Give extensions, mailboxes or devices of a tenant new secrets; without --yes only the plan is printed
    Rotate {
        /// The tenant, as FusionPBX calls it
        #[arg(long)]
        domain: String,
        /// extension (with the lines of phones that follow it), mailbox or device
        #[arg(long, default_value = "extension", value_parser = secret_kind)]
        kind: SecretKind,
        /// Numbers, such as 101,105-110; without it all of the tenant
        #[arg(long, default_value = "")]
        places: String,
        /// Do it, and print the new secrets this once
        #[arg(long)]
        yes: bool,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Put the former secrets of a rotation back
    Undo {
        /// Its number
        rotation: i64,
    },
    /// Forget the former secrets of a rotation: it can no longer be undone
    Confirm {
        /// Its number
        rotation: i64,
    },
}

#[derive(Subcommand)]
enum SecretsChoice {
    /// Make a new key, seal every secret anew with it, and let the old key go; the console may run meanwhile
    Rotate,
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
    /// Keep an operator out and end every session of theirs; nothing is removed
    Disable {
        /// The name to sign in with
        name: String,
    },
    /// Let a disabled operator in again, with the same password
    Enable {
        /// The name to sign in with
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum FormatChoice {
    Text,
    Json,
}

impl From<FormatChoice> for Format {
    fn from(choice: FormatChoice) -> Self {
        match choice {
            FormatChoice::Text => Self::Text,
            FormatChoice::Json => Self::Json,
        }
    }
}

fn secret_kind(text: &str) -> Result<SecretKind, String> {
    SecretKind::from_word(text).ok_or_else(|| "one of extension, mailbox, device".to_owned())
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
    if let Command::Doctor { sql: true, .. } = command {
        doctor::print_sql(&mut std::io::stdout())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Firewall { command } = command {
        return firewall_choice::run(command);
    }
    let directory = build::state_directory();
    let prepared = prepare_reset(&command)?;
    privileges::become_owner_of(&directory)?;
    let config = Config::load(build::config_file().as_deref())?;
    if matches!(command, Command::Serve) {
        confine::console(&config, &directory)?;
    } else {
        // A command ends soon, and a terminal or a pager may stand behind it.
        rampart::base::confine::no_dumps()?;
    }
    runtime()?.block_on(real(command, config, directory, prepared))
}

/// What of a reset only root can do, before root is given up: the agent forgets the second factor. The password is asked
/// for first, so that one that is refused changes nothing.
fn prepare_reset(command: &Command) -> Result<Option<Prepared>> {
    let Command::Operator { command: OperatorChoice::Reset { name } } = command else { return Ok(None) };
    if !privileges::is_root() {
        return Ok(None);
    }
    let config = Config::load(build::config_file().as_deref())?;
    let password = operator::new_password(name, &build::context_words(&config))?;
    // No thread of its own: root is given up after this, for the whole process.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let agent = Agent::at(config.agent.socket);
    let factor = runtime.block_on(operator::forget_factor(&agent, name));
    Ok(Some(Prepared { password, factor }))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}

async fn real(command: Command, config: Config, directory: PathBuf, prepared: Option<Prepared>) -> Result<ExitCode> {
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
                OperatorChoice::Reset { name } => OperatorCommand::Reset { name, prepared },
                OperatorChoice::Disable { name } => OperatorCommand::Disable { name },
                OperatorChoice::Enable { name } => OperatorCommand::Enable { name },
                OperatorChoice::List { format } => {
                    OperatorCommand::List { as_json: matches!(format, FormatChoice::Json) }
                }
            };
            let fusionpbx = fusionpbx::find(&config, std::env::var("RAMPART_FUSIONPBX_URL").ok()).await;
            operator::run(&deeds, fusionpbx, command, &build::context_words(&config)).await?;
        }
        Command::Secrets { command: SecretsChoice::Rotate } => {
            let deeds = build::deeds(&directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
            secrets::rotate(&deeds).await?;
        }
        Command::Doctor { format, .. } => {
            let fusionpbx = fusionpbx::find(&config, std::env::var("RAMPART_FUSIONPBX_URL").ok()).await;
            let agent = Agent::at(config.agent.socket.clone());
            let diagnosis = doctor::look(&directory, fusionpbx, &agent).await;
            doctor::print(&diagnosis, format.into(), &mut std::io::stdout())?;
            return Ok(ExitCode::from(diagnosis.code()));
        }
        Command::Policy { command } => {
            let deeds = build::deeds(&directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
            let fusionpbx = fusionpbx::find(&config, std::env::var("RAMPART_FUSIONPBX_URL").ok()).await;
            return Ok(policy_choice::run(&deeds, fusionpbx, &command).await);
        }
        Command::Check { format, fail_on } => return check(&config, &directory, format, fail_on).await,
        Command::Trail { command } => return trail(&config, &directory, command).await,
        Command::Certificate { command } => return certificate_choice::run(&config, &directory, command).await,
        Command::Dns { command } => return dns_choice::run(&config, &directory, command).await,
        Command::Credentials { command } => credentials(&config, &directory, command).await?,
        Command::Demo { .. } | Command::Firewall { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn credentials(config: &Config, directory: &std::path::Path, command: CredentialsChoice) -> Result<()> {
    let fusionpbx = fusionpbx::find(config, std::env::var("RAMPART_FUSIONPBX_URL").ok()).await;
    let fusionpbx = fusionpbx.map_err(anyhow::Error::msg)?;
    let mut out = std::io::BufWriter::with_capacity(64 * 1024, std::io::stdout());
    if let CredentialsChoice::Audit { format } = command {
        let now = SystemClock.now();
        credentials::audit(&fusionpbx, (&SystemRandom, now), format.into(), &mut out).await?;
        return Ok(());
    }
    let deeds = build::deeds(directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let agent = Agent::at(config.agent.socket.clone());
    let around = rotation::Around { fusionpbx: &fusionpbx, agent: &agent };
    match command {
        CredentialsChoice::Audit { .. } => {}
        CredentialsChoice::Rotate { domain, kind, places, yes, format } => {
            let wanted = rotation::Wanted { kind, domain: &domain, places: &places, is_sure: yes };
            rotation::rotate(&deeds, around, &wanted, format.into(), &mut out).await?;
        }
        CredentialsChoice::Undo { rotation: id } => {
            rotation::end(&deeds, around, RotationId(id), false, &mut out).await?;
        }
        CredentialsChoice::Confirm { rotation: id } => {
            rotation::end(&deeds, around, RotationId(id), true, &mut out).await?;
        }
    }
    Ok(std::io::Write::flush(&mut out)?)
}

async fn trail(config: &Config, directory: &std::path::Path, command: TrailChoice) -> Result<ExitCode> {
    // Nothing is made anew where there should be a trail.
    let file = directory.join("rampart.sqlite");
    anyhow::ensure!(file.exists(), "there is no trail: {} is not there", file.display());
    let deeds = build::deeds(directory, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    match command {
        TrailChoice::Verify { format } => {
            let verdict = deeds.check_trail(&Agent::at(config.agent.socket.clone())).await?;
            trail::print(&verdict, format.into(), &mut std::io::stdout())?;
            Ok(ExitCode::from(trail::code(&verdict)))
        }
        TrailChoice::Export { from } => {
            trail::export(&deeds, from, &mut std::io::stdout().lock()).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
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
    print(&walls.report, format.into(), &mut std::io::stdout())?;
    Ok(ExitCode::from(Judgement::of(&walls.report, fail_on).code()))
}
