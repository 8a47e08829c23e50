//! The list of all checks, and the report that they make together.

use serde::{Deserialize, Serialize};

use crate::audit::check::Check;
use crate::audit::checks;
use crate::audit::facts::Facts;
use crate::audit::finding::{CheckId, Finding, Outcome, Severity, Wall};

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
    let families: [&'static [Check]; 16] = [
        &checks::password_policy::CHECKS,
        &checks::accounts::CHECKS,
        &checks::credentials::CHECKS,
        &checks::provisioning::CHECKS,
        &checks::access_lists::CHECKS,
        &checks::database_role::CHECKS,
        &checks::served::CHECKS,
        &checks::kept::CHECKS,
        &checks::switch_tls::CHECKS,
        &checks::inventory::CHECKS,
        &checks::packages::CHECKS,
        &checks::release::CHECKS,
        &checks::ssh::CHECKS,
        &checks::switch::CHECKS,
        &checks::firewall::CHECKS,
        &checks::unbuilt::CHECKS,
    ];
    families.into_iter().flatten()
}

/// The check with this id, if there still is one.
#[must_use]
pub fn find(id: &CheckId) -> Option<&'static Check> {
    checks().find(|check| check.id == id.as_str())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::clock::Timestamp;

    const BOOK: &str = include_str!("../../docs/checks.md");

    #[test]
    fn every_check_has_a_heading_in_the_book_and_every_heading_a_check() {
        let ids: BTreeSet<&str> = checks().map(|check| check.id).collect();
        let headings: BTreeSet<&str> = BOOK.lines().filter_map(|line| line.strip_prefix("## ")).collect();

        assert_eq!(ids.len(), checks().count(), "an id is used twice");
        assert_eq!(ids, headings);
    }

    #[test]
    fn the_book_says_four_things_about_each() {
        for section in BOOK.split("\n## ").skip(1) {
            for part in ["**Looks at:**", "**Passes:**", "**Why:**", "**Remedy:**"] {
                assert_eq!(section.matches(part).count(), 1, "{part} in {}", section.lines().next().unwrap());
            }
        }
    }

    #[test]
    fn without_facts_every_check_says_not_tested_and_every_wall_is_unknown() {
        let report = judge(&Facts::none(Timestamp::from_unix(0)));

        assert_eq!(report.findings.len(), checks().count());
        assert!(report.findings.iter().all(|finding| finding.outcome == Outcome::NotTested));
        assert!(report.walls.iter().all(|wall| wall.verdict == Verdict::Unknown));
        assert_eq!(report.walls.iter().map(|wall| wall.wall).collect::<Vec<_>>(), Wall::ALL);
    }

    #[test]
    fn a_verdict_follows_the_worst_that_is_open() {
        let with = |outcome, severity| {
            let mut findings = judge(&Facts::none(Timestamp::from_unix(0))).findings;
            findings.retain(|finding| finding.wall == Wall::Ssh);
            for finding in &mut findings {
                finding.outcome = Outcome::Pass;
            }
            findings[0].outcome = outcome;
            findings[0].severity = severity;
            Report::of(findings).walls.last().unwrap().clone()
        };

        assert_eq!(with(Outcome::Fail, Severity::High).verdict, Verdict::Breached);
        assert_eq!(with(Outcome::Fail, Severity::Medium).verdict, Verdict::Weak);
        assert_eq!(with(Outcome::NotTested, Severity::Low).verdict, Verdict::Unknown);
        assert_eq!(with(Outcome::Accepted, Severity::Critical).verdict, Verdict::Holds);
        assert_eq!(with(Outcome::Fail, Severity::Low).worst, Some(Severity::Low));
    }

    #[test]
    fn a_wall_without_findings_is_unknown() {
        assert!(Report::of(Vec::new()).walls.iter().all(|wall| wall.verdict == Verdict::Unknown));
    }

    #[test]
    fn findings_are_ordered_and_survive_being_stored() {
        let report = judge(&Facts::none(Timestamp::from_unix(0)));
        let mut shuffled = report.findings.clone();
        shuffled.reverse();

        let text = serde_json::to_string(&report).unwrap();

        assert_eq!(Report::of(shuffled), report);
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
