//! Answers that cost a look at every row of a large table, kept for as long as nothing at all was committed in the database.
//!
//! Two statements with the same snapshot see the same rows (`txid_current_snapshot`, PostgreSQL 15 manual, section 9.27.9),
//! so that an answer is never older than the question. On a standby the snapshot does not say that, and nothing is kept.

use std::sync::{Mutex, PoisonError};

use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;

/// The SQL of the present snapshot as text; NULL where it says nothing.
const SNAPSHOT: &str = "CASE WHEN pg_is_in_recovery() THEN NULL ELSE txid_current_snapshot()::text END";

/// Answers are kept to so many questions.
const MOST: usize = 8;

/// The last answers, each with its snapshot and its question.
#[derive(Debug)]
pub(super) struct Remembered<Q, A>(Mutex<Vec<(String, Q, A)>>);

impl<Q, A> Default for Remembered<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q: PartialEq, A: Clone> Remembered<Q, A> {
    /// The answer to `question`, if it was seen with this very snapshot.
    pub(super) fn recall(&self, snapshot: Option<&str>, question: &Q) -> Option<A> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |known: &&(String, Q, A)| Some(known.0.as_str()) == snapshot && known.1 == *question;
        answers.iter().find(is_it).map(|known| known.2.clone())
    }

    /// Keeps an answer; those of other snapshots go.
    pub(super) fn keep(&self, snapshot: Option<String>, question: Q, answer: A) {
        let Some(snapshot) = snapshot else { return };
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|known| known.0 == snapshot && known.1 != question);
        answers.truncate(MOST - 1);
        answers.push((snapshot, question, answer));
    }
}

impl FusionPbx {
    /// The present snapshot.
    pub(super) async fn snapshot(&self) -> Result<Option<String>, FusionPbxError> {
        Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT {SNAPSHOT}"))).fetch_one(&self.pool).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_recalled_for_its_question_and_its_snapshot_alone() {
        let answers = Remembered::default();
        answers.keep(Some("10:10:".to_owned()), "which", 1);
        answers.keep(None, "other", 2);

        assert_eq!(answers.recall(Some("10:10:"), &"which"), Some(1));
        assert_eq!(answers.recall(Some("10:11:"), &"which"), None);
        assert_eq!((answers.recall(Some("10:10:"), &"other"), answers.recall(None, &"other")), (None, None));
        answers.keep(Some("10:11:".to_owned()), "other", 3);
        assert_eq!(answers.recall(Some("10:10:"), &"which"), None);
    }

    #[test]
    fn no_more_answers_are_kept_than_a_page_asks_for() {
        let answers = Remembered::default();
        for question in 0..100 {
            answers.keep(Some("1:1:".to_owned()), question, question);
        }

        let kept = (0..100).filter(|question| answers.recall(Some("1:1:"), question).is_some()).count();
        assert_eq!(kept, MOST);
    }
}
