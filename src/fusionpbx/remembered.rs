//! Answers that cost a look at every row of a large table, and how long they may be given again.
//!
//! Two statements with the same snapshot see the same rows (`txid_current_snapshot`, PostgreSQL 15 manual, section 9.27.9),
//! so that an answer is never older than the question. On a standby the snapshot does not say that, and nothing is recalled by
//! it. Where FusionPBX commits all the time and the tables are large, an answer of the last seconds is given instead, with its
//! age, and asked anew in the background; what Rampart itself writes makes every answer void at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;

/// The SQL of the present snapshot as text; NULL where it says nothing.
const SNAPSHOT: &str = "CASE WHEN pg_is_in_recovery() THEN NULL ELSE txid_current_snapshot()::text END";

/// Answers are kept to so many questions.
const MOST: usize = 8;

/// An answer that is older is not given any more, however large the tables are.
const OLDEST: Duration = Duration::from_secs(30);

/// An answer that is older is asked anew in the background.
const FRESH: Duration = Duration::from_secs(3);

/// The last answers.
#[derive(Debug)]
pub(super) struct Remembered<Q, A> {
    answers: Mutex<Vec<Known<Q, A>>>,
    /// Counts what made all answers void.
    writes: AtomicU64,
    is_asking: AtomicBool,
}

#[derive(Debug)]
struct Known<Q, A> {
    snapshot: Option<String>,
    at: Instant,
    question: Q,
    answer: A,
}

/// An answer of the last seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lately<A> {
    pub(super) answer: A,
    pub(super) age: Duration,
    /// Whether the caller is to ask anew in the background, and to say so with [`Remembered::asked`].
    pub(super) is_to_be_asked: bool,
}

impl<Q, A> Default for Remembered<Q, A> {
    fn default() -> Self {
        Self { answers: Mutex::default(), writes: AtomicU64::new(0), is_asking: AtomicBool::new(false) }
    }
}

impl<Q: PartialEq, A: Clone> Remembered<Q, A> {
    /// The answer to `question`, if it was seen with this very snapshot.
    pub(super) fn recall(&self, snapshot: Option<&str>, question: &Q) -> Option<A> {
        let snapshot = snapshot?;
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |known: &&Known<Q, A>| known.snapshot.as_deref() == Some(snapshot) && known.question == *question;
        answers.iter().find(is_it).map(|known| known.answer.clone())
    }

    /// The answer to `question`, if it is at most half a minute old and Rampart wrote nothing since.
    pub(super) fn lately(&self, question: &Q) -> Option<Lately<A>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers.iter().find(|known| known.question == *question)?;
        let age = known.at.elapsed();
        if age > OLDEST {
            return None;
        }
        let is_to_be_asked = age > FRESH && !self.is_asking.swap(true, Ordering::AcqRel);
        Some(Lately { answer: known.answer.clone(), age, is_to_be_asked })
    }

    /// What is asked in the background was answered, or failed.
    pub(super) fn asked(&self) {
        self.is_asking.store(false, Ordering::Release);
    }

    /// How often everything was made void; to be taken before the question is put, and handed to [`Self::keep`].
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// Rampart wrote something: no answer counts any more, nor one that is on its way.
    pub(super) fn forget(&self) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        self.writes.fetch_add(1, Ordering::AcqRel);
        answers.clear();
    }

    /// Keeps an answer to a question that was put when `writes` was the count.
    pub(super) fn keep(&self, (snapshot, writes): (Option<String>, u64), question: Q, answer: A) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if writes != self.writes() {
            return;
        }
        answers.retain(|known| known.question != question && known.at.elapsed() <= OLDEST);
        if answers.len() >= MOST {
            answers.remove(0);
        }
        answers.push(Known { snapshot, at: Instant::now(), question, answer });
    }
}

impl FusionPbx {
    /// The present snapshot.
    pub(super) async fn snapshot(&self) -> Result<Option<String>, FusionPbxError> {
        Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT {SNAPSHOT}"))).fetch_one(&self.pool).await?)
    }

    /// Rampart wrote a setting.
    pub(super) fn forget_answers(&self) {
        self.overrides.forget();
        self.phone_secrets.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(snapshot: &str) -> (Option<String>, u64) {
        (Some(snapshot.to_owned()), 0)
    }

    #[test]
    fn an_answer_is_recalled_for_its_question_and_its_snapshot_alone() {
        let answers = Remembered::default();
        answers.keep(at("10:10:"), "which", 1);
        answers.keep((None, 0), "other", 2);

        assert_eq!(answers.recall(Some("10:10:"), &"which"), Some(1));
        assert_eq!(answers.recall(Some("10:11:"), &"which"), None);
        assert_eq!((answers.recall(Some("10:10:"), &"other"), answers.recall(None, &"other")), (None, None));
        answers.keep(at("10:11:"), "which", 3);
        assert_eq!(answers.recall(Some("10:10:"), &"which"), None);
    }

    #[test]
    fn an_answer_of_the_last_seconds_is_given_with_its_age_until_something_is_written() {
        let answers = Remembered::default();
        answers.keep(at("10:10:"), "which", 1);

        let lately = answers.lately(&"which").unwrap();
        assert_eq!((lately.answer, lately.is_to_be_asked), (1, false));
        assert!(lately.age < FRESH);
        assert_eq!(answers.lately(&"other"), None);

        let before = answers.writes();
        answers.forget();
        assert_eq!(answers.lately(&"which"), None);
        // It was asked before the write, and answered after it.
        answers.keep((None, before), "which", 1);
        assert_eq!(answers.lately(&"which"), None);
    }

    #[test]
    fn no_more_answers_are_kept_than_a_page_asks_for() {
        let answers = Remembered::default();
        for question in 0..100 {
            answers.keep(at("1:1:"), question, question);
        }

        let kept = (0..100).filter(|question| answers.recall(Some("1:1:"), question).is_some()).count();
        assert_eq!(kept, MOST);
        assert_eq!(answers.recall(Some("1:1:"), &99), Some(99));
    }
}
