//! The end of the agent's own half as it last said it, so that each half holds the other's end.

use crate::base::clock::Timestamp;
use crate::base::hash_chain::{Hash, Tip};
use crate::base::secret::Secret;
use crate::store::{Store, StoreError};

/// What the seal is bound to.
pub(in crate::store) const PLACE: &str = "trail_agent.sealed";

/// The end of the agent's half, and when it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentEnd {
    /// When.
    pub at: Timestamp,
    /// The agent's last record then.
    pub tip: Tip,
}

impl AgentEnd {
    fn words(&self) -> Secret<String> {
        Secret::new(format!("{} {} {}", self.at.unix(), self.tip.number, self.tip.hash))
    }
}

impl Store {
    /// Keeps the end of the agent's half.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_agent_end(&self, end: AgentEnd) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let sealed = self.seal.seal(PLACE, &end.words())?;
        let (at, hash) = (end.at.unix(), &end.tip.hash.bytes()[..]);
        sqlx::query!(
            "INSERT INTO trail_agent (one, at, number, hash, sealed) VALUES (1, ?, ?, ?, ?)
             ON CONFLICT (one) DO UPDATE
             SET at = excluded.at, number = excluded.number, hash = excluded.hash, sealed = excluded.sealed",
            at,
            end.tip.number,
            hash,
            sealed
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// The end of the agent's half as it last said it; `None` if it never did.
    ///
    /// # Errors
    /// The store failed, or somebody else wrote there.
    pub async fn agent_end(&self) -> Result<Option<AgentEnd>, StoreError> {
        let row = sqlx::query!("SELECT at, number, hash, sealed FROM trail_agent").fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let hash = Hash::from_slice(&row.hash).unwrap_or(Hash::BEGINNING);
        let end = AgentEnd { at: Timestamp::from_unix(row.at), tip: Tip { number: row.number, hash } };
        let is_ours = self.seal.unseal(PLACE, &row.sealed).is_ok_and(|words| words.expose() == end.words().expose());
        if is_ours {
            return Ok(Some(end));
        }
        let reason = "the note of the agent's end was not made by this store".to_owned();
        Err(StoreError::Damaged { table: "trail_agent", reason })
    }
}
