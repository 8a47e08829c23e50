//! How fast one address may try to sign in, and how many streams one session may hear.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Five at once, then five a minute, for each IPv4 address or IPv6 network of 64 bits.
const BURST: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// The addresses' buckets.
pub struct SignInLimit(RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>);

impl Default for SignInLimit {
    fn default() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(BURST).allow_burst(BURST)))
    }
}

impl SignInLimit {
    /// Takes one try from `address`'s bucket; `false` if it is empty.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.0.check_key(&bucket(address)).is_ok()
    }

    /// Forgets the buckets that are full again.
    pub fn tidy(&self) {
        self.0.retain_recent();
    }
}

/// At most so many event streams at once for one session: each holds a connection.
const MOST_STREAMS: u32 = 2;

/// The event streams that are open, by session.
#[derive(Clone, Debug, Default)]
pub struct EventStreams(Arc<Mutex<HashMap<i128, u32>>>);

impl EventStreams {
    /// A place for one more stream of `session`; `None` if two are open already.
    #[must_use]
    pub fn enter(&self, session: i128) -> Option<StreamPlace> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(session).or_default();
        if *count >= MOST_STREAMS {
            return None;
        }
        *count += 1;
        Some(StreamPlace { streams: self.clone(), session })
    }
}

/// The place of one open stream. Dropping it makes room for another.
#[derive(Debug)]
pub struct StreamPlace {
    streams: EventStreams,
    session: i128,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.session);
            }
        }
    }
}

/// Whoever has one IPv6 address has its whole /64.
fn bucket(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_try_at_once_is_turned_away_and_the_neighbour_is_not() {
        let limit = SignInLimit::default();
        let address = "192.0.2.1".parse().unwrap();

        assert!((0..5).all(|_| limit.allows(address)));
        assert!(!limit.allows(address));
        assert!(limit.allows("192.0.2.2".parse().unwrap()));
    }

    #[test]
    fn one_ipv6_network_has_one_bucket() {
        assert_eq!(bucket("2001:db8::1".parse().unwrap()), bucket("2001:db8::ffff:2".parse().unwrap()));
        assert_ne!(bucket("2001:db8::1".parse().unwrap()), bucket("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(bucket("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
    }
}
