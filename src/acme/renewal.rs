//! When to renew. Pure: dates, failures so far and the present moment in, a decision out; no span in days anywhere, so
//! that certificates of 6, 47 and 200 days are the same to it.

use std::fmt;
use std::time::Duration;

use crate::base::clock::Timestamp;

/// Below this lifetime, half of it must be left instead of a third (Let's Encrypt's integration guide).
const SHORT_LIFE: Duration = Duration::from_hours(10 * 24);

/// The pauses after the first, second, third failure and all that follow (the same guide), before jitter.
const PAUSES: [Duration; 4] =
    [Duration::from_mins(1), Duration::from_mins(10), Duration::from_mins(100), Duration::from_hours(24)];

/// Where little life is left, no pause is longer than this or an eighth of what is left, whichever is more.
const URGENT_PAUSE: Duration = Duration::from_hours(1);

/// The validity of the certificate that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Its start.
    pub not_before: Timestamp,
    /// Its end.
    pub not_after: Timestamp,
    /// The moment chosen in the window that the CA suggests (ARI); `None` where it suggests none.
    pub asked: Option<Timestamp>,
    /// It was revoked, or its key is not what it was signed for.
    pub is_void: bool,
}

/// The tries to replace it so far. Keep them in the store: a restart must not begin anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How many failed in a row.
    pub failures: u32,
    /// When the last one began.
    pub last_attempt: Option<Timestamp>,
    /// Until when the CA asked us to wait (its Retry-After).
    pub paused_until: Option<Timestamp>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, until then.
    Wait {
        /// When to ask again.
        until: Timestamp,
    },
    /// Order a new one.
    Renew {
        /// The reason.
        why: Why,
    },
    /// Order a new one, and tell the operator that it is late.
    RenewUrgently {
        /// The reason.
        why: Why,
    },
}

/// Why a certificate is to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was revoked.
    Void,
    /// The moment has come that the CA asked for.
    Asked,
    /// A third of its life is left, or half if it is short.
    Due,
    /// Less than a twentieth of its life is left.
    NearlySpent,
    /// It has expired.
    Expired,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Void => "it was revoked",
            Self::Asked => "the CA asks for it (ARI)",
            Self::Due => "it is time to renew it",
            Self::NearlySpent => "less than a twentieth of its life is left",
            Self::Expired => "it has expired",
        })
    }
}

/// Decides. The CA's wish comes first, but a life that is nearly spent overrides it; without a wish a third of the life is
/// left, or half of a short one. `jitter` is one random number for each attempt, drawn once and kept with it: it moves a pause by up to a
/// quarter either way.
#[must_use]
pub fn decide(lifetime: &Lifetime, attempts: &Attempts, jitter: u32, now: Timestamp) -> Decision {
    let life = lifetime.not_after.since(lifetime.not_before);
    let urgent_from = lifetime.not_after.minus(life / 20);
    let usual = lifetime.not_after.minus(if life < SHORT_LIFE { life / 2 } else { life / 3 });
    let due = lifetime.asked.map_or(usual, |asked| asked.min(urgent_from));
    if now < due && !lifetime.is_void {
        return Decision::Wait { until: due };
    }
    if let Some(until) = pause_end(lifetime, attempts, jitter, urgent_from, now)
        && now < until
    {
        return Decision::Wait { until };
    }
    if now >= lifetime.not_after {
        Decision::RenewUrgently { why: Why::Expired }
    } else if lifetime.is_void {
        Decision::RenewUrgently { why: Why::Void }
    } else if now > urgent_from {
        Decision::RenewUrgently { why: Why::NearlySpent }
    } else {
        Decision::Renew { why: if lifetime.asked.is_some() { Why::Asked } else { Why::Due } }
    }
}

/// The end of the pause after the last failure.
fn pause_end(
    lifetime: &Lifetime,
    attempts: &Attempts,
    jitter: u32,
    urgent_from: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let nth = usize::try_from(attempts.failures).unwrap_or(usize::MAX).checked_sub(1)?;
    // A clock that was set back must not make the pause longer.
    let last = attempts.last_attempt?.min(now);
    let usual = PAUSES.get(nth).or(PAUSES.last()).copied().unwrap_or_default();
    let left = lifetime.not_after.since(last);
    let urgent = last.plus(URGENT_PAUSE.max(left / 8));
    let mut until = last.plus(jittered(usual, jitter));
    if until > urgent_from {
        until = until.min(urgent.max(urgent_from));
    }
    if last > urgent_from {
        until = until.min(urgent);
    }
    // A CA that asks for a pause gets it, but never more than half of what is left.
    if let Some(asked) = attempts.paused_until {
        until = until.max(asked.min(last.plus(URGENT_PAUSE.max(left / 2))));
    }
    Some(until)
}

/// Three quarters of `pause` and up to half of it more.
fn jittered(pause: Duration, jitter: u32) -> Duration {
    let share = (u64::from(jitter) * 500) >> 32;
    Duration::from_secs(pause.as_secs().saturating_mul(750 + share) / 1_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;
    const MIDDLE: u32 = u32::MAX / 2;

    fn life(seconds: i64) -> Lifetime {
        Lifetime {
            not_before: Timestamp::from_unix(0),
            not_after: Timestamp::from_unix(seconds),
            asked: None,
            is_void: false,
        }
    }

    fn failed(failures: u32, at: i64) -> Attempts {
        Attempts { failures, last_attempt: Some(Timestamp::from_unix(at)), paused_until: None }
    }

    fn until(decision: Decision) -> i64 {
        match decision {
            Decision::Wait { until } => until.unix(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_third_of_the_life_is_left_or_half_of_a_short_one() {
        let first = Attempts::default();

        assert_eq!(until(decide(&life(90 * DAY), &first, 0, Timestamp::from_unix(0))), 60 * DAY);
        assert_eq!(until(decide(&life(6 * DAY), &first, 0, Timestamp::from_unix(0))), 3 * DAY);
        let due = decide(&life(90 * DAY), &first, 0, Timestamp::from_unix(60 * DAY));
        assert_eq!(due, Decision::Renew { why: Why::Due });
    }

    #[test]
    fn pauses_grow_from_a_minute_to_a_day() {
        for (failures, pause) in [(1, 60), (2, 600), (3, 6_000), (4, DAY), (99, DAY)] {
            let now = Timestamp::from_unix(60 * DAY + 1);
            let least = until(decide(&life(90 * DAY), &failed(failures, 60 * DAY), 0, now)) - 60 * DAY;
            let most = until(decide(&life(90 * DAY), &failed(failures, 60 * DAY), u32::MAX, now)) - 60 * DAY;
            assert_eq!(least, pause * 3 / 4);
            assert!((pause * 124 / 100..=pause * 125 / 100).contains(&most), "{failures}: {most}");
        }
    }

    #[test]
    fn a_nearly_spent_or_expired_certificate_is_urgent_and_its_pauses_are_short() {
        let spent = Timestamp::from_unix(6 * DAY - 3_600);
        assert_eq!(
            decide(&life(6 * DAY), &Attempts::default(), 0, spent),
            Decision::RenewUrgently { why: Why::NearlySpent }
        );
        let expired = Timestamp::from_unix(7 * DAY);
        assert_eq!(
            decide(&life(6 * DAY), &Attempts::default(), 0, expired),
            Decision::RenewUrgently { why: Why::Expired }
        );
        assert_eq!(until(decide(&life(6 * DAY), &failed(9, 7 * DAY), MIDDLE, expired)), 7 * DAY + 3_600);
    }

    #[test]
    fn a_pause_that_the_ca_asks_for_is_kept_but_not_beyond_half_of_what_is_left() {
        let now = Timestamp::from_unix(60 * DAY + 1);
        let mut attempts = failed(1, 60 * DAY);
        attempts.paused_until = Some(Timestamp::from_unix(61 * DAY));
        assert_eq!(until(decide(&life(90 * DAY), &attempts, MIDDLE, now)), 61 * DAY);
        attempts.paused_until = Some(Timestamp::from_unix(i64::MAX));
        assert_eq!(until(decide(&life(90 * DAY), &attempts, MIDDLE, now)), 75 * DAY);
    }

    #[test]
    fn what_the_ca_asks_for_comes_before_the_share_of_the_life() {
        let first = Attempts::default();
        let asked = |day: i64| Lifetime { asked: Some(Timestamp::from_unix(day * DAY)), ..life(90 * DAY) };

        assert_eq!(until(decide(&asked(20), &first, 0, Timestamp::from_unix(0))), 20 * DAY);
        assert_eq!(until(decide(&asked(70), &first, 0, Timestamp::from_unix(65 * DAY))), 70 * DAY);
        let now = decide(&asked(-3), &first, 0, Timestamp::from_unix(0));
        assert_eq!(now, Decision::Renew { why: Why::Asked });
    }

    #[test]
    fn what_was_revoked_is_replaced_at_once_with_the_same_pauses_after_failures() {
        let void = Lifetime { is_void: true, ..life(90 * DAY) };

        let now = decide(&void, &Attempts::default(), 0, Timestamp::from_unix(DAY));
        assert_eq!(now, Decision::RenewUrgently { why: Why::Void });
        let pause = until(decide(&void, &failed(1, DAY), MIDDLE, Timestamp::from_unix(DAY))) - DAY;
        assert!((45..=75).contains(&pause), "{pause}");
    }

    #[test]
    fn a_wish_for_later_does_not_outlast_the_life() {
        let late = Lifetime { asked: Some(Timestamp::from_unix(i64::MAX)), ..life(100 * DAY) };

        assert_eq!(until(decide(&late, &Attempts::default(), 0, Timestamp::from_unix(0))), 95 * DAY);
        let spent = decide(&late, &Attempts::default(), 0, Timestamp::from_unix(95 * DAY + 1));
        assert_eq!(spent, Decision::RenewUrgently { why: Why::NearlySpent });
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_renewals() {
        let now = Timestamp::from_unix(70 * DAY);

        assert!(until(decide(&life(90 * DAY), &failed(1, 80 * DAY), MIDDLE, now)) <= 70 * DAY + 75);
    }

    #[test]
    fn dates_without_sense_are_urgent() {
        let backwards = Lifetime { not_before: Timestamp::from_unix(10), ..life(0) };

        let decision = decide(&backwards, &Attempts::default(), 0, Timestamp::from_unix(5));

        assert_eq!(decision, Decision::RenewUrgently { why: Why::Expired });
    }

    /// Sleeps as it is told from `start`, trying whenever it may; the CA is away before `back`. Hands back the moment of
    /// the success and the number of failures.
    fn live(lifetime: Lifetime, start: Timestamp, back: Timestamp, jitter: u32) -> (Timestamp, u32) {
        let (mut now, mut attempts) = (start, Attempts::default());
        loop {
            match decide(&lifetime, &attempts, jitter, now) {
                Decision::Wait { until } => {
                    assert!(until > now, "a wait moves time");
                    now = until;
                }
                _ if now >= back => return (now, attempts.failures),
                _ => {
                    attempts.failures += 1;
                    attempts.last_attempt = Some(now);
                    now = now.plus(Duration::from_secs(1));
                }
            }
        }
    }

    proptest! {
        /// 160 hours to 200 days; the CA away for up to nine tenths of the time that is left when renewal is due.
        #[test]
        fn twenty_renewals_in_a_row_never_lapse_and_never_hammer(
            seconds in 160_i64 * 3_600..200 * DAY,
            away in prop::collection::vec(0_i64..90, 20),
            jitter in any::<u32>(),
        ) {
            let mut issued = Timestamp::from_unix(1_795_371_696);
            for percent in away {
                let span = Duration::from_secs(u64::try_from(seconds).unwrap());
                let lifetime = Lifetime { not_before: issued, not_after: issued.plus(span), asked: None, is_void: false };
                let left = if span < SHORT_LIFE { seconds / 2 } else { seconds / 3 };
                let due = lifetime.not_after.unix() - left;
                let back = Timestamp::from_unix(due + left * percent / 100);

                let (renewed, failures) = live(lifetime, issued, back, jitter);

                prop_assert!(renewed < lifetime.not_after, "lapsed: back at {back}, renewed at {renewed}");
                prop_assert!(renewed.unix() >= due - 1, "too early");
                prop_assert!(i64::from(failures) <= 10 + left / DAY * 2 + 40, "{failures} failures");
                issued = renewed;
            }
        }

        #[test]
        fn no_input_panics(from in any::<i64>(), to in any::<i64>(), failures in any::<u32>(), last in any::<i64>(),
            paused in any::<i64>(), asked in any::<Option<i64>>(), jitter in any::<u32>(), now in any::<i64>()) {
            let (not_before, not_after) = (Timestamp::from_unix(from), Timestamp::from_unix(to));
            let asked = asked.map(Timestamp::from_unix);
            let lifetime = Lifetime { not_before, not_after, asked, is_void: jitter.is_multiple_of(2) };
            let attempts = Attempts {
                failures,
                last_attempt: Some(Timestamp::from_unix(last)),
                paused_until: Some(Timestamp::from_unix(paused)),
            };
            let decision = decide(&lifetime, &attempts, jitter, Timestamp::from_unix(now));
            if let Decision::Wait { until } = decision {
                prop_assert!(until.unix() > now);
            }
        }
    }
}
