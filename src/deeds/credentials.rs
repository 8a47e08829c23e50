//! The audit of credentials, run and kept: what FusionPBX's database says goes into our own store as counts and places.
//! Nothing of FusionPBX is changed, and no secret is kept.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::audit::credentials::{Collected, CredentialFacts};
use crate::audit::facts::Source;
use crate::base::chain::Chain;
use crate::base::clock::Timestamp;
use crate::deeds::Deeds;
use crate::fusionpbx::FusionPbx;
use crate::fusionpbx::secrets::{Audited, Place, SecretsError};
use crate::policy::secrets::{Reason, Weight};
use crate::store::StoreError;
use crate::store::credentials::{CountKey, CredentialPlace, CredentialRun, MOST_PLACES, Whose};

/// Under which name the facts of the last run are kept.
pub const FACT: &str = "credentials";

/// How long a run compares hashes of accounts with their phones' secrets.
const SPEND: Duration = Duration::from_mins(1);

/// Why a run was not kept.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// FusionPBX's database gave no answer.
    #[error("the credentials could not be judged")]
    Secrets(#[from] SecretsError),
    /// Our own store failed.
    #[error("the run could not be kept")]
    Store(#[from] StoreError),
}

impl Deeds {
    /// Judges every credential once and keeps what was found. A run that fails is kept as the reason why nothing is known.
    ///
    /// # Errors
    /// FusionPBX's database does not answer, or our own store failed.
    pub async fn audit_credentials(&self, fusionpbx: Result<&FusionPbx, &String>) -> Result<(), AuditError> {
        let began = self.clock.now();
        let fusionpbx = match fusionpbx {
            Ok(fusionpbx) => fusionpbx,
            Err(reason) => return Ok(self.keep_credential_facts(&unknown(began, reason.clone())).await?),
        };
        let mut gathered = Gathered::default();
        let outcome = fusionpbx
            .audit_secrets(self.random.as_ref(), (began, SPEND), &mut |place| {
                gathered.take(place);
                Ok(())
            })
            .await;
        let audited = match outcome {
            Ok(audited) => audited,
            Err(error) => {
                self.keep_credential_facts(&unknown(began, Chain(&error).to_string())).await?;
                return Err(error.into());
            }
        };
        let ended = self.clock.now();
        let facts = gathered.facts(&audited);
        self.store.keep_credential_run(&gathered.run(&audited, (began, ended))).await?;
        self.keep_credential_facts(&Source::Known { at: ended, value: facts }).await?;
        Ok(())
    }

    async fn keep_credential_facts(&self, facts: &Source<CredentialFacts>) -> Result<(), StoreError> {
        let Ok(body) = serde_json::to_string(facts) else { return Ok(()) };
        self.store.keep_fact(FACT, &body).await
    }
}

const fn unknown(at: Timestamp, reason: String) -> Source<CredentialFacts> {
    Source::Unknown { at, reason }
}

/// What a run has found so far: counts of everything, and the worst places.
#[derive(Default)]
struct Gathered {
    counts: HashMap<CountKey, u64>,
    /// By severity; what is lightest goes first when there are too many.
    places: [Vec<CredentialPlace>; 5],
    kept: usize,
    collected: Collected,
}

/// A severity as the store has it.
fn rank(weight: Weight) -> u8 {
    Weight::ALL.iter().position(|one| *one == weight).and_then(|at| u8::try_from(at).ok()).unwrap_or(4)
}

impl Gathered {
    fn take(&mut self, place: &Place<'_>) {
        self.collected.take(place);
        let whose = place.tenant.map_or(Whose::Nobody, Whose::One);
        let (mut worst, mut own) = (4, None);
        for reason in place.reasons.iter() {
            let severity = rank(reason.weight(place.is_enabled));
            worst = worst.min(severity);
            if !matches!(reason, Reason::ReusedAcrossTenants | Reason::Disabled) {
                own = Some(own.map_or(severity, |own: u8| own.min(severity)));
            }
            self.count(whose, (place.table, reason.name()), severity);
            self.count(Whose::All, (place.table, reason.name()), severity);
        }
        self.count(Whose::All, ("", ""), worst);
        if let Some(own) = own {
            self.count(whose, ("", ""), own);
        }
        self.keep(place, worst, own);
    }

    fn count(&mut self, whose: Whose, (table, reason): (&str, &str), severity: u8) {
        let key = CountKey { whose, table: table.to_owned(), reason: reason.to_owned(), severity };
        *self.counts.entry(key).or_default() += 1;
    }

    fn keep(&mut self, place: &Place<'_>, severity: u8, own_severity: Option<u8>) {
        if self.kept >= MOST_PLACES {
            let lightest = self.places.iter_mut().enumerate().rev().find(|(_, places)| !places.is_empty());
            match lightest {
                Some((at, places)) if at > usize::from(severity) => {
                    places.pop();
                    self.kept -= 1;
                }
                _ => return,
            }
        }
        if let Some(places) = self.places.get_mut(usize::from(severity)) {
            places.push(CredentialPlace {
                table: place.table.to_owned(),
                tenant: place.tenant,
                domain: place.domain.to_owned(),
                place: place.place.to_owned(),
                severity,
                own_severity,
                reasons: place.reasons.iter().map(|reason| Reason::name(reason).to_owned()).collect(),
            });
            self.kept += 1;
        }
    }

    fn facts(&mut self, audited: &Audited) -> CredentialFacts {
        std::mem::take(&mut self.collected).facts(audited)
    }

    fn run(self, audited: &Audited, times: (Timestamp, Timestamp)) -> CredentialRun {
        CredentialRun {
            times,
            judged: audited.judged.values().sum(),
            found: audited.places,
            counts: self.counts.into_iter().collect::<BTreeMap<_, _>>(),
            gaps: audited.not_tested.iter().map(|gap| (gap.table.to_owned(), gap.reason.clone())).collect(),
            places: self.places.into_iter().flatten().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::secrets::{Kind, Reasons};

    #[test]
    fn of_more_places_than_are_kept_the_worst_stay_and_all_are_counted() {
        let mut gathered = Gathered::default();
        let mut take = |place: &str, reason| {
            gathered.take(&Place {
                table: "v_extensions",
                kind: Kind::Extension,
                row: None,
                tenant: None,
                domain: "north.example.test",
                place,
                is_enabled: true,
                reasons: Reasons::of(reason),
            });
        };
        for nth in 0..MOST_PLACES {
            take(&nth.to_string(), if nth % 2 == 0 { Reason::OneClass } else { Reason::TooShort });
        }
        for nth in 0..1000 {
            take(&format!("empty {nth}"), Reason::Empty);
            take(&format!("light {nth}"), Reason::WeakerThanPolicy);
        }

        let run = gathered.run(&Audited::default(), (Timestamp::from_unix(1), Timestamp::from_unix(2)));

        assert_eq!(run.places.len(), MOST_PLACES);
        let of = |reason: &str| run.places.iter().filter(|place| place.reasons == [reason]).count();
        assert_eq!((of("empty"), of("too-short")), (1000, MOST_PLACES / 2));
        assert_eq!((of("one-class"), of("weaker-than-policy")), (MOST_PLACES / 2 - 1000, 0));
        assert_eq!(run.places[0].reasons, ["empty"], "the worst first");
        let everywhere: u64 = run
            .counts
            .iter()
            .filter(|(key, _)| key.whose == Whose::All && key.reason.is_empty())
            .map(|(_, n)| n)
            .sum();
        assert_eq!(everywhere, MOST_PLACES as u64 + 2000);
    }
}
