//! A check: what it asks, and how it words its answers.

use crate::audit::facts::{Facts, Untested};
use crate::audit::finding::{CheckId, Evidence, Finding, Outcome, Remedy, Severity, Wall, fitting};

/// One question that the audit asks. `docs/checks.md` explains each under its id.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Such as `SSH-01`.
    pub id: &'static str,
    /// The wall that it examines.
    pub wall: Wall,
    /// What it speaks of, where an answer names nothing narrower.
    pub asset: &'static str,
    /// The worst that it can say.
    pub severity: Severity,
    /// What it asks, to follow "Not tested: ", such as `whether root may sign in over SSH`.
    pub asks: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// Where the rule comes from.
    pub reference: &'static str,
    /// Pure: same facts, same findings. At least one for any facts.
    pub(crate) judge: fn(&Self, &Facts) -> Vec<Finding>,
}

impl Check {
    /// Its answers. Never empty.
    #[must_use]
    pub fn judge(&self, facts: &Facts) -> Vec<Finding> {
        (self.judge)(self, facts)
    }

    /// It is as it should be.
    pub(crate) fn pass(&self, title: impl AsRef<str>, evidence: Vec<Evidence>) -> Finding {
        self.finding(Outcome::Pass, self.severity, title.as_ref(), evidence, None)
    }

    /// It is not, and it is this bad.
    pub(crate) fn fail(
        &self,
        severity: Severity,
        title: impl AsRef<str>,
        evidence: Vec<Evidence>,
        remedy: Remedy,
    ) -> Finding {
        self.finding(Outcome::Fail, severity, title.as_ref(), evidence, Some(remedy))
    }

    /// It could not be looked at.
    pub(crate) fn not_tested(&self, untested: &Untested) -> Finding {
        let evidence = Evidence::new(untested.source, untested.at, [untested.reason.clone()]);
        let title = format!("Not tested: {}", self.asks);
        self.finding(Outcome::NotTested, self.severity, &title, vec![evidence], None)
    }

    /// There is nothing to ask it of.
    pub(crate) fn not_applicable(&self, title: impl AsRef<str>, evidence: Vec<Evidence>) -> Finding {
        self.finding(Outcome::NotApplicable, self.severity, title.as_ref(), evidence, None)
    }

    fn finding(
        &self,
        outcome: Outcome,
        severity: Severity,
        title: &str,
        evidence: Vec<Evidence>,
        remedy: Option<Remedy>,
    ) -> Finding {
        Finding {
            id: CheckId::of(self.id),
            wall: self.wall,
            asset: self.asset.to_owned(),
            outcome,
            severity,
            title: fitting(title),
            evidence,
            why: self.why.to_owned(),
            remedy,
            reference: self.reference.to_owned(),
        }
    }
}
