//! Time-based one-time codes (RFC 6238: SHA-1, six digits, 30 seconds, one step of tolerance either way) and recovery
//! codes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use totp_rs::{Builder, Totp};

use crate::base::clock::Timestamp;
use crate::base::encoding::{base32, from_base32, sha256_hex};
use crate::base::names::OperatorName;
use crate::base::rng::Random;
use crate::base::secret::Secret;
use crate::wire::carried::Carried;

/// The length of one step, in seconds (RFC 6238 section 5.2).
pub(super) const STEP_SECONDS: i64 = 30;

/// A seed has 160 bits (RFC 4226 section 4).
const SEED_BYTES: usize = 20;

/// A recovery code has 80 bits, an enrolment code 130.
const RECOVERY_LETTERS: usize = 16;
const ENROLMENT_LETTERS: usize = 26;

/// The secret that an authenticator shares with the agent.
#[derive(Clone)]
pub(super) struct Seed(Secret<Vec<u8>>);

impl Seed {
    /// A new one.
    pub(super) fn new(random: &dyn Random) -> Self {
        let mut bytes = vec![0_u8; SEED_BYTES];
        random.fill(&mut bytes);
        Self(Secret::new(bytes))
    }

    /// The step whose code `code` is, if it is one of the present step and its two neighbours and newer than `used`.
    pub(super) fn step_of(&self, code: &str, now: Timestamp, used: u64) -> Option<u64> {
        let time = u64::try_from(now.unix()).ok()?;
        self.totp(None)?.check(code, time).filter(|step| *step > used)
    }

    /// The key URI for authenticators, and the seed in base32.
    pub(super) fn shown(&self, operator: &OperatorName, host: &str) -> Option<(Carried, Carried)> {
        let uri = self.totp(Some((operator, host)))?.to_url().ok()?;
        Some((Carried::new(uri), Carried::new(base32(self.0.expose()))))
    }

    fn totp(&self, account: Option<(&OperatorName, &str)>) -> Option<Totp> {
        let builder = Builder::new().with_secret(self.0.expose().clone());
        let builder = match account {
            Some((operator, host)) => {
                builder.with_account_name(format!("{operator}@{host}").replace(':', "-")).with_issuer(Some("Rampart"))
            }
            None => builder,
        };
        builder.build().ok()
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&base32(self.0.expose()))
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Secret::new(String::deserialize(from)?);
        let bytes = from_base32(text.expose()).filter(|bytes| bytes.len() == SEED_BYTES);
        bytes.map(|bytes| Self(Secret::new(bytes))).ok_or_else(|| serde::de::Error::custom("no seed"))
    }
}

/// A new recovery code: `abcd-efgh-ijkl-mnop`.
pub(super) fn recovery_code(random: &dyn Random) -> Carried {
    Carried::new(grouped(&letters(random, RECOVERY_LETTERS)))
}

/// A new enrolment code: 26 letters in groups of four.
pub(super) fn enrolment_code(random: &dyn Random) -> Carried {
    Carried::new(grouped(&letters(random, ENROLMENT_LETTERS)))
}

/// What is kept of a code of letters: the SHA-256 of its letters, whatever hyphens, spaces and capitals it came with. It
/// has 80 random bits or more, so that no slow hash is needed.
pub(super) fn digest(code: &str) -> String {
    let letters: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    sha256_hex(letters.as_bytes())
}

/// Whether `code` is meant as six digits of an authenticator; spaces do not count.
pub(super) fn digits(code: &str) -> Option<String> {
    let packed: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    (packed.len() == 6 && packed.bytes().all(|byte| byte.is_ascii_digit())).then_some(packed)
}

fn letters(random: &dyn Random, count: usize) -> String {
    let mut bytes = vec![0_u8; (count * 5).div_ceil(8)];
    random.fill(&mut bytes);
    base32(&bytes).to_ascii_lowercase().chars().take(count).collect()
}

fn grouped(letters: &str) -> String {
    let letters: Vec<char> = letters.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::rng::SystemRandom;

    /// The code of `seed` at `at`.
    pub(in crate::agent::gate) fn code_at(seed: &Seed, at: Timestamp) -> Carried {
        let token = seed.totp(None).unwrap().generate(u64::try_from(at.unix()).unwrap());
        Carried::new(token.to_string())
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1: eight digits there, of which these are the last six.
        let seed = Seed(Secret::new(b"12345678901234567890".to_vec()));
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(code_at(&seed, Timestamp::from_unix(time)).expose(), code);
        }
    }

    /// ASVS 6.5.5.
    #[test]
    fn a_code_is_good_for_its_step_and_one_either_way_and_never_below_the_last_used() {
        let seed = Seed::new(&SystemRandom);
        let at = Timestamp::from_unix(1_795_371_690);
        let step = 1_795_371_690 / 30;
        let code = code_at(&seed, at);

        let good = |seconds: i64, used: u64| {
            seed.step_of(code.expose(), Timestamp::from_unix(at.unix() + seconds), used).is_some()
        };
        assert!(good(0, 0) && good(30, 0) && good(59, 0) && good(-30, 0));
        assert!(!good(60, 0) && !good(-31, 0));
        assert!(good(0, step - 1) && !good(0, step) && !good(0, step + 1));
    }

    #[test]
    fn letters_are_compared_whatever_they_came_with_and_are_never_the_same_twice() {
        let code = recovery_code(&SystemRandom);

        assert_eq!(code.expose().len(), 19);
        assert_eq!(digest(&code.expose().to_uppercase().replace('-', " ")), digest(code.expose()));
        assert_ne!(digest(recovery_code(&SystemRandom).expose()), digest(code.expose()));
        assert_eq!(enrolment_code(&SystemRandom).expose().len(), 26 + 6);
        assert_eq!(digits(" 123 456 ").as_deref(), Some("123456"));
        assert_eq!(digits("12345a"), None);
    }

    #[test]
    fn a_seed_reads_back_from_disk_and_stands_in_the_uri() {
        let seed = Seed::new(&SystemRandom);
        let name = OperatorName::parse("ann").unwrap();

        let kept: Seed = serde_json::from_str(&serde_json::to_string(&seed).unwrap()).unwrap();

        let (uri, secret) = kept.shown(&name, "pbx:1").unwrap();
        assert_eq!(secret.expose(), seed.shown(&name, "pbx").unwrap().1.expose());
        assert!(uri.expose().starts_with("otpauth://totp/Rampart:ann%40pbx-1?secret="), "{}", uri.expose());
        assert!(serde_json::from_str::<Seed>("\"ABCD\"").is_err());
    }
}
