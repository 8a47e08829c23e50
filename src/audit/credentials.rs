//! What the last audit of credentials says to the checks: for each check how often which reason, and a few places.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audit::finding::fitting;
use crate::fusionpbx::secrets::{Audited, Place};
use crate::policy::secrets::{Reason, Weight};

/// Places that are named for each check; the counts beside them are whole.
const MOST_EXAMPLES: usize = 20;

/// The facts of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialFacts {
    /// How many rows of each table were judged.
    pub judged: BTreeMap<String, u64>,
    /// What was found, by the id of the check.
    pub found: BTreeMap<String, Found>,
    /// Groups beside `superadmin` with permissions that lead to the host; `None`: not looked at.
    pub powers: Option<Vec<String>>,
    /// Settings that go round the password; `None`: not looked at.
    pub login: Option<Vec<String>>,
    /// Superadmins that may sign in from any address; `None`: not looked at.
    #[serde(default)]
    pub anywhere: Option<Vec<String>>,
    /// Addresses with many refused sign-ins; `None`: not looked at.
    #[serde(default)]
    pub bursts: Option<Vec<String>>,
    /// Trunks that register without TLS; `None`: not looked at.
    #[serde(default)]
    pub plain_trunks: Option<Vec<String>>,
    /// What was not looked at: table and words.
    pub not_tested: Vec<(String, String)>,
}

/// What belongs to one check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// How many places that are switched on have a reason of this check.
    pub places: u64,
    /// How many that are switched off.
    pub disabled: u64,
    /// How many places have each reason, by name.
    pub reasons: BTreeMap<String, u64>,
    /// A few places, those that are switched on.
    pub examples: Vec<String>,
}

/// Collects what a run finds.
#[derive(Debug, Default)]
pub struct Collected(BTreeMap<&'static str, Found>);

impl Collected {
    /// Counts one place.
    pub fn take(&mut self, place: &Place<'_>) {
        let mut checks: BTreeMap<&'static str, Vec<Reason>> = BTreeMap::new();
        for reason in place.reasons.iter() {
            if let Some(check) = reason.check(place.kind) {
                checks.entry(check).or_default().push(reason);
            }
        }
        for (check, reasons) in checks {
            let found = self.0.entry(check).or_default();
            // A short policy is a matter of the policy, not of the secret.
            let counts =
                reasons.iter().any(|reason| reason.weight(true) < Weight::Low) || matches!(check, "US-02" | "US-06");
            if !counts {
                continue;
            }
            if place.is_enabled {
                found.places += 1;
            } else {
                found.disabled += 1;
            }
            for reason in &reasons {
                *found.reasons.entry(reason.name().to_owned()).or_default() += 1;
            }
            if place.is_enabled && found.examples.len() < MOST_EXAMPLES {
                let names: Vec<&str> = reasons.iter().map(|reason| reason.name()).collect();
                let (table, place, domain) = (place.table, place.place, place.domain);
                found.examples.push(fitting(&format!("{table} {place}@{domain}: {}", names.join(", "))));
            }
        }
    }

    /// The facts, when all was seen.
    #[must_use]
    pub fn facts(self, audited: &Audited) -> CredentialFacts {
        CredentialFacts {
            judged: audited.judged.iter().map(|(table, count)| ((*table).to_owned(), *count)).collect(),
            found: self.0.into_iter().map(|(check, found)| (check.to_owned(), found)).collect(),
            powers: audited.powers.clone(),
            login: audited.login.clone(),
            anywhere: audited.anywhere.clone(),
            bursts: audited.bursts.clone(),
            plain_trunks: audited.plain_trunks.clone(),
            not_tested: audited.not_tested.iter().map(|gap| (gap.table.to_owned(), gap.reason.clone())).collect(),
        }
    }
}
