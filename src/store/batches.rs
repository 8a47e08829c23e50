//! New secrets for FusionPBX, batch by batch: what is to be done, how far it is, and what takes it back.

use crate::base::clock::Timestamp;
use crate::base::ids::{BatchId, RotationId, TrailId};
use crate::base::secret::Secret;
use crate::store::{Store, StoreError};

/// The place that the secrets of a batch are sealed for.
pub(super) const SECRETS: &str = "rotation_batches.secrets";

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// Nothing was done yet.
    Waiting,
    /// It is being done; or it was, when something broke, and what holds must be read.
    Changing,
    /// The new secrets hold. It can be undone.
    Changed,
    /// They hold, and the former ones are forgotten.
    Confirmed,
    /// The former secrets hold again.
    Undone,
}

impl BatchState {
    const ALL: [Self; 5] = [Self::Waiting, Self::Changing, Self::Changed, Self::Confirmed, Self::Undone];

    /// The word in the store and in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Changing => "changing",
            Self::Changed => "changed",
            Self::Confirmed => "confirmed",
            Self::Undone => "undone",
        }
    }
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// Its id.
    pub id: BatchId,
    /// The rotation that it belongs to.
    pub rotation: RotationId,
    /// Which it is, from 1.
    pub position: i64,
    /// What it is about: JSON, without a secret.
    pub items: String,
    /// How far it is.
    pub state: BatchState,
    /// Its entry in the trail.
    pub entry: Option<TrailId>,
    /// When it was done.
    pub changed: Option<Timestamp>,
    /// The versions that it left in FusionPBX: JSON.
    pub versions: Option<String>,
    /// Whether its new secrets were shown.
    pub is_shown: bool,
}

/// A rotation, without its batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationRow {
    /// Its id.
    pub id: RotationId,
    /// Who began it.
    pub made_by: String,
    /// When.
    pub made: Timestamp,
    /// How many batches it has.
    pub batches: i64,
    /// How many of them are done, confirmed or undone.
    pub ended: i64,
}

struct RawBatch {
    id: i64,
    rotation_id: i64,
    position: i64,
    items: String,
    state: String,
    entry: Option<i64>,
    changed_at: Option<i64>,
    versions: Option<String>,
    shown: i64,
}

impl RawBatch {
    fn row(self) -> Result<BatchRow, StoreError> {
        let state = BatchState::ALL.into_iter().find(|state| state.word() == self.state);
        let damaged = || StoreError::Damaged { table: "rotation_batches", reason: format!("state {}", self.state) };
        Ok(BatchRow {
            id: BatchId(self.id),
            rotation: RotationId(self.rotation_id),
            position: self.position,
            state: state.ok_or_else(damaged)?,
            items: self.items,
            entry: self.entry.map(TrailId),
            changed: self.changed_at.map(Timestamp::from_unix),
            versions: self.versions,
            is_shown: self.shown != 0,
        })
    }
}

impl Store {
    /// Notes a rotation and its batches, each as JSON; nothing is done yet.
    ///
    /// # Errors
    /// The store failed.
    pub async fn plan_rotation(
        &self,
        made_by: &str,
        batches: &[String],
        now: Timestamp,
    ) -> Result<RotationId, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let now = now.unix();
        let id = sqlx::query_scalar!(
            r#"INSERT INTO rotations (made_by, made_at) VALUES (?, ?) RETURNING id AS "id!""#,
            made_by,
            now
        )
        .fetch_one(&mut *transaction)
        .await?;
        for (position, items) in (1_i64..).zip(batches) {
            sqlx::query!(
                "INSERT INTO rotation_batches (rotation_id, position, items) VALUES (?, ?, ?)",
                id,
                position,
                items
            )
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(RotationId(id))
    }

    /// The batches of a rotation, in order.
    ///
    /// # Errors
    /// The store failed.
    pub async fn batches_of(&self, rotation: RotationId) -> Result<Vec<BatchRow>, StoreError> {
        let rows = sqlx::query_as!(
            RawBatch,
            "SELECT id, rotation_id, position, items, state, entry, changed_at, versions, shown
             FROM rotation_batches WHERE rotation_id = ? ORDER BY position",
            rotation.0
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(RawBatch::row).collect()
    }

    /// One batch, if it is there.
    ///
    /// # Errors
    /// The store failed.
    pub async fn batch(&self, batch: BatchId) -> Result<Option<BatchRow>, StoreError> {
        let row = sqlx::query_as!(
            RawBatch,
            "SELECT id, rotation_id, position, items, state, entry, changed_at, versions, shown
             FROM rotation_batches WHERE id = ?",
            batch.0
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(RawBatch::row).transpose()
    }

    /// A rotation, if it is there.
    ///
    /// # Errors
    /// The store failed.
    pub async fn rotation(&self, rotation: RotationId) -> Result<Option<RotationRow>, StoreError> {
        Ok(self.rotations(Some(rotation), 1).await?.pop())
    }

    /// The newest rotations.
    ///
    /// # Errors
    /// The store failed.
    pub async fn newest_rotations(&self, limit: u32) -> Result<Vec<RotationRow>, StoreError> {
        self.rotations(None, limit).await
    }

    async fn rotations(&self, only: Option<RotationId>, limit: u32) -> Result<Vec<RotationRow>, StoreError> {
        let only = only.map(|only| only.0);
        let rows = sqlx::query!(
            r#"SELECT r.id AS "id!", r.made_by, r.made_at, count(*) AS "batches!: i64",
                   count(*) FILTER (WHERE b.state IN ('changed', 'confirmed', 'undone')) AS "ended!: i64"
               FROM rotations AS r JOIN rotation_batches AS b ON b.rotation_id = r.id
               WHERE ?1 IS NULL OR r.id = ?1
               GROUP BY r.id ORDER BY r.id DESC LIMIT ?2"#,
            only,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| RotationRow {
                id: RotationId(row.id),
                made_by: row.made_by,
                made: Timestamp::from_unix(row.made_at),
                batches: row.batches,
                ended: row.ended,
            })
            .collect())
    }

    /// Keeps the secrets of a batch that is about to be changed. `false` if it is not waiting: somebody else has it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn batch_begins(
        &self,
        batch: BatchId,
        entry: TrailId,
        secrets: &Secret<String>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let sealed = self.seal.seal(SECRETS, secrets)?;
        let done = sqlx::query!(
            "UPDATE rotation_batches SET state = 'changing', entry = ?, secrets = ? WHERE id = ? AND state = 'waiting'",
            entry.0,
            sealed,
            batch.0
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Nothing was changed by the act of this `entry`: the batch waits again, and what was kept for it is forgotten. A batch
    /// that another act has taken up stays as it is.
    ///
    /// # Errors
    /// The store failed.
    pub async fn batch_waits_again(&self, batch: BatchId, entry: Option<TrailId>) -> Result<(), StoreError> {
        let entry = entry.map(|entry| entry.0);
        sqlx::query!(
            "UPDATE rotation_batches SET state = 'waiting', entry = NULL, secrets = NULL
             WHERE id = ? AND state = 'changing' AND entry IS ?",
            batch.0,
            entry
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The new secrets hold. `false` if the batch is not one that is being changed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn batch_changed(&self, batch: BatchId, versions: &str, now: Timestamp) -> Result<bool, StoreError> {
        let now = now.unix();
        let done = sqlx::query!(
            "UPDATE rotation_batches SET state = 'changed', versions = ?, changed_at = ?
             WHERE id = ? AND state = 'changing'",
            versions,
            now,
            batch.0
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The batch ended, one way or the other; its secrets are forgotten. `false` if it was not changed, or ended already.
    ///
    /// # Errors
    /// The store failed.
    pub async fn batch_ended(&self, batch: BatchId, is_confirmed: bool) -> Result<bool, StoreError> {
        let state = if is_confirmed { "confirmed" } else { "undone" };
        let done = sqlx::query!(
            "UPDATE rotation_batches SET state = ?, secrets = NULL WHERE id = ? AND state = 'changed'",
            state,
            batch.0
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Batches that were begun, and of which nobody noted the end.
    ///
    /// # Errors
    /// The store failed.
    pub async fn batches_cut_off(&self) -> Result<Vec<BatchId>, StoreError> {
        let ids = sqlx::query_scalar!("SELECT id FROM rotation_batches WHERE state = 'changing' ORDER BY id")
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(BatchId).collect())
    }

    /// The secrets that are kept for a batch.
    ///
    /// # Errors
    /// The store failed, or they do not open.
    pub async fn batch_secrets(&self, batch: BatchId) -> Result<Option<Secret<String>>, StoreError> {
        let sealed = sqlx::query_scalar!("SELECT secrets FROM rotation_batches WHERE id = ?", batch.0)
            .fetch_optional(&self.pool)
            .await?
            .flatten();
        Ok(sealed.map(|sealed| self.seal.unseal(SECRETS, &sealed)).transpose()?)
    }

    /// The new secrets are shown now, and never again: `rest` is kept in their place. `false` if they were shown already, or the
    /// batch is not one that has been changed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn batch_shown(&self, batch: BatchId, rest: &Secret<String>) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let sealed = self.seal.seal(SECRETS, rest)?;
        let done = sqlx::query!(
            "UPDATE rotation_batches SET shown = 1, secrets = ? WHERE id = ? AND state = 'changed' AND shown = 0",
            sealed,
            batch.0
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }
}
