//! `rampart policy` as it is typed.

use std::process::ExitCode;

use clap::Subcommand;
use rampart::cli::policy::{self, PolicyCommand};
use rampart::deeds::Deeds;
use rampart::fusionpbx::FusionPbx;

use crate::FormatChoice;

#[derive(Subcommand)]
pub(crate) enum PolicyChoice {
    /// Say what holds, where it comes from, and what FusionPBX does with it
    Show {
        /// For this tenant, as FusionPBX calls it
        #[arg(long)]
        domain: Option<String>,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Change one setting
    Set {
        /// Such as `users.password_length`
        key: String,
        /// The new value
        value: String,
        /// The override of this tenant, as FusionPBX calls it
        #[arg(long)]
        domain: Option<String>,
        /// Only if this is the value there now
        #[arg(long)]
        expect: Option<String>,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Change every setting of a preset, or none: fusionpbx, nist, strict
    Preset {
        /// Which one
        name: String,
        /// Only say what it would change
        #[arg(long)]
        dry_run: bool,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
    /// Take a change back: this entry of the trail, or the last one that was not taken back
    Undo {
        /// The entry's number
        entry: Option<i64>,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        format: FormatChoice,
    },
}

pub(crate) async fn run(deeds: &Deeds, fusionpbx: Result<FusionPbx, String>, choice: &PolicyChoice) -> ExitCode {
    let (command, format) = match choice {
        PolicyChoice::Show { domain, format } => (PolicyCommand::Show { domain: domain.as_deref() }, format),
        PolicyChoice::Set { key, value, domain, expect, format } => {
            (PolicyCommand::Set { key, value, domain: domain.as_deref(), expect: expect.as_deref() }, format)
        }
        PolicyChoice::Preset { name, dry_run, format } => (PolicyCommand::Preset { name, dry_run: *dry_run }, format),
        PolicyChoice::Undo { entry, format } => (PolicyCommand::Undo { entry: *entry }, format),
    };
    match policy::run(deeds, fusionpbx, command, (*format).into(), &mut std::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rampart: {}", policy::said(&error));
            ExitCode::from(error.code())
        }
    }
}
