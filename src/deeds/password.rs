//! Passwords of Rampart's own operators: what is accepted, and how they are kept.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::{Semaphore, oneshot};

use crate::base::rng::{Random, token};
use crate::base::secret::Secret;
use crate::policy::own_password::{self, ContextWords, Guessable};

/// argon2id with 19 MiB, two passes, one lane (OWASP's first recommendation; ASVS 11.4.2).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// The shortest password that is taken, in code points.
pub const SHORTEST: usize = 15;

/// The longest.
const LONGEST: usize = 256;

/// How many strangers may wait for their hash before further ones are turned away.
const QUEUE: usize = 20;

/// How many may wait who are known already.
const KNOWN_QUEUE: usize = 8;

/// Who wants a hash. Strangers wait for each other, and only the foremost of them for the hash function: so someone who
/// is known waits for two hashes at most, however many strangers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Anybody.
    Stranger,
    /// A signed-in operator, a known device of the operator who is named, or the command line.
    Known,
}

/// Why a password is not accepted (NIST SP 800-63B-4 section 3.1.1.2: length counts, composition does not).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Under 15 code points.
    #[error("a password needs at least 15 characters; a sentence is fine")]
    TooShort,
    /// Over 256 code points.
    #[error("a password has at most 256 characters")]
    TooLong,
    /// It would be guessed early.
    #[error(transparent)]
    Guessable(#[from] Guessable),
    /// The two fields differ.
    #[error("the two passwords are not the same")]
    Differ,
}

/// A password that keeps the rules.
pub struct NewPassword(Secret<String>);

impl NewPassword {
    /// `text`, exactly as it was typed: nothing is trimmed, cut or changed. `words` say nothing on this server.
    ///
    /// # Errors
    /// Says which rule `text` breaks.
    pub fn parse(text: Secret<String>, words: &ContextWords) -> Result<Self, PasswordFault> {
        match text.expose().chars().count() {
            0..SHORTEST => return Err(PasswordFault::TooShort),
            SHORTEST..=LONGEST => own_password::judge(text.expose(), words)?,
            _ => return Err(PasswordFault::TooLong),
        }
        Ok(Self(text))
    }
}

/// Why nothing was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("too many sign-ins wait already")]
    Busy,
    /// The hash function failed, or a stored hash is damaged.
    #[error("the password could not be hashed")]
    Failed,
}

type Work = Box<dyn FnOnce() + Send>;

/// Hashes and verifies, one at a time, so that a storm of sign-ins leaves the other core to everyone else; and on one
/// thread, since the allocator keeps for each thread what it once gave it, which here is 19 MiB.
#[derive(Clone)]
pub struct Hasher {
    thread: mpsc::Sender<Work>,
    one: Arc<Semaphore>,
    foremost: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    known_queue: Arc<Semaphore>,
    random: Arc<dyn Random>,
    dummy: Arc<tokio::sync::OnceCell<Secret<String>>>,
}

impl Hasher {
    /// A hasher that takes its salts from `random`.
    #[must_use]
    pub fn new(random: Arc<dyn Random>) -> Self {
        let (thread, works) = mpsc::channel::<Work>();
        // It ends with the last hasher, and not with a work that panics: who waits for that one hears of it.
        let run = |work: Work| drop(catch_unwind(AssertUnwindSafe(work)));
        std::thread::spawn(move || works.into_iter().for_each(run));
        Self {
            thread,
            one: Arc::new(Semaphore::new(1)),
            foremost: Arc::new(Semaphore::new(1)),
            queue: Arc::new(Semaphore::new(QUEUE)),
            known_queue: Arc::new(Semaphore::new(KNOWN_QUEUE)),
            random,
            dummy: Arc::default(),
        }
    }

    /// The argon2id hash of `password`, in PHC form.
    ///
    /// # Errors
    /// The queue is full, or the hash failed.
    pub async fn hash(&self, password: NewPassword, lane: Lane) -> Result<Secret<String>, HashError> {
        let mut salt = [0_u8; 16];
        self.random.fill(&mut salt);
        self.in_turn(lane, move || {
            let hash: PasswordHash = argon2()?
                .hash_password_with_salt(password.0.expose().as_bytes(), &salt)
                .map_err(|_| HashError::Failed)?;
            Ok(Secret::new(hash.to_string()))
        })
        .await
    }

    /// Whether `password` is the one behind `hash`. Without a hash it takes as long and says no, so that time does
    /// not tell which names exist.
    ///
    /// # Errors
    /// The queue is full, or the stored hash is damaged.
    pub async fn verify(
        &self,
        password: Secret<String>,
        hash: Option<Secret<String>>,
        lane: Lane,
    ) -> Result<bool, HashError> {
        let is_known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => self.dummy_hash().await?,
        };
        let matches = self
            .in_turn(lane, move || {
                let hash = PasswordHash::new(hash.expose()).map_err(|_| HashError::Failed)?;
                Ok(argon2()?.verify_password(password.expose().as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(matches && is_known)
    }

    /// Makes the hash that unknown names are compared with, so that the first of them takes no longer than the others.
    ///
    /// # Errors
    /// The hash failed.
    pub async fn prepare(&self) -> Result<(), HashError> {
        self.dummy_hash().await.map(drop)
    }

    async fn dummy_hash(&self) -> Result<Secret<String>, HashError> {
        let make = || async { self.hash(NewPassword(token(self.random.as_ref())), Lane::Known).await };
        self.dummy.get_or_try_init(make).await.cloned()
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let queue = if lane == Lane::Known { &self.known_queue } else { &self.queue };
        let _place = queue.try_acquire().map_err(|_| HashError::Busy)?;
        let _foremost = match lane {
            Lane::Stranger => Some(self.foremost.acquire().await.map_err(|_| HashError::Failed)?),
            Lane::Known => None,
        };
        let turn = self.one.clone().acquire_owned().await.map_err(|_| HashError::Failed)?;
        let (done, outcome) = oneshot::channel();
        let work = move || {
            let _turn = turn;
            // Whoever waited may have gone.
            drop(done.send(work()));
        };
        self.thread.send(Box::new(work)).map_err(|_| HashError::Failed)?;
        outcome.await.map_err(|_| HashError::Failed)?
    }
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| HashError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::SystemRandom;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn parse(text: &str) -> Result<NewPassword, PasswordFault> {
        NewPassword::parse(secret(text), &ContextWords::default())
    }

    /// ASVS 6.2.1, 6.2.9.
    #[test]
    fn length_counts_in_code_points_and_nothing_else_does() {
        assert_eq!(parse("fourteen chars").err(), Some(PasswordFault::TooShort));
        for length in [15, 64, 128, 256] {
            assert!(parse(&"a".repeat(length)).is_ok(), "{length}");
            assert!(parse(&"\u{1f510}".repeat(length)).is_ok(), "{length}");
        }
        assert_eq!(parse(&"a".repeat(257)).err(), Some(PasswordFault::TooLong));
        assert_eq!(parse("passwordpassword").err(), Some(PasswordFault::Guessable(Guessable::Listed)));
    }

    /// ASVS 6.2.8, 6.2.9: to the last character, without trimming, cutting or changing anything.
    #[tokio::test]
    async fn a_password_is_verified_exactly_as_it_was_typed() {
        let hasher = Hasher::new(Arc::new(SystemRandom));
        let long = format!("{}x", "a quiet wall ".repeat(19));
        let cases = [
            (" a quiet stone wall", "a quiet stone wall"),
            ("a quiet stone wall ", "a quiet stone wall"),
            ("A quiet stone wall", "a quiet stone wall"),
            ("a caf\u{e9} behind the wall", "a cafe\u{301} behind the wall"),
            ("a quiet\0stone wall", "a quiet"),
            (long.as_str(), &long[..long.len() - 1]),
        ];

        for (right, wrong) in cases {
            let hash = hasher.hash(parse(right).unwrap(), Lane::Known).await.unwrap();
            assert_eq!(hasher.verify(secret(right), Some(hash.clone()), Lane::Known).await, Ok(true), "{right:?}");
            assert_eq!(hasher.verify(secret(wrong), Some(hash), Lane::Known).await, Ok(false), "{wrong:?}");
        }
    }

    /// ASVS 11.4.2.
    #[tokio::test]
    async fn only_the_right_password_opens_and_no_account_never_does() {
        let hasher = Hasher::new(Arc::new(SystemRandom));
        let hash = hasher.hash(parse("a quiet stone wall").unwrap(), Lane::Known).await.unwrap();

        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(hasher.verify(secret("a quiet stone wall"), Some(hash.clone()), Lane::Stranger).await, Ok(true));
        assert_eq!(hasher.verify(secret("a quiet stone wal"), Some(hash), Lane::Known).await, Ok(false));
        assert_eq!(hasher.verify(secret("a quiet stone wall"), None, Lane::Stranger).await, Ok(false));
    }

    #[tokio::test]
    async fn a_full_queue_turns_further_ones_away() {
        let hasher = Hasher::new(Arc::new(SystemRandom));
        let places = hasher.queue.clone().try_acquire_many_owned(u32::try_from(QUEUE).unwrap()).unwrap();

        let outcome = hasher.verify(secret("a quiet stone wall"), Some(secret("$argon2id$")), Lane::Stranger).await;

        assert_eq!(outcome, Err(HashError::Busy));
        drop(places);
    }

    #[tokio::test]
    async fn a_work_that_panics_fails_alone() {
        let hasher = Hasher::new(Arc::new(SystemRandom));

        let outcome = hasher.in_turn(Lane::Known, || -> Result<(), HashError> { panic!("on purpose") }).await;

        assert_eq!(outcome, Err(HashError::Failed));
        assert_eq!(hasher.verify(secret("a quiet stone wall"), None, Lane::Known).await, Ok(false));
    }

    #[tokio::test]
    async fn someone_known_waits_for_no_queue_of_strangers() {
        let hasher = Hasher::new(Arc::new(SystemRandom));
        hasher.prepare().await.unwrap();
        let places = hasher.queue.clone().try_acquire_many_owned(u32::try_from(QUEUE).unwrap()).unwrap();
        // The foremost stranger stands still for ever.
        let foremost = hasher.foremost.clone().try_acquire_owned().unwrap();

        let outcome = hasher.verify(secret("a quiet stone wall"), None, Lane::Known).await;

        assert_eq!(outcome, Ok(false));
        drop((places, foremost));
    }
}
