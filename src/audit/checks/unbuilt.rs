//! Walls that nothing looks at yet. They say so, and keep the wall from looking whole.

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Untested};
use crate::audit::finding::{Finding, Severity, Wall};

/// One question for each wall whose facts nobody gathers yet.
pub(crate) const CHECKS: [Check; 1] = [Check {
    id: "F2B-01",
    wall: Wall::Intrusion,
    asset: "fail2ban",
    severity: Severity::High,
    asks: "whether fail2ban runs and answers",
    why: "Nothing else slows down who guesses passwords of the web login.",
    reference: "FusionPBX documentation, Security, Fail2Ban",
    judge: not_built_yet,
}];

fn not_built_yet(check: &Check, facts: &Facts) -> Vec<Finding> {
    vec![check.not_tested(&Untested { source: "Rampart", at: facts.now, reason: "not built yet".to_owned() })]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::finding::Outcome;
    use crate::base::clock::Timestamp;

    #[test]
    fn what_is_not_built_is_never_good() {
        for check in &CHECKS {
            let findings = check.judge(&Facts::none(Timestamp::from_unix(0)));

            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].outcome, Outcome::NotTested);
            assert_eq!(findings[0].evidence[0].lines, ["not built yet"]);
        }
    }
}
