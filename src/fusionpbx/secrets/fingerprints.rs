//! Finds what is used twice without holding a secret: one keyed fingerprint for each, sorted, and then only those that
//! occur more than once. About 40 bytes a secret while they are gathered.

use std::hash::{BuildHasher as _, RandomState};

use aws_lc_rs::hmac;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::base::rng::Random;

/// 128 bits of an HMAC-SHA-256 under a key that only this run knows.
pub(super) type Fingerprint = [u8; 16];

/// Stands for no tenant.
pub(super) const NOBODY: u32 = u32::MAX;

/// The fingerprints of one run.
pub(super) struct Fingerprints {
    key: hmac::Key,
    places: RandomState,
    pool: Vec<(Fingerprint, u32)>,
    reused: Vec<(Fingerprint, u32, Reuse)>,
    /// The SIP secret of each number, and the PIN of each mailbox.
    sip: Holders,
    pins: Holders,
}

/// Where else a secret is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reuse {
    /// At another place of the same tenant.
    pub(super) here: bool,
    /// At a place of another tenant.
    pub(super) across: bool,
}

/// Which number holds which secret, both as short hashes; a number may be there twice.
#[derive(Default)]
struct Holders(Vec<(u64, u64)>);

impl Holders {
    fn settle(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
        self.0.shrink_to_fit();
    }

    /// Whether `place` is there, and whether one of its secrets is `print`.
    fn compare(&self, place: u64, print: Fingerprint) -> Option<bool> {
        let start = self.0.partition_point(|(at, _)| *at < place);
        let mut held = self.0.iter().skip(start).take_while(|(at, _)| *at == place).peekable();
        held.peek()?;
        Some(held.any(|(_, secret)| *secret == short(print)))
    }
}

fn short(print: Fingerprint) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&print[..8]);
    u64::from_le_bytes(bytes)
}

impl Fingerprints {
    /// With a new key, which is gone when this is dropped.
    pub(super) fn new(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        random.fill(bytes.as_mut());
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref()),
            places: RandomState::new(),
            pool: Vec::new(),
            reused: Vec::new(),
            sip: Holders::default(),
            pins: Holders::default(),
        }
    }

    /// The fingerprint of `secret`.
    pub(super) fn print(&self, secret: &str) -> Fingerprint {
        let tag = hmac::sign(&self.key, secret.as_bytes());
        let mut print = [0; 16];
        print.copy_from_slice(&tag.as_ref()[..16]);
        print
    }

    fn place(&self, domain: Option<Uuid>, number: &str) -> u64 {
        self.places.hash_one((domain, number))
    }

    /// Counts one use of a secret by a tenant.
    pub(super) fn use_of(&mut self, print: Fingerprint, tenant: u32) {
        self.pool.push((print, tenant));
    }

    /// Notes the SIP secret of a number.
    pub(super) fn sip(&mut self, domain: Option<Uuid>, number: &str, print: Fingerprint) {
        let place = self.place(domain, number);
        self.sip.0.push((place, short(print)));
    }

    /// Notes the PIN of a mailbox.
    pub(super) fn pin(&mut self, domain: Option<Uuid>, number: &str, print: Fingerprint) {
        let place = self.place(domain, number);
        self.pins.0.push((place, short(print)));
    }

    /// Makes the numbers searchable.
    pub(super) fn settle_numbers(&mut self) {
        self.sip.settle();
        self.pins.settle();
    }

    /// Keeps of the pool what is used more than once.
    pub(super) fn settle_uses(&mut self) {
        self.pool.sort_unstable();
        let mut reused = Vec::new();
        for same in self.pool.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1) {
            let across = same.first().map(|one| one.1) != same.last().map(|one| one.1);
            for of_one in same.chunk_by(|one, other| one.1 == other.1) {
                let reuse = Reuse { here: of_one.len() > 1, across };
                reused.extend(of_one.first().map(|(print, tenant)| (*print, *tenant, reuse)));
            }
        }
        self.reused = reused;
        self.pool = Vec::new();
    }

    /// Where else this tenant's secret is used. A copy that is in no pool is used where its original is.
    pub(super) fn reuse(&self, print: Fingerprint, tenant: u32) -> Reuse {
        let found = self.reused.binary_search_by(|(one, whose, _)| (one, whose).cmp(&(&print, &tenant)));
        found.ok().and_then(|at| self.reused.get(at)).map_or_else(Reuse::default, |(_, _, reuse)| *reuse)
    }

    /// Whether the number has a SIP secret, and whether it is this one.
    pub(super) fn is_sip_of(&self, domain: Option<Uuid>, number: &str, print: Fingerprint) -> Option<bool> {
        self.sip.compare(self.place(domain, number), print)
    }

    /// Whether the mailbox of the number has this PIN.
    pub(super) fn is_pin_of(&self, domain: Option<Uuid>, number: &str, print: Fingerprint) -> bool {
        self.pins.compare(self.place(domain, number), print) == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::SeededRandom;

    #[test]
    fn reuse_is_told_apart_by_tenant_and_what_is_used_once_is_forgotten() {
        let mut prints = Fingerprints::new(&SeededRandom::new(1));
        for (secret, tenant) in [("a", 1), ("a", 1), ("b", 1), ("b", 2), ("c", 1), ("d", 3), ("d", 3), ("d", 4)] {
            let print = prints.print(secret);
            prints.use_of(print, tenant);
        }
        prints.settle_uses();

        let reuse = |secret, tenant| {
            let Reuse { here, across } = prints.reuse(prints.print(secret), tenant);
            (here, across)
        };
        assert_eq!(reuse("a", 1), (true, false));
        assert_eq!(reuse("b", 1), (false, true));
        assert_eq!(reuse("b", 2), (false, true));
        assert_eq!(reuse("c", 1), (false, false));
        assert_eq!(reuse("d", 3), (true, true));
        assert_eq!(reuse("d", 4), (false, true));
        assert_eq!(prints.reused.len(), 5);
    }

    #[test]
    fn two_runs_make_unlike_fingerprints() {
        let one = Fingerprints::new(&SeededRandom::new(1)).print("secret");
        let other = Fingerprints::new(&SeededRandom::new(2)).print("secret");

        assert_ne!(one, other);
    }

    #[test]
    fn a_copy_is_told_from_a_stale_one_and_from_one_without_an_original() {
        let mut prints = Fingerprints::new(&SeededRandom::new(1));
        let (domain, print, other) = (Some(Uuid::nil()), prints.print("a"), prints.print("b"));
        prints.sip(domain, "101", print);
        prints.settle_numbers();

        assert_eq!(prints.is_sip_of(domain, "101", print), Some(true));
        assert_eq!(prints.is_sip_of(domain, "101", other), Some(false));
        assert_eq!(prints.is_sip_of(domain, "102", print), None);
        assert_eq!(prints.is_sip_of(None, "101", print), None);
    }
}
