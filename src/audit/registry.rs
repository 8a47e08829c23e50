//! The list of all checks, and the report that they make together.

use serde::{Deserialize, Serialize};

use crate::audit::check::Check;
use crate::audit::checks;
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Outcome, Severity, Wall};

/// How a wall stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A finding that is critical or high is open.
    Breached,
    /// Another finding is open.
    Weak,
    /// Nothing failed, but not everything could be looked at.
    Unknown,
    /// Everything was looked at, and nothing is open.
    Holds,
}

impl Verdict {
    /// The word on pages, in JSON and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Breached => "breached",
            Self::Weak => "weak",
            Self::Unknown => "unknown",
            Self::Holds => "holds",
        }
    }
}

/// One wall, summed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallVerdict {
    /// Which wall.
    pub wall: Wall,
    /// How it stands.
    pub verdict: Verdict,
    /// How many findings fail.
    pub failed: usize,
    /// How many could not be tested.
    pub not_tested: usize,
    /// How many pass.
    pub passed: usize,
    /// How many are accepted risks.
    pub accepted: usize,
    /// The severity of the worst failure; `None` if nothing fails.
    pub worst: Option<Severity>,
}

/// What one sweep found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// All findings: worst severity first, then by id, then by asset.
    pub findings: Vec<Finding>,
    /// All seven walls, in the documentation's order.
    pub walls: Vec<WallVerdict>,
}

/// Every check there is. Each has a heading in `docs/checks.md`.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    let families: [&'static [Check]; 11] = [
        &checks::password_policy::CHECKS,
        &checks::accounts::CHECKS,
        &checks::provisioning::CHECKS,
        &checks::access_lists::CHECKS,
        &checks::database_role::CHECKS,
        &checks::served::CHECKS,
        &checks::kept::CHECKS,
        &checks::packages::CHECKS,
        &checks::release::CHECKS,
        &checks::ssh::CHECKS,
        &checks::unbuilt::CHECKS,
    ];
    families.into_iter().flatten()
}

/// Asks every check. Same facts, same report.
#[must_use]
pub fn judge(facts: &Facts) -> Report {
    Report::of(checks().flat_map(|check| check.judge(facts)).collect())
}

impl Report {
    /// Puts `findings` in order and sums up the walls. Call it again after outcomes were changed, as accepting a risk does.
    #[must_use]
    pub fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|one, other| {
            let key = |finding: &'_ Finding| (finding.severity, finding.id.clone(), finding.asset.clone());
            key(one).cmp(&key(other))
        });
        let walls = Wall::ALL.into_iter().map(|wall| sum_up(wall, &findings)).collect();
        Self { findings, walls }
    }

    /// The findings of `wall`, in order.
    pub fn of_wall(&self, wall: Wall) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.wall == wall)
    }
}

fn sum_up(wall: Wall, findings: &[Finding]) -> WallVerdict {
    let of_wall = || findings.iter().filter(|finding| finding.wall == wall);
    let count = |outcome| of_wall().filter(|finding| finding.outcome == outcome).count();
    let worst = of_wall().filter(|finding| finding.is_open()).map(|finding| finding.severity).min();
    let (failed, not_tested) = (count(Outcome::Fail), count(Outcome::NotTested));
    let (passed, accepted) = (count(Outcome::Pass), count(Outcome::Accepted));
    let verdict = match worst {
        Some(Severity::Critical | Severity::High) => Verdict::Breached,
        Some(_) => Verdict::Weak,
        // A wall of which nothing at all was seen is not known to hold.
        None if not_tested > 0 || passed + accepted == 0 => Verdict::Unknown,
        None => Verdict::Holds,
    };
    WallVerdict { wall, verdict, failed, not_tested, passed, accepted, worst }
}
