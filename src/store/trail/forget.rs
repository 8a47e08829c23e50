//! Retention: the oldest whole entries are let go, and a record says where the chain begins since.

use crate::base::clock::Timestamp;
use crate::base::hash_chain::{Hash, Tip};
use crate::store::trail::{Pen, Record};
use crate::store::{Store, StoreError};

/// At most so many records are let go in one transaction, so that nobody waits for long.
const MOST: i64 = 5_000;

impl Store {
    /// Lets go of records written before `oldest`, at most some thousands at a time, in whole entries and never one that
    /// is open. Answers how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_trail(&self, oldest: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin_to_write().await?;
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        let (first, last) = (pen.head.start.number.saturating_add(1), pen.head.end.number);
        let most = first.saturating_add(MOST).min(last);
        let oldest = oldest.unix();
        // Everything before this record is old enough, and the last record always stays.
        let begins = sqlx::query_scalar!(
            r#"SELECT min(coalesce((SELECT id FROM trail WHERE id >= ? AND id <= ? AND at >= ? ORDER BY id LIMIT 1), ?),
                          coalesce((SELECT min(entry) FROM trail_open), ?)) AS "begins!: i64""#,
            first,
            most,
            oldest,
            most,
            most
        )
        .fetch_one(&mut *transaction)
        .await?;
        let mut begins = begins;
        // An entry that was closed later than that stays whole.
        while let Some(entry) = sqlx::query_scalar!(
            r#"SELECT min(entry) AS "entry?: i64" FROM trail WHERE kind = 'close' AND entry >= ? AND entry < ? AND id >= ?"#,
            first,
            begins,
            begins
        )
        .fetch_one(&mut *transaction)
        .await?
        {
            begins = entry;
        }
        if begins <= first {
            return Ok(0);
        }
        let before = begins.saturating_sub(1);
        let hash = sqlx::query_scalar!("SELECT hash FROM trail WHERE id = ?", before)
            .fetch_optional(&mut *transaction)
            .await?
            .and_then(|hash| Hash::from_slice(&hash));
        let Some(hash) = hash else {
            let reason = format!("record {before} is missing, so nothing is forgotten");
            return Err(StoreError::Damaged { table: "trail", reason });
        };
        pen.write(&mut transaction, &Record::forgotten(begins, hash, now), now).await?;
        pen.head.start = Tip { number: before, hash };
        pen.put_down(&mut transaction).await?;
        sqlx::query!("UPDATE orders SET trail_id = NULL WHERE trail_id < ?", begins)
            .execute(&mut *transaction)
            .await?;
        let gone = sqlx::query!("DELETE FROM trail WHERE id < ?", begins).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }

    /// When the oldest record that is kept was written.
    ///
    /// # Errors
    /// The store failed.
    pub async fn oldest_record(&self) -> Result<Option<Timestamp>, StoreError> {
        let at = sqlx::query_scalar!("SELECT at FROM trail ORDER BY id LIMIT 1").fetch_optional(&self.pool).await?;
        Ok(at.map(Timestamp::from_unix))
    }
}
