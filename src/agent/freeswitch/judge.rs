//! Judges a secret without saying it.

use std::sync::Arc;

use crate::base::encoding::sha256_hex;
use crate::base::rng::Random;
use crate::base::secret::Secret;
use crate::wire::switch::{Flaw, SecretFacts};
use crate::wire::typed;

/// What FreeSWITCH's and FusionPBX's files ship, for XML RPC, the event socket and the variables.
const SHIPPED: [&str; 4] = ["works", "ClueCon", "1234", "password"];

/// Makes marks of secrets, under a key of this run.
pub(super) struct Marks {
    key: Secret<Vec<u8>>,
}

impl Marks {
    /// With a new key.
    pub(super) fn new(random: &Arc<dyn Random>) -> Self {
        let mut key = vec![0_u8; 32];
        random.fill(&mut key);
        Self { key: Secret::new(key) }
    }

    /// What may be said of `secret`; `None` if there is no such parameter.
    pub(super) fn judge(&self, secret: Option<&Secret<String>>) -> SecretFacts {
        let Some(secret) = secret else {
            return SecretFacts { flaws: vec![Flaw::Missing], mark: None };
        };
        let flaws = flaws(secret.expose());
        let mark = (!flaws.contains(&Flaw::DependsOnVariable)).then(|| self.mark(secret));
        SecretFacts { flaws, mark }
    }

    fn mark(&self, secret: &Secret<String>) -> String {
        // The key has a fixed length, so it cannot run into the secret.
        let bytes = Secret::new([self.key.expose().as_slice(), secret.expose().as_bytes()].concat());
        sha256_hex(bytes.expose()).chars().take(32).collect()
    }
}

fn flaws(secret: &str) -> Vec<Flaw> {
    if super::xml::is_variable(secret) {
        return vec![Flaw::DependsOnVariable];
    }
    if secret.is_empty() {
        return vec![Flaw::Empty];
    }
    let mut flaws = Vec::new();
    if is_shipped(secret) {
        flaws.push(Flaw::Shipped);
    }
    if secret.chars().count() < typed::ENOUGH {
        flaws.push(Flaw::Short);
    }
    if typed::has_one_class(secret) {
        flaws.push(Flaw::OneClass);
    }
    flaws
}

/// Whether everybody knows it.
pub(super) fn is_shipped(secret: &str) -> bool {
    SHIPPED.iter().any(|shipped| shipped.eq_ignore_ascii_case(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::SeededRandom;

    #[test]
    fn a_secret_is_judged_and_never_said() {
        let marks = |seed| Marks::new(&(Arc::new(SeededRandom::new(seed)) as Arc<dyn Random>));
        let one = marks(1);
        let judge = |text: &str| one.judge(Some(&Secret::new(text.to_owned())));

        assert_eq!(judge("ClueCon").flaws, [Flaw::Shipped, Flaw::Short]);
        assert_eq!(judge("works").flaws, [Flaw::Shipped, Flaw::Short, Flaw::OneClass]);
        assert_eq!(judge("").flaws, [Flaw::Empty]);
        assert_eq!(judge("$${secret}").flaws, [Flaw::DependsOnVariable]);
        assert_eq!(judge("123456789012").flaws, [Flaw::OneClass]);
        assert!(judge("kV3x0PqLw9Zr").flaws.is_empty());
        assert_eq!(one.judge(None).flaws, [Flaw::Missing]);
        assert_eq!(judge("kV3x0PqLw9Zr").mark, judge("kV3x0PqLw9Zr").mark);
        assert_ne!(judge("kV3x0PqLw9Zr").mark, judge("kV3x0PqLw9Zs").mark);
        assert_ne!(judge("works").mark, marks(2).judge(Some(&Secret::new("works".to_owned()))).mark);
    }
}
