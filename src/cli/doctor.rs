//! `rampart doctor`: what Rampart finds around itself, what it may do there, and the SQL for a role that may do just that.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::base::chain::{Chain, printable};
use crate::cli::check::Format;
use crate::fusionpbx::permitted::{Permission, Permitted};
use crate::fusionpbx::{FusionPbx, rights};
use crate::host::Agent;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// The state directory.
    pub state_directory: String,
    /// FusionPBX's database, or why it was not looked at.
    pub fusionpbx: Result<DatabaseFound, String>,
    /// Whether the agent answers, or why not.
    pub agent: Result<(), String>,
}

/// FusionPBX's database, and what our role may do in it.
#[derive(Debug, Serialize)]
pub struct DatabaseFound {
    /// Where it is, without a secret.
    pub place: String,
    /// What the role may do.
    pub permitted: Permitted,
}

/// Looks around.
pub async fn look(state: &Path, fusionpbx: Result<FusionPbx, String>, agent: &Agent) -> Diagnosis {
    let fusionpbx = match fusionpbx {
        Ok(fusionpbx) => match fusionpbx.permitted().await {
            Ok(permitted) => Ok(DatabaseFound { place: fusionpbx.place().to_owned(), permitted }),
            Err(error) => Err(format!("{}: {}", fusionpbx.place(), Chain(&error))),
        },
        Err(why) => Err(why),
    };
    let agent = agent.hello().await.map(drop).map_err(|error| Chain(&error).to_string());
    Diagnosis { state_directory: state.display().to_string(), fusionpbx, agent }
}

impl Diagnosis {
    /// 0: all is as it should be; 1: something is missing or too much; 2: FusionPBX's database was not looked at.
    #[must_use]
    pub fn code(&self) -> u8 {
        match &self.fusionpbx {
            Err(_) => 2,
            Ok(found) if found.permitted.is_right() && self.agent.is_ok() => 0,
            Ok(_) => 1,
        }
    }
}

/// Prints `diagnosis` to `out`.
///
/// # Errors
/// `out` is gone.
pub fn print(diagnosis: &Diagnosis, format: Format, out: &mut impl Write) -> io::Result<()> {
    if format == Format::Json {
        return writeln!(out, "{}", serde_json::to_string_pretty(diagnosis)?);
    }
    writeln!(out, "State directory      {}", printable(&diagnosis.state_directory))?;
    match &diagnosis.agent {
        Ok(()) => writeln!(out, "Agent                answers")?,
        Err(why) => writeln!(out, "Agent                not tested: {}", printable(why))?,
    }
    match &diagnosis.fusionpbx {
        Err(why) => writeln!(out, "FusionPBX's database not tested: {}", printable(why))?,
        Ok(found) => {
            writeln!(out, "FusionPBX's database {}", printable(&found.place))?;
            role(&found.permitted, out)?;
        }
    }
    Ok(())
}

fn role(permitted: &Permitted, out: &mut impl Write) -> io::Result<()> {
    let name = printable(&permitted.role);
    if permitted.superuser {
        writeln!(out, "\nThe role {name} is a superuser. Rampart only reads with it, and changes nothing.")?;
    } else if permitted.standby {
        writeln!(out, "\nThe server is a standby: Rampart only reads.")?;
    }
    writeln!(out, "\nWith the role {name}, Rampart")?;
    for one in &permitted.purposes {
        writeln!(out, "  {:<13} {}", word(permitted, one), one.purpose.words())?;
        for missing in one.missing.iter().filter(|_| one.applies) {
            writeln!(out, "                  is missing: {}", printable(missing))?;
        }
    }
    if !permitted.beyond.is_empty() {
        writeln!(out, "\nThe role may do more than Rampart needs. It")?;
        for beyond in &permitted.beyond {
            writeln!(out, "  {}", printable(beyond))?;
        }
    }
    if permitted.is_right() {
        return Ok(());
    }
    writeln!(
        out,
        "\nA role that may do just what Rampart needs; look at it first with `rampart doctor --sql`:\n\
         \x20 rampart doctor --sql | sudo -u postgres psql -d DATABASE -v ON_ERROR_STOP=1\n\
         Then let Rampart sign in with it: as the operating system's user rampart over the local socket (peer), or with\n\
         the role and its password file in rampart.toml."
    )
}

fn word(permitted: &Permitted, one: &Permission) -> &'static str {
    if !one.applies {
        return "has no use to";
    }
    let only_reads = !permitted.may_write() && !reads_only(one);
    if one.missing.is_empty() && !only_reads { "may" } else { "may not" }
}

const fn reads_only(one: &Permission) -> bool {
    use rights::Purpose::{Accounts, Credentials, Look};
    matches!(one.purpose, Look | Credentials | Accounts)
}

/// Prints the SQL.
///
/// # Errors
/// `out` is gone.
pub fn print_sql(out: &mut impl Write) -> io::Result<()> {
    write!(out, "{}", rights::role_script())
}
