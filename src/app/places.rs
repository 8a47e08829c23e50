//! A place for each open connection: so many in all, and so many for each source, so that whoever opens thousands and says
//! nothing keeps only themselves out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// In all.
    pub all: usize,
    /// From one IPv4 address or IPv6 network of 64 bits.
    pub each: usize,
    /// Whether this host itself counts as many sources: nginx speaks for all its visitors.
    pub spare_loopback: bool,
}

/// The places that are taken.
#[derive(Clone, Debug)]
pub struct Places {
    most: Most,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    each: HashMap<IpAddr, usize>,
}

/// One connection's place. Dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    places: Places,
    source: IpAddr,
}

impl Places {
    /// None taken, and at most so many.
    #[must_use]
    pub fn new(most: Most) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A place for a connection from `address`; `None` if all, or all of this source, are taken.
    #[must_use]
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        let source = source(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.each.get(&source).copied().unwrap_or_default();
        let is_spared = self.most.spare_loopback && source.is_loopback();
        if taken.all >= self.most.all || own >= self.most.each && !is_spared {
            return None;
        }
        taken.all += 1;
        taken.each.insert(source, own + 1);
        Some(Place { places: self.clone(), source })
    }

    /// How many are taken now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.each.get_mut(&self.source) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.each.remove(&self.source);
            }
        }
    }
}

/// Whoever has one IPv6 address has its whole network of 64 bits.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_fills_its_own_places_and_no_others() {
        let places = Places::new(Most { all: 4, each: 2, spare_loopback: true });
        let enter = |address: &str| places.enter(address.parse().unwrap());

        let first = enter("192.0.2.1");
        let second = enter("::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some() && enter("192.0.2.1").is_none());
        let (third, fourth) = (enter("2001:db8::1"), enter("2001:db8::2:1"));
        assert!(third.is_some() && fourth.is_some());
        assert!(enter("192.0.2.2").is_none(), "four are all there are");
        drop((first, third));
        assert!(enter("2001:db8::3").is_some() && enter("192.0.2.1").is_some());
        drop((second, fourth));
        assert_eq!(places.taken(), 0);
        assert!(places.taken.lock().unwrap().each.is_empty());
    }

    #[test]
    fn a_source_that_speaks_for_many_has_all_places() {
        let places = Places::new(Most { all: 100, each: 2, spare_loopback: true });

        let taken: Vec<_> = (0..100).filter_map(|_| places.enter("127.0.0.1".parse().unwrap())).collect();

        assert_eq!(taken.len(), 100);
        assert!(places.enter("127.0.0.1".parse().unwrap()).is_none());
        let places = Places::new(Most { all: 100, each: 2, spare_loopback: false });
        let taken: Vec<_> = (0..100).filter_map(|_| places.enter("127.0.0.1".parse().unwrap())).collect();
        assert_eq!(taken.len(), 2);
    }
}
