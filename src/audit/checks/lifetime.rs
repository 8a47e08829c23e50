//! How near a certificate is to its end. Limits shrink with the lifetime, so that one of six days is not always alarming.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::wire::answer::LeafFacts;

/// What is left of a certificate's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It begins later.
    NotYet,
    /// Nothing.
    Expired,
    /// Less than 7 days, or a tenth of a shorter life.
    Urgent,
    /// Less than 21 days, or a quarter of a shorter life.
    Short,
    /// More than that.
    Enough,
}

/// What is left of `leaf` at `now`.
pub(crate) fn left(leaf: &LeafFacts, now: Timestamp) -> Left {
    let life = leaf.not_after.since(leaf.not_before);
    let rest = leaf.not_after.since(now);
    if now < leaf.not_before {
        Left::NotYet
    } else if now >= leaf.not_after {
        Left::Expired
    } else if rest < Duration::from_hours(7 * 24).min(life / 10) {
        Left::Urgent
    } else if rest < Duration::from_hours(21 * 24).min(life / 4) {
        Left::Short
    } else {
        Left::Enough
    }
}

/// When a renewal is late: three quarters of the life are over. Renewals begin at two thirds, unless the CA says otherwise.
pub(crate) fn late_from(leaf: &LeafFacts) -> Timestamp {
    let life = leaf.not_after.since(leaf.not_before);
    leaf.not_before.plus(life * 3 / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(life_hours: u64, left_hours: u64) -> Left {
        let not_before = Timestamp::from_unix(1_000_000_000);
        let not_after = not_before.plus(Duration::from_hours(life_hours));
        let leaf = LeafFacts {
            names: Vec::new(),
            issuer: String::new(),
            serial: String::new(),
            not_before,
            not_after,
            key: String::new(),
        };
        left(&leaf, not_after.minus(Duration::from_hours(left_hours)))
    }

    #[test]
    fn ninety_days_have_limits_of_21_and_7_days() {
        let ninety = 90 * 24;

        assert_eq!(state(ninety, 21 * 24), Left::Enough);
        assert_eq!(state(ninety, 21 * 24 - 1), Left::Short);
        assert_eq!(state(ninety, 7 * 24 - 1), Left::Urgent);
        assert_eq!(state(ninety, 0), Left::Expired);
        assert_eq!(state(ninety, ninety + 1), Left::NotYet);
    }

    #[test]
    fn six_days_and_47_days_are_ordinary_until_their_renewal_is_late() {
        assert_eq!(state(6 * 24, 2 * 24), Left::Enough);
        assert_eq!(state(6 * 24, 30), Left::Short);
        assert_eq!(state(47 * 24, 15 * 24), Left::Enough);
        assert_eq!(state(47 * 24, 4 * 24), Left::Urgent);
    }
}
