//! `rampart trail verify|export`: checks both halves of the trail, and hands its records out.

use std::io::{self, Write};

use crate::base::chain::printable;
use crate::cli::check::Format;
use crate::deeds::Deeds;
use crate::deeds::trail_check::{AgentHalf, Outcome, TrailVerdict};
use crate::store::StoreError;

/// Why nothing more was printed.
#[derive(Debug, thiserror::Error)]
pub enum TrailCommandError {
    /// Our own store failed.
    #[error("the trail could not be read")]
    Store(#[from] StoreError),
    /// Whoever reads is gone.
    #[error("the trail could not be printed")]
    Print(#[from] io::Error),
}

/// The exit code: 0 whole, 1 broken, 2 the halves could not be compared.
#[must_use]
pub const fn code(verdict: &TrailVerdict) -> u8 {
    match verdict.result {
        Outcome::Whole => 0,
        Outcome::Broken => 1,
        Outcome::NotCompared => 2,
    }
}

/// Prints what a check found.
///
/// # Errors
/// `out` is gone.
pub fn print(verdict: &TrailVerdict, format: Format, out: &mut impl Write) -> io::Result<()> {
    if format == Format::Json {
        return writeln!(out, "{}", serde_json::to_string_pretty(verdict)?);
    }
    let word = match verdict.result {
        Outcome::Whole => "whole",
        Outcome::Broken => "BROKEN",
        Outcome::NotCompared => "whole, but not compared with the agent's half",
    };
    writeln!(out, "The trail is {word}.")?;
    for flaw in &verdict.flaws {
        let after = flaw.after.map_or_else(String::new, |at| format!(" (the last good record before it is of {at})"));
        writeln!(out, "  {}: {}{after}", flaw.half, printable(&flaw.words))?;
    }
    writeln!(out, "  console: records {} to {} were read", verdict.first, verdict.last)?;
    match &verdict.agent {
        AgentHalf::NotCompared { reason } => writeln!(out, "  agent: not compared: {}", printable(reason)),
        AgentHalf::Compared { first, last, notes, acts, unnamed } => {
            writeln!(
                out,
                "  agent: lines {first} to {last} were read; {notes} ends of the console's half and {acts} entries compared"
            )?;
            if *first > 1 {
                writeln!(
                    out,
                    "  agent: lines before {first} were set aside by size, so that older ones are not compared"
                )?;
            }
            if *unnamed > 0 {
                writeln!(out, "  agent: {unnamed} acts were asked for without an entry of the trail")?;
            }
            Ok(())
        }
    }
}

/// Prints the records from number `from` on, one line of JSON each.
///
/// # Errors
/// See [`TrailCommandError`].
pub async fn export(deeds: &Deeds, from: i64, out: &mut impl Write) -> Result<(), TrailCommandError> {
    let mut export = deeds.export_trail(from).await?;
    while let Some(lines) = export.next().await? {
        out.write_all(lines.as_bytes())?;
    }
    out.flush()?;
    Ok(())
}
