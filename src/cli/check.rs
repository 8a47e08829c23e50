//! `rampart check`: one look at every wall, printed; the exit code says whether something needs someone.

use std::io::{self, Write};

use crate::audit::finding::{Finding, Outcome, Severity};
use crate::audit::registry::Report;
use crate::base::chain::printable;

/// How the report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON array of findings.
    Json,
}

/// What the report means for a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing failed at or above the wanted severity: exit 0.
    Good,
    /// Something did: exit 1.
    Findings,
    /// Nothing failed, but nothing at all could be judged: exit 2.
    CouldNotJudge,
}

impl Judgement {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Findings => 1,
            Self::CouldNotJudge => 2,
        }
    }

    /// Judges `report`.
    #[must_use]
    pub fn of(report: &Report, fail_on: Severity) -> Self {
        let is_bad = |finding: &Finding| finding.outcome == Outcome::Fail && finding.severity <= fail_on;
        let was_seen = |finding: &Finding| matches!(finding.outcome, Outcome::Pass | Outcome::Fail);
        if report.findings.iter().any(is_bad) {
            Self::Findings
        } else if report.findings.iter().any(was_seen) {
            Self::Good
        } else {
            Self::CouldNotJudge
        }
    }
}

/// Prints `report` to `out`.
///
/// # Errors
/// `out` is gone.
pub fn print(report: &Report, format: Format, out: &mut impl Write) -> io::Result<()> {
    if format == Format::Json {
        return writeln!(out, "{}", serde_json::to_string_pretty(&report.findings)?);
    }
    for wall in &report.walls {
        writeln!(out, "{:<13} {}", wall.wall.title(), wall.verdict.word())?;
    }
    for finding in report.findings.iter().filter(|finding| finding.outcome != Outcome::Pass) {
        writeln!(
            out,
            "\n{} [{}, {}] {}: {}",
            finding.id,
            finding.outcome.word(),
            finding.severity.word(),
            printable(&finding.asset),
            printable(&finding.title)
        )?;
        for line in finding.evidence.iter().flat_map(|evidence| &evidence.lines) {
            writeln!(out, "    {}", printable(line))?;
        }
        if let Some(remedy) = &finding.remedy {
            writeln!(out, "  {}", remedy.words)?;
        }
    }
    Ok(())
}
