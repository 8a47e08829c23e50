//! The trail: every sign-in, refusal, change and automatic act, opened before it happens and closed after it.

use crate::base::clock::Timestamp;
use crate::base::ids::TrailId;
use crate::base::role::Reach;
use crate::store::{Store, StoreError};

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// An operator's name, or `rampart` for what happens by itself.
    pub name: String,
    /// The client's address where there is one.
    pub address: Option<String>,
}

impl Actor {
    /// What Rampart does by itself.
    #[must_use]
    pub fn rampart() -> Self {
        Self { name: "rampart".to_owned(), address: None }
    }
}

/// What is about to happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Act<'a> {
    /// The kind of act, such as `policy.change`.
    pub act: &'a str,
    /// What it is done to, such as `extension.password_length`.
    pub subject: &'a str,
    /// The state before, if it is known already. Never a secret.
    pub before: Option<&'a str>,
    /// The state that is wanted. Never a secret: write `changed` in its place.
    pub after: Option<&'a str>,
    /// The domain name of the tenant that it concerns, if it concerns one alone.
    pub domain: Option<&'a str>,
}

/// How an act ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close<'a> {
    /// It happened. `inverse` is what would undo it, as JSON.
    Done {
        /// The inverse, if there is one.
        inverse: Option<&'a str>,
    },
    /// It was tried and failed.
    Failed {
        /// Why.
        reason: &'a str,
    },
    /// It was not tried.
    Refused {
        /// Why.
        reason: &'a str,
    },
}

/// One entry as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: TrailId,
    /// When it was opened.
    pub opened: Timestamp,
    /// Who did it.
    pub actor: String,
    /// From where.
    pub address: Option<String>,
    /// The kind of act.
    pub act: String,
    /// What it was done to.
    pub subject: String,
    /// The state before.
    pub before: Option<String>,
    /// The state after.
    pub after: Option<String>,
    /// `open`, `done`, `failed` or `refused`.
    pub outcome: String,
    /// Why it failed or was refused.
    pub reason: Option<String>,
    /// What would undo it, as JSON.
    pub inverse: Option<String>,
    /// The entry that undid it.
    pub undone_by: Option<TrailId>,
}

/// Which entries are wanted, newest first.
#[derive(Clone, Debug, Default)]
pub struct TrailQuery {
    /// Only entries whose actor, act, subject or address holds this text.
    pub text: String,
    /// Only acts that begin with this, such as `policy.`.
    pub act_prefix: String,
    /// Only entries older than this one.
    pub before: Option<TrailId>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// Opens an entry.
    ///
    /// # Errors
    /// The store failed; then the act must not be tried.
    pub async fn open_entry(&self, actor: &Actor, act: Act<'_>, now: Timestamp) -> Result<TrailId, StoreError> {
        let now = now.unix();
        let id = sqlx::query_scalar!(
            "INSERT INTO trail (opened_at, actor, address, act, subject, before, after)
             VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            now,
            actor.name,
            actor.address,
            act.act,
            act.subject,
            act.before,
            act.after
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(TrailId(id))
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
        let id = self.open_entry(actor, act, now).await?;
        self.close_entry(id, Close::Refused { reason }, now).await?;
        Ok(id)
    }

    /// Closes an entry that is open.
    ///
    /// # Errors
    /// The store failed, or the entry is not open.
    pub async fn close_entry(&self, id: TrailId, close: Close<'_>, now: Timestamp) -> Result<(), StoreError> {
        let (outcome, reason, inverse) = match close {
            Close::Done { inverse } => ("done", None, inverse),
            Close::Failed { reason } => ("failed", Some(reason), None),
            Close::Refused { reason } => ("refused", Some(reason), None),
        };
        let now = now.unix();
        let closed = sqlx::query!(
            "UPDATE trail SET closed_at = ?, outcome = ?, reason = ?, inverse = ? WHERE id = ? AND outcome = 'open'",
            now,
            outcome,
            reason,
            inverse,
            id.0
        )
        .execute(&self.pool)
        .await?;
        if closed.rows_affected() == 1 {
            return Ok(());
        }
        Err(StoreError::Damaged { table: "trail", reason: format!("entry {id} was not open") })
    }

    /// Says that `undo` took back what `id` did.
    ///
    /// # Errors
    /// The store failed.
    pub async fn mark_undone(&self, id: TrailId, undo: TrailId) -> Result<(), StoreError> {
        sqlx::query!("UPDATE trail SET undone_by = ? WHERE id = ? AND undone_by IS NULL", undo.0, id.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Closes what a stopped program left open; its end is not known.
    ///
    /// # Errors
    /// The store failed.
    pub async fn close_abandoned(&self, act_prefix: &str, now: Timestamp) -> Result<u64, StoreError> {
        let (now, pattern) = (now.unix(), format!("{act_prefix}%"));
        let closed = sqlx::query!(
            "UPDATE trail SET closed_at = ?, outcome = 'failed',
                    reason = 'Rampart stopped before the end; look at the present state'
             WHERE outcome = 'open' AND act LIKE ?",
            now,
            pattern
        )
        .execute(&self.pool)
        .await?;
        Ok(closed.rows_affected())
    }

    /// One entry, if it is in reach.
    ///
    /// # Errors
    /// The store failed.
    pub async fn entry(&self, reach: &Reach, id: TrailId) -> Result<Option<Entry>, StoreError> {
        let (base, tenant) = (reach.base(), reach.tenant().map(|tenant| tenant.to_string()));
        let row = sqlx::query_as!(
            Row,
            "SELECT id, opened_at, actor, address, act, subject, before, after, outcome, reason, inverse, undone_by
             FROM trail
             WHERE id = ?
               AND (? IS NULL
                    OR CASE WHEN json_valid(inverse) THEN json_extract(inverse, '$.tenant') END = ?
                    OR id IN (SELECT trail_id FROM orders WHERE certificate_id IN
                                 (SELECT certificate_id FROM certificate_bases WHERE base = ?)))",
            id.0,
            base,
            tenant,
            base
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(Entry::from))
    }

    /// Entries in reach, newest first. For a tenant those are the changes of its settings and the orders of its
    /// certificates; addresses are not searched then, for they are not shown.
    ///
    /// # Errors
    /// The store failed.
    pub async fn entries(&self, reach: &Reach, query: &TrailQuery) -> Result<Vec<Entry>, StoreError> {
        let (base, tenant) = (reach.base(), reach.tenant().map(|tenant| tenant.to_string()));
        let before = query.before.map_or(i64::MAX, |id| id.0);
        let text = query.text.to_lowercase();
        let limit = i64::from(query.limit);
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, opened_at, actor, address, act, subject, before, after, outcome, reason, inverse, undone_by
             FROM trail
             WHERE id < ?
               AND (? = '' OR substr(act, 1, length(?)) = ?)
               AND (? = '' OR instr(lower(actor || ' ' || act || ' ' || subject || ' ' ||
                    iif(? IS NULL, coalesce(address, ''), '')), ?) > 0)
               AND (? IS NULL
                    OR CASE WHEN json_valid(inverse) THEN json_extract(inverse, '$.tenant') END = ?
                    OR id IN (SELECT trail_id FROM orders WHERE certificate_id IN
                                 (SELECT certificate_id FROM certificate_bases WHERE base = ?)))
             ORDER BY id DESC
             LIMIT ?",
            before,
            query.act_prefix,
            query.act_prefix,
            query.act_prefix,
            text,
            base,
            text,
            base,
            tenant,
            base,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Entry::from).collect())
    }
}

struct Row {
    id: i64,
    opened_at: i64,
    actor: String,
    address: Option<String>,
    act: String,
    subject: String,
    before: Option<String>,
    after: Option<String>,
    outcome: String,
    reason: Option<String>,
    inverse: Option<String>,
    undone_by: Option<i64>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            id: TrailId(row.id),
            opened: Timestamp::from_unix(row.opened_at),
            actor: row.actor,
            address: row.address,
            act: row.act,
            subject: row.subject,
            before: row.before,
            after: row.after,
            outcome: row.outcome,
            reason: row.reason,
            inverse: row.inverse,
            undone_by: row.undone_by.map(TrailId),
        }
    }
}
