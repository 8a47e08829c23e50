//! One number from 0 to 100 for the whole server, with its working. What was not tested earns nothing.

use serde::{Deserialize, Serialize};

use crate::audit::finding::{CheckId, Finding, Outcome, Severity};
use crate::audit::registry::{Report, find};

/// The score and how it came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// 0 to 100, rounded down: what was earned of what could be earned.
    pub points: u8,
    /// Points earned by all checks together.
    pub earned: u32,
    /// Points that could have been earned: those of every check that applies here.
    pub possible: u32,
    /// One row for each check that applies, in the report's order of severity and id.
    pub working: Vec<ScoreRow>,
}

/// What one check adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreRow {
    /// Which check.
    pub id: CheckId,
    /// Its worst outcome: fail before not tested, accepted and pass.
    pub outcome: Outcome,
    /// How many of its findings came out like that.
    pub findings: usize,
    /// What it could have earned.
    pub possible: u32,
    /// What it earned.
    pub earned: u32,
}

/// The weight of one check, by the worst that it can say.
#[must_use]
pub const fn weight(severity: Severity) -> u32 {
    match severity {
        Severity::Critical => 20,
        Severity::High => 10,
        Severity::Medium => 4,
        Severity::Low => 1,
        Severity::Info => 0,
    }
}

/// Scores `report`. A check earns all of its weight if all of its findings pass, half if risks were accepted, nothing if
/// something was not tested. A failure costs the weight of its own severity, which may be milder than the check's.
#[must_use]
pub fn score(report: &Report) -> Score {
    let mut working: Vec<ScoreRow> = Vec::new();
    let mut ids: Vec<&CheckId> = Vec::new();
    for finding in &report.findings {
        if !ids.contains(&&finding.id) {
            ids.push(&finding.id);
        }
    }
    for id in ids {
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| finding.id == *id).collect();
        working.extend(row(id, &findings));
    }
    let earned = working.iter().map(|row| row.earned).sum::<u32>();
    let possible = working.iter().map(|row| row.possible).sum::<u32>();
    let share = (earned * 100).checked_div(possible).unwrap_or(0);
    Score { points: u8::try_from(share).unwrap_or(0), earned, possible, working }
}

/// `None` if the check does not apply to this server.
fn row(id: &CheckId, findings: &[&Finding]) -> Option<ScoreRow> {
    let of = |outcome| findings.iter().filter(move |finding| finding.outcome == outcome);
    let order = [Outcome::Fail, Outcome::NotTested, Outcome::Accepted, Outcome::Pass];
    let outcome = order.into_iter().find(|outcome| of(*outcome).next().is_some())?;
    // A failure may be milder than its check, so ask the check itself, if it still exists.
    let worst = findings.iter().map(|finding| finding.severity).chain(find(id).map(|check| check.severity)).min();
    let possible = worst.map_or(0, weight);
    let earned = match outcome {
        // What else was not tested counts as lost too.
        _ if of(Outcome::NotTested).next().is_some() => 0,
        Outcome::Fail => {
            let lost = of(Outcome::Fail).map(|finding| weight(finding.severity)).max().unwrap_or(possible);
            possible.saturating_sub(lost)
        }
        Outcome::Accepted => possible / 2,
        Outcome::Pass => possible,
        Outcome::NotTested | Outcome::NotApplicable => 0,
    };
    Some(ScoreRow { id: id.clone(), outcome, findings: of(outcome).count(), possible, earned })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::facts::Facts;
    use crate::audit::registry::{checks, judge};
    use crate::base::clock::Timestamp;

    fn report(change: impl Fn(&mut Finding)) -> Report {
        let mut report = judge(&Facts::none(Timestamp::from_unix(0)));
        report.findings.iter_mut().for_each(change);
        Report::of(report.findings)
    }

    #[test]
    fn a_server_of_which_nothing_is_known_scores_nothing() {
        let score = score(&report(|_| {}));

        assert_eq!((score.points, score.earned), (0, 0));
        assert_eq!(score.working.len(), checks().count());
    }

    #[test]
    fn all_good_is_a_hundred_and_one_unknown_is_less() {
        let good = score(&report(|finding| finding.outcome = Outcome::Pass));
        let one_open = score(&report(|finding| {
            finding.outcome = if finding.id.as_str() == "SSH-01" { Outcome::NotTested } else { Outcome::Pass };
        }));

        assert_eq!(good.points, 100);
        assert!(one_open.points < 100);
        assert_eq!(one_open.possible - one_open.earned, weight(Severity::High));
    }

    #[test]
    fn the_rows_add_up_to_the_score() {
        let mixed = score(&report(|finding| {
            finding.outcome = match finding.severity {
                Severity::Critical => Outcome::Accepted,
                Severity::High => Outcome::Fail,
                _ => Outcome::Pass,
            };
        }));

        assert_eq!(mixed.working.iter().map(|row| row.earned).sum::<u32>(), mixed.earned);
        assert_eq!(u32::from(mixed.points), mixed.earned * 100 / mixed.possible);
    }

    #[test]
    fn what_does_not_apply_neither_helps_nor_harms() {
        let score = score(&report(|finding| {
            finding.outcome =
                if finding.id.as_str().starts_with("TL") { Outcome::NotApplicable } else { Outcome::Pass };
        }));

        assert_eq!(score.points, 100);
        assert!(score.working.iter().all(|row| !row.id.as_str().starts_with("TL")));
    }

    #[test]
    fn a_mild_failure_costs_less_than_the_check_could() {
        let score = score(&report(|finding| {
            finding.outcome = Outcome::Pass;
            if finding.id.as_str() == "SSH-01" {
                finding.outcome = Outcome::Fail;
                finding.severity = Severity::Medium;
            }
        }));

        assert_eq!(score.possible - score.earned, weight(Severity::Medium));
    }
}
