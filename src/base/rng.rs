//! The only asker of randomness. Everything else takes a [`Random`] as an argument.

use std::sync::Mutex;

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng, TryRng};

use crate::base::encoding::base64url;
use crate::base::secret::Secret;

/// A source of bytes that nobody can foretell.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's own source.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::expect_used,
        reason = "without randomness no secret may be made; Linux never refuses after boot"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        SysRng.try_fill_bytes(bytes).expect("the operating system gives random bytes");
    }
}

/// The same bytes for the same seed, for tests.
#[derive(Debug)]
pub struct SeededRandom(Mutex<StdRng>);

impl SeededRandom {
    /// A source that repeats itself for each `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// A new token of 128 bits, in 22 letters that are safe in a URL.
#[must_use]
pub fn token(random: &dyn Random) -> Secret<String> {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    Secret::new(base64url(&bytes))
}

/// A number from 0 up to, not including, `bound`; 0 if `bound` is 0. The bias of one draw of 64 bits is
/// below 2^-32 for any bound that fits 32 bits.
#[must_use]
pub fn below(random: &dyn Random, bound: u32) -> u32 {
    let mut bytes = [0_u8; 8];
    random.fill(&mut bytes);
    let draw = u64::from_le_bytes(bytes);
    u32::try_from(draw.checked_rem(u64::from(bound)).unwrap_or(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_128_bits_and_is_never_the_same_twice() {
        let one = token(&SystemRandom);
        let other = token(&SystemRandom);

        assert_eq!(one.expose().len(), 22);
        assert_ne!(one.expose(), other.expose());
    }

    #[test]
    fn a_draw_stays_below_its_bound() {
        let random = SeededRandom::new(7);

        assert!((0..1_000).all(|_| below(&random, 6) < 6));
        assert_eq!(below(&random, 0), 0);
    }
}
