//! Adding records: the only place that writes to the trail.

use sqlx::{Sqlite, SqliteConnection, Transaction};
use tracing::error;

use crate::base::clock::Timestamp;
use crate::base::hash_chain::canonical;
use crate::base::ids::TrailId;
use crate::store::seal::Seal;
use crate::store::trail::head::{Found, Head};
use crate::store::trail::{Act, Actor, Close, Record};
use crate::store::{Store, StoreError};

/// Adds records inside one transaction: taken up, used, put down before the commit.
pub(in crate::store) struct Pen<'a> {
    seal: &'a Seal,
    pub(super) head: Head,
}

impl<'a> Pen<'a> {
    /// Begins to write. The transaction must have been begun as `IMMEDIATE`, so that no other process writes meanwhile.
    /// Where the chain's end is not the one that was sealed, a record says so first: what follows must not hide it.
    ///
    /// # Errors
    /// The store failed.
    pub(in crate::store) async fn take_up(
        connection: &mut SqliteConnection,
        seal: &'a Seal,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        match Head::find(connection, seal).await? {
            Found::Good(head) => Ok(Self { seal, head }),
            Found::Forged { rows, words } => {
                error!("The trail was changed by somebody else: {words}; run `rampart trail verify`");
                let mut pen = Self { seal, head: rows };
                pen.write(connection, &Record::broken(&words, now), now).await?;
                Ok(pen)
            }
        }
    }

    /// Adds one record.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn write(
        &mut self,
        connection: &mut SqliteConnection,
        record: &Record,
        at: Timestamp,
    ) -> Result<i64, StoreError> {
        let damaged = |error: serde_json::Error| StoreError::Damaged { table: "trail", reason: error.to_string() };
        let tip = self.head.end.then(&canonical(record).map_err(damaged)?);
        let (at, hash) = (at.unix(), &tip.hash.bytes()[..]);
        sqlx::query!(
            "INSERT INTO trail (id, kind, at, entry, actor, address, act, subject, domain, before, after, outcome, reason,
                                inverse, undone_by, begins, begins_after, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            tip.number,
            record.kind,
            at,
            record.entry,
            record.actor,
            record.address,
            record.act,
            record.subject,
            record.domain,
            record.before,
            record.after,
            record.outcome,
            record.reason,
            record.inverse,
            record.undone_by,
            record.begins,
            record.begins_after,
            hash
        )
        .execute(connection)
        .await?;
        self.head.end = tip;
        Ok(tip.number)
    }

    /// Opens an entry.
    ///
    /// # Errors
    /// The store failed.
    pub(in crate::store) async fn open(
        &mut self,
        connection: &mut SqliteConnection,
        actor: &Actor,
        act: Act<'_>,
        now: Timestamp,
    ) -> Result<TrailId, StoreError> {
        let id = self.write(connection, &Record::open(actor, act, now), now).await?;
        sqlx::query!("INSERT INTO trail_open (entry) VALUES (?)", id).execute(connection).await?;
        Ok(TrailId(id))
    }

    /// Closes an entry that is open.
    ///
    /// # Errors
    /// The store failed, or the entry is not open.
    pub(in crate::store) async fn close(
        &mut self,
        connection: &mut SqliteConnection,
        entry: TrailId,
        close: &Close<'_>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let closed =
            sqlx::query!("DELETE FROM trail_open WHERE entry = ?", entry.0).execute(&mut *connection).await?;
        if closed.rows_affected() != 1 {
            return Err(StoreError::Damaged { table: "trail", reason: format!("entry {entry} was not open") });
        }
        self.write(connection, &Record::close(entry, close, at), at).await?;
        Ok(())
    }

    /// Ends writing: the end of the chain is sealed. To be called before the commit.
    ///
    /// # Errors
    /// The store failed.
    pub(in crate::store) async fn put_down(self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        self.head.keep(connection, self.seal).await
    }
}

impl Store {
    pub(super) async fn begin_to_write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Opens an entry.
    ///
    /// # Errors
    /// The store failed; then the act must not be tried.
    pub async fn open_entry(&self, actor: &Actor, act: Act<'_>, now: Timestamp) -> Result<TrailId, StoreError> {
        let mut transaction = self.begin_to_write().await?;
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        let id = pen.open(&mut transaction, actor, act, now).await?;
        pen.put_down(&mut transaction).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Opens an entry and closes it as refused, both or neither.
    ///
    /// # Errors
    /// The store failed.
    pub async fn refuse_entry(
        &self,
        actor: &Actor,
        act: Act<'_>,
        reason: &str,
        now: Timestamp,
    ) -> Result<TrailId, StoreError> {
        let mut transaction = self.begin_to_write().await?;
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        let id = pen.open(&mut transaction, actor, act, now).await?;
        pen.close(&mut transaction, id, &Close::Refused { reason }, now).await?;
        pen.put_down(&mut transaction).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Closes an entry that is open.
    ///
    /// # Errors
    /// The store failed, or the entry is not open.
    pub async fn close_entry(&self, id: TrailId, close: Close<'_>, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin_to_write().await?;
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        pen.close(&mut transaction, id, &close, now).await?;
        pen.put_down(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Says that `undo` took back what `id` did. An entry that was taken back already stays as it is.
    ///
    /// # Errors
    /// The store failed.
    pub async fn mark_undone(&self, id: TrailId, undo: TrailId, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin_to_write().await?;
        let is_marked = sqlx::query_scalar!("SELECT id FROM trail WHERE kind = 'undone' AND entry = ?", id.0)
            .fetch_optional(&mut *transaction)
            .await?
            .is_some();
        if is_marked {
            return Ok(());
        }
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        pen.write(&mut transaction, &Record::undone(id, undo, now), now).await?;
        pen.put_down(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Closes what a stopped program left open; its end is not known.
    ///
    /// # Errors
    /// The store failed.
    pub async fn close_abandoned(&self, act_prefix: &str, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin_to_write().await?;
        let open = sqlx::query_scalar!(
            "SELECT trail_open.entry FROM trail_open JOIN trail ON trail.id = trail_open.entry
             WHERE substr(trail.act, 1, length(?)) = ? ORDER BY trail_open.entry",
            act_prefix,
            act_prefix
        )
        .fetch_all(&mut *transaction)
        .await?;
        self.close_all(transaction, &open, now).await
    }

    /// Closes what a stopped program left open, but for the orders that go on.
    ///
    /// # Errors
    /// The store failed.
    pub async fn close_abandoned_but_orders(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin_to_write().await?;
        let open = sqlx::query_scalar!(
            "SELECT entry FROM trail_open
             WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.trail_id = trail_open.entry)
             ORDER BY entry"
        )
        .fetch_all(&mut *transaction)
        .await?;
        self.close_all(transaction, &open, now).await
    }

    async fn close_all(
        &self,
        mut transaction: Transaction<'static, Sqlite>,
        open: &[i64],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if open.is_empty() {
            return Ok(0);
        }
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        let close = Close::Failed { reason: "Rampart stopped before the end; look at the present state" };
        for &entry in open {
            pen.close(&mut transaction, TrailId(entry), &close, now).await?;
        }
        pen.put_down(&mut transaction).await?;
        transaction.commit().await?;
        Ok(open.len() as u64)
    }
}
