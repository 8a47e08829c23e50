//! One operator's second factor: pure, so that whoever holds it writes it to the disk before anybody is told.

use serde::{Deserialize, Serialize};

use crate::agent::gate::code::{STEP_SECONDS, Seed, digest, digits, recovery_code};
use crate::base::clock::Timestamp;
use crate::base::names::OperatorName;
use crate::base::rng::Random;
use crate::wire::answer::{CodeGood, FactorFacts, Refusal};
use crate::wire::carried::Carried;

/// How many recovery codes are made.
const RECOVERY_CODES: usize = 10;

/// A seed that was shown must be proved within this many seconds.
const PENDING_SECONDS: i64 = 15 * 60;

/// After so many wrong codes in a row the next step of the clock has to be waited for.
const WRONG_IN_A_STEP: u32 = 3;

/// After so many wrong codes in a row a quarter of an hour has to be waited for: 300 guesses a day out of a million.
const WRONG_IN_A_ROW: u32 = 12;
const LONG_WAIT_SECONDS: i64 = 15 * 60;

/// What the agent keeps of one operator.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Factor {
    operator: OperatorName,
    active: Option<Active>,
    pending: Option<Pending>,
    recovery: Vec<String>,
    wrong: u32,
    not_before: Timestamp,
    /// The digest of the enrolment code that was used last: it works once, also if its file outlived it.
    invited_by: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Active {
    seed: Seed,
    since: Timestamp,
    last_step: u64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pending {
    seed: Seed,
    begun: Timestamp,
    invitation: Option<String>,
}

impl Factor {
    /// Nothing yet.
    pub(super) const fn none(operator: OperatorName) -> Self {
        Self {
            operator,
            active: None,
            pending: None,
            recovery: Vec::new(),
            wrong: 0,
            not_before: Timestamp::from_unix(0),
            invited_by: None,
        }
    }

    /// Whose it is.
    pub(super) const fn operator(&self) -> &OperatorName {
        &self.operator
    }

    /// How it stands.
    pub(super) fn facts(&self) -> FactorFacts {
        FactorFacts { since: self.active.as_ref().map(|active| active.since), recovery_left: self.recovery_left() }
    }

    /// Whether the enrolment code with this digest was used already.
    pub(super) fn has_used(&self, invitation: &str) -> bool {
        self.invited_by.as_deref() == Some(invitation)
    }

    /// Uses `code` up, if it is good now.
    ///
    /// # Errors
    /// [`Refusal::NotEnrolled`], [`Refusal::TooManyCodes`], [`Refusal::WrongCode`]. A wrong code changes the factor too.
    pub(super) fn check(&mut self, code: &Carried, now: Timestamp) -> Result<CodeGood, Refusal> {
        let used = self.active.as_ref().ok_or(Refusal::NotEnrolled)?.last_step;
        self.may_try(now)?;
        let recovery = if let Some(digits) = digits(code.expose()) {
            let active = self.active.as_mut().ok_or(Refusal::NotEnrolled)?;
            let Some(step) = active.seed.step_of(&digits, now, used) else { return Err(self.was_wrong(now)) };
            active.last_step = step;
            false
        } else {
            let wanted = digest(code.expose());
            let Some(nth) = self.recovery.iter().position(|kept| *kept == wanted) else {
                return Err(self.was_wrong(now));
            };
            self.recovery.remove(nth);
            true
        };
        self.wrong = 0;
        Ok(CodeGood { recovery, recovery_left: self.recovery_left() })
    }

    /// Keeps a new seed until it is proved; the one in force stays in force until then.
    pub(super) fn begin(&mut self, seed: Seed, invitation: Option<String>, now: Timestamp) {
        self.pending = Some(Pending { seed, begun: now, invitation });
    }

    /// Puts the pending seed in force. Answers new recovery codes, and the digest of the enrolment code that is used up.
    ///
    /// # Errors
    /// Nothing is pending, or as [`check`](Self::check).
    pub(super) fn finish(
        &mut self,
        code: &Carried,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<(Vec<Carried>, Option<String>), Refusal> {
        self.may_try(now)?;
        let is_fresh = |pending: &&Pending| now.unix() - pending.begun.unix() <= PENDING_SECONDS;
        let Some(pending) = self.pending.as_ref().filter(is_fresh) else { return Err(Refusal::NotEnrolled) };
        let step = digits(code.expose()).and_then(|digits| pending.seed.step_of(&digits, now, 0));
        let Some(last_step) = step else { return Err(self.was_wrong(now)) };
        let Some(Pending { seed, invitation, .. }) = self.pending.take() else { return Err(Refusal::NotEnrolled) };
        self.active = Some(Active { seed, since: now, last_step });
        self.wrong = 0;
        if invitation.is_some() {
            self.invited_by.clone_from(&invitation);
        }
        Ok((self.renew_recovery(random), invitation))
    }

    /// New recovery codes in place of the old ones.
    pub(super) fn renew_recovery(&mut self, random: &dyn Random) -> Vec<Carried> {
        let codes: Vec<Carried> = (0..RECOVERY_CODES).map(|_| recovery_code(random)).collect();
        self.recovery = codes.iter().map(|code| digest(code.expose())).collect();
        codes
    }

    /// Whether a code is looked at now.
    ///
    /// # Errors
    /// [`Refusal::TooManyCodes`].
    pub(super) fn may_try(&self, now: Timestamp) -> Result<(), Refusal> {
        // A clock that was set back must not lock anybody out for longer than the longest wait.
        let wait = (self.not_before.unix() - now.unix()).min(LONG_WAIT_SECONDS);
        match u64::try_from(wait) {
            Ok(wait_seconds @ 1..) => Err(Refusal::TooManyCodes { wait_seconds }),
            _ => Ok(()),
        }
    }

    /// Notes a wrong code, and says so.
    pub(super) fn was_wrong(&mut self, now: Timestamp) -> Refusal {
        self.wrong = self.wrong.saturating_add(1);
        if self.wrong.is_multiple_of(WRONG_IN_A_STEP) {
            let wait = if self.wrong >= WRONG_IN_A_ROW {
                LONG_WAIT_SECONDS
            } else {
                STEP_SECONDS - now.unix().rem_euclid(STEP_SECONDS)
            };
            self.not_before = Timestamp::from_unix(now.unix().saturating_add(wait));
        }
        Refusal::WrongCode
    }

    fn recovery_left(&self) -> u8 {
        u8::try_from(self.recovery.len()).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::gate::code::tests::code_at;
    use crate::base::rng::SystemRandom;

    const NOON: Timestamp = Timestamp::from_unix(1_795_392_000);

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_unix(NOON.unix() + seconds)
    }

    /// A factor enrolled at noon, its seed, and its recovery codes.
    fn enrolled() -> (Factor, Seed, Vec<Carried>) {
        let mut factor = Factor::none(OperatorName::parse("ann").unwrap());
        let seed = Seed::new(&SystemRandom);
        factor.begin(seed.clone(), None, NOON);
        let (codes, _) = factor.finish(&code_at(&seed, NOON), NOON, &SystemRandom).unwrap();
        (factor, seed, codes)
    }

    fn wrong() -> Carried {
        Carried::new("abcd".to_owned())
    }

    /// ASVS 6.5.1.
    #[test]
    fn a_code_works_once_and_an_older_one_never_after_a_newer() {
        let (mut factor, seed, _) = enrolled();

        assert_eq!(factor.check(&code_at(&seed, NOON), NOON), Err(Refusal::WrongCode), "the enrolment used it up");
        assert!(factor.check(&code_at(&seed, later(60)), later(60)).is_ok());
        assert_eq!(factor.check(&code_at(&seed, later(60)), later(61)), Err(Refusal::WrongCode));
        assert_eq!(factor.check(&code_at(&seed, later(30)), later(62)), Err(Refusal::WrongCode));
        assert!(factor.check(&code_at(&seed, later(90)), later(90)).is_ok());
    }

    #[test]
    fn a_recovery_code_works_once() {
        let (mut factor, _, codes) = enrolled();

        assert_eq!(factor.facts().recovery_left, 10);
        assert_eq!(factor.check(&codes[3], NOON), Ok(CodeGood { recovery: true, recovery_left: 9 }));
        assert_eq!(factor.check(&codes[3], NOON), Err(Refusal::WrongCode));
        assert!(factor.check(&codes[4], NOON).is_ok());
    }

    #[test]
    fn three_wrong_codes_wait_for_the_next_step_and_twelve_for_a_quarter_of_an_hour() {
        let (mut factor, seed, _) = enrolled();

        for _ in 0..3 {
            assert_eq!(factor.check(&wrong(), later(10)), Err(Refusal::WrongCode));
        }
        let early = factor.check(&code_at(&seed, later(30)), later(10));
        assert_eq!(early, Err(Refusal::TooManyCodes { wait_seconds: 20 }));
        for step in 1..=3 {
            for _ in 0..3 {
                assert_eq!(factor.check(&wrong(), later(30 * step)), Err(Refusal::WrongCode));
            }
        }
        let early = factor.check(&code_at(&seed, later(120)), later(120));
        assert_eq!(early, Err(Refusal::TooManyCodes { wait_seconds: 870 }));
        assert!(factor.check(&code_at(&seed, later(990)), later(990)).is_ok());
        assert!(factor.check(&wrong(), later(991)).is_err());
        assert!(factor.check(&code_at(&seed, later(1020)), later(1020)).is_ok(), "never locked for good");
    }

    #[test]
    fn a_clock_that_was_set_back_by_years_locks_nobody_out() {
        let (mut factor, _, _) = enrolled();
        for _ in 0..3 {
            drop(factor.check(&wrong(), NOON));
        }

        let refusal = factor.may_try(Timestamp::from_unix(1_000_000_000));

        assert_eq!(refusal, Err(Refusal::TooManyCodes { wait_seconds: 900 }));
    }

    #[test]
    fn a_seed_that_was_shown_too_long_ago_is_not_put_in_force_and_the_old_one_stays() {
        let (mut factor, old, _) = enrolled();
        let new = Seed::new(&SystemRandom);
        factor.begin(new.clone(), None, later(60));

        let late = factor.finish(&code_at(&new, later(1_000)), later(1_000), &SystemRandom);

        assert_eq!(late.err(), Some(Refusal::NotEnrolled));
        assert!(factor.check(&code_at(&old, later(1_000)), later(1_000)).is_ok());
        assert_eq!(factor.facts().since, Some(NOON));
    }

    #[test]
    fn new_recovery_codes_push_the_old_ones_out() {
        let (mut factor, _, old) = enrolled();

        let new = factor.renew_recovery(&SystemRandom);

        assert_eq!(factor.check(&old[0], NOON), Err(Refusal::WrongCode));
        assert!(factor.check(&new[0], NOON).is_ok());
    }
}
