//! How often one source may try: five at once, then five a minute (the generic cell rate algorithm, ITU-T I.371).

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::web::door::bounded::Bounded;

const BURST: u32 = 5;
const EACH: Duration = Duration::from_secs(12);

/// So many sources are remembered; each takes about 100 bytes.
const MOST: usize = 65_536;

/// The buckets of all sources.
pub(super) struct Sources<K>(Bounded<K, Duration>);

impl<K: Copy + Eq + Hash> Default for Sources<K> {
    fn default() -> Self {
        Self(Bounded::new(MOST))
    }
}

impl<K: Copy + Eq + Hash> Sources<K> {
    /// Takes one try from the bucket of `source`.
    ///
    /// # Errors
    /// It is empty; says how long until it holds one again.
    pub(super) fn take(&mut self, source: K, now: Duration) -> Result<(), Duration> {
        let full_again = self.0.touch(source, || now);
        let from = (*full_again).max(now);
        let room = EACH * (BURST - 1);
        match from.saturating_sub(now).checked_sub(room) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *full_again = from + EACH;
                Ok(())
            }
        }
    }

    /// Forgets those that have their whole burst again.
    pub(super) fn tidy(&mut self, now: Duration) {
        self.0.retain(|full_again| *full_again > now);
    }
}

/// What counts as one source: an IPv4 address, or the 64 bits of network that one IPv6 customer has.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000);

    #[test]
    fn the_sixth_try_at_once_is_turned_away_and_the_neighbour_is_not() {
        let mut sources = Sources::default();

        assert!((0..5).all(|_| sources.take(1, START).is_ok()));
        assert_eq!(sources.take(1, START), Err(EACH));
        assert_eq!(sources.take(2, START), Ok(()));
    }

    #[test]
    fn one_try_comes_back_every_twelve_seconds_and_no_more_than_five() {
        let mut sources = Sources::default();
        assert_eq!((0..9).filter(|_| sources.take(1, START).is_ok()).count(), 5);

        assert_eq!(sources.take(1, START + EACH / 2), Err(EACH / 2));
        assert_eq!(sources.take(1, START + EACH), Ok(()));
        assert!(sources.take(1, START + EACH).is_err());

        let later = START + Duration::from_hours(1);
        assert_eq!((0..9).filter(|_| sources.take(1, later).is_ok()).count(), 5);
    }

    #[test]
    fn a_turned_away_try_costs_nothing_and_full_buckets_are_forgotten() {
        let mut sources = Sources::default();
        for _ in 0..1_000 {
            let _ = sources.take(1, START);
        }

        assert_eq!(sources.take(1, START + EACH), Ok(()));
        sources.tidy(START + EACH * 5);
        assert_eq!(sources.0.len(), 1);
        sources.tidy(START + EACH * 6);
        assert_eq!(sources.0.len(), 0);
    }

    #[test]
    fn one_ipv6_network_is_one_source() {
        let of = |text: &str| network(text.parse().unwrap());

        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
