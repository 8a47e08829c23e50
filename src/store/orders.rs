//! Attempts to get a certificate: queued by a page or the renewal job, claimed by one worker at a time.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::ids::{CertificateId, OrderId, TrailId};
use crate::store::{Store, StoreError};
use crate::wire::request::Generation;

/// A claim on an order lapses after this long; the worker renews it with each step.
pub const LEASE: Duration = Duration::from_mins(5);

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// Its id.
    pub id: OrderId,
    /// What it is for.
    pub certificate: CertificateId,
    /// Who asked for it.
    pub asked_by: String,
    /// Its entry in the trail.
    pub trail: Option<TrailId>,
    /// How far it is.
    pub state: OrderState,
    /// The order's URL at the CA, once it has one.
    pub url: Option<String>,
    /// The generation whose key it uses.
    pub generation: Option<Generation>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed, in the CA's or agent's words.
    pub failure: Option<String>,
    /// The serial that the handshake showed.
    pub served_serial: Option<String>,
}

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Nobody has taken it up yet.
    Queued,
    /// Somebody works on it.
    Running,
    /// The certificate is served.
    Done,
    /// It ended without a certificate being served.
    Failed,
}

/// One line of an order's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStep {
    /// Its number, counting up over all orders.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What, in plain words.
    pub words: String,
}

impl Store {
    /// Queues an order, unless one is open for the same certificate: then that one's id, and `false`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn queue_order(
        &self,
        certificate: CertificateId,
        asked_by: &str,
        now: Timestamp,
    ) -> Result<(OrderId, bool), StoreError> {
        let now = now.unix();
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let open = sqlx::query_scalar!(
            "SELECT id FROM orders WHERE certificate_id = ? AND state IN ('queued', 'running')",
            certificate.0
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(id) = open {
            return Ok((OrderId(id), false));
        }
        let id = sqlx::query_scalar!(
            r#"INSERT INTO orders (certificate_id, asked_by, created_at) VALUES (?, ?, ?) RETURNING id AS "id!""#,
            certificate.0,
            asked_by,
            now
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok((OrderId(id), true))
    }

    /// Takes up the oldest order that is queued, or whose worker has fallen silent. No two callers get the same one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn claim_order(&self, now: Timestamp) -> Result<Option<OrderRow>, StoreError> {
        let (lease, now) = (now.plus(LEASE).unix(), now.unix());
        let id = sqlx::query_scalar!(
            "UPDATE orders SET state = 'running', lease_until = ?
             WHERE id = (SELECT id FROM orders
                         WHERE state = 'queued' OR (state = 'running' AND lease_until <= ?)
                         ORDER BY id LIMIT 1)
             RETURNING id",
            lease,
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        match id {
            Some(id) => self.order(OrderId(id)).await,
            None => Ok(None),
        }
    }

    /// Frees the claims of a program that was stopped: its orders are taken up again at once.
    ///
    /// # Errors
    /// The store failed.
    pub async fn free_claims(&self) -> Result<(), StoreError> {
        sqlx::query!("UPDATE orders SET lease_until = 0 WHERE state = 'running'").execute(&self.pool).await?;
        Ok(())
    }

    /// One order.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order(&self, id: OrderId) -> Result<Option<OrderRow>, StoreError> {
        sqlx::query_as!(
            Row,
            "SELECT id, certificate_id, asked_by, trail_id, state, url, generation, created_at, ended_at, failure,
                    served_serial
             FROM orders WHERE id = ?",
            id.0
        )
        .fetch_optional(&self.pool)
        .await?
        .map(OrderRow::try_from)
        .transpose()
    }

    /// The newest orders, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn orders(&self, limit: u32) -> Result<Vec<OrderRow>, StoreError> {
        sqlx::query_as!(
            Row,
            "SELECT id, certificate_id, asked_by, trail_id, state, url, generation, created_at, ended_at, failure,
                    served_serial
             FROM orders ORDER BY id DESC LIMIT ?",
            limit
        )
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(OrderRow::try_from)
        .collect()
    }

    /// Ties an order to its entry in the trail.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order_trail(&self, id: OrderId, trail: TrailId) -> Result<(), StoreError> {
        sqlx::query!("UPDATE orders SET trail_id = ? WHERE id = ?", trail.0, id.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Keeps the order's URL at the CA, so that it can be resumed; `None` when that order is of no more use.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order_url(&self, id: OrderId, url: Option<&str>) -> Result<(), StoreError> {
        sqlx::query!("UPDATE orders SET url = ? WHERE id = ?", url, id.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Keeps the generation whose key the order uses.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order_generation(&self, id: OrderId, generation: Option<Generation>) -> Result<(), StoreError> {
        let generation = generation.map(|generation| i64::from(generation.0));
        sqlx::query!("UPDATE orders SET generation = ? WHERE id = ?", generation, id.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Adds a line to an order's story, and renews the worker's claim.
    ///
    /// # Errors
    /// The store failed.
    pub async fn add_step(&self, id: OrderId, words: &str, now: Timestamp) -> Result<(), StoreError> {
        let (lease, now) = (now.plus(LEASE).unix(), now.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!("INSERT INTO order_steps (order_id, at, words) VALUES (?, ?, ?)", id.0, now, words)
            .execute(&mut *transaction)
            .await?;
        sqlx::query!("UPDATE orders SET lease_until = ? WHERE id = ? AND state = 'running'", lease, id.0)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// An order's story after line `after`, oldest first, at most 500 lines.
    ///
    /// # Errors
    /// The store failed.
    pub async fn steps(&self, id: OrderId, after: i64) -> Result<Vec<OrderStep>, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, at, words FROM order_steps WHERE order_id = ? AND id > ? ORDER BY id LIMIT 500",
            id.0,
            after
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| OrderStep { id: row.id, at: Timestamp::from_unix(row.at), words: row.words })
            .collect())
    }

    /// The order's certificate is served.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order_done(&self, id: OrderId, served_serial: &str, now: Timestamp) -> Result<(), StoreError> {
        let now = now.unix();
        sqlx::query!(
            "UPDATE orders SET state = 'done', ended_at = ?, served_serial = ?, lease_until = NULL WHERE id = ?",
            now,
            served_serial,
            id.0
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The order ended without success.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order_failed(&self, id: OrderId, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let now = now.unix();
        sqlx::query!(
            "UPDATE orders SET state = 'failed', ended_at = ?, failure = ?, lease_until = NULL WHERE id = ?",
            now,
            why,
            id.0
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

struct Row {
    id: i64,
    certificate_id: i64,
    asked_by: String,
    trail_id: Option<i64>,
    state: String,
    url: Option<String>,
    generation: Option<i64>,
    created_at: i64,
    ended_at: Option<i64>,
    failure: Option<String>,
    served_serial: Option<String>,
}

impl TryFrom<Row> for OrderRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = match row.state.as_str() {
            "queued" => OrderState::Queued,
            "running" => OrderState::Running,
            "done" => OrderState::Done,
            "failed" => OrderState::Failed,
            other => return Err(StoreError::Damaged { table: "orders", reason: format!("state {other}") }),
        };
        Ok(Self {
            id: OrderId(row.id),
            certificate: CertificateId(row.certificate_id),
            asked_by: row.asked_by,
            trail: row.trail_id.map(TrailId),
            state,
            url: row.url,
            generation: row.generation.and_then(|number| u32::try_from(number).ok()).map(Generation),
            created: Timestamp::from_unix(row.created_at),
            ended: row.ended_at.map(Timestamp::from_unix),
            failure: row.failure,
            served_serial: row.served_serial,
        })
    }
}
