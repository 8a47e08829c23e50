//! Attempts to get a certificate: queued by a page or the renewal job, claimed by one worker at a time.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::ids::{CertificateId, OrderId, TrailId};
use crate::base::role::Reach;
use crate::store::trail::{Act, Actor, Close, Pen};
use crate::store::{Store, StoreError};
use crate::wire::answer::{Installed, Proof};
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
    /// When it was asked for.
    pub created: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Where it failed, and why, in the CA's, DNS server's or agent's words.
    pub failure: Option<OrderFailure>,
    /// The serial that the handshakes showed.
    pub served_serial: Option<String>,
    /// What each listener showed after the switch.
    pub proofs: Vec<Proof>,
}

/// Why an order failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFailure {
    /// `at the CA`, `in DNS`, `on this host`, `in Rampart`.
    pub place: String,
    /// In words.
    pub words: String,
    /// Until when the CA asked us to wait; not kept with the order but with its certificate.
    pub paused_until: Option<Timestamp>,
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
    /// Queues an order and opens its entry in the trail, both or neither; unless one is open for the same certificate: then
    /// that one's id, and `false`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn queue_order(
        &self,
        certificate: CertificateId,
        actor: &Actor,
        act: Act<'_>,
        now: Timestamp,
    ) -> Result<(OrderId, bool), StoreError> {
        let queued = self.queue_order_unless(certificate, None, (actor, act), now).await?;
        queued.ok_or(StoreError::Damaged { table: "orders", reason: "an order was not queued".to_owned() })
    }

    /// The same, unless another generation than `of` is in force by now: somebody was faster, and the work is done.
    ///
    /// # Errors
    /// The store failed.
    pub async fn queue_order_unless(
        &self,
        certificate: CertificateId,
        of: Option<Generation>,
        (actor, act): (&Actor, Act<'_>),
        now: Timestamp,
    ) -> Result<Option<(OrderId, bool)>, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        if let Some(of) = of {
            let in_force = sqlx::query_scalar!("SELECT generation FROM certificates WHERE id = ?", certificate.0)
                .fetch_optional(&mut *transaction)
                .await?;
            if in_force.flatten() != Some(i64::from(of.0)) {
                return Ok(None);
            }
        }
        let open = sqlx::query_scalar!(
            "SELECT id FROM orders WHERE certificate_id = ? AND state IN ('queued', 'running')",
            certificate.0
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(id) = open {
            return Ok(Some((OrderId(id), false)));
        }
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        let entry = pen.open(&mut transaction, actor, act, now).await?;
        pen.put_down(&mut transaction).await?;
        let now = now.unix();
        let id = sqlx::query_scalar!(
            r#"INSERT INTO orders (certificate_id, asked_by, trail_id, created_at) VALUES (?, ?, ?, ?)
               RETURNING id AS "id!""#,
            certificate.0,
            actor.name,
            entry.0,
            now
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Some((OrderId(id), true)))
    }

    /// Closes the trail's entries of orders that ended while the program was stopped before it could.
    ///
    /// # Errors
    /// The store failed.
    pub async fn close_entries_of_ended_orders(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let ended = sqlx::query!(
            "SELECT trail_open.entry, orders.state, orders.failure
             FROM trail_open JOIN orders ON orders.trail_id = trail_open.entry
             WHERE orders.state IN ('done', 'failed')
             ORDER BY trail_open.entry"
        )
        .fetch_all(&mut *transaction)
        .await?;
        if ended.is_empty() {
            return Ok(0);
        }
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        for order in &ended {
            let close = match order.state.as_str() {
                "done" => Close::Done { inverse: None },
                _ => Close::Failed { reason: order.failure.as_deref().unwrap_or_default() },
            };
            pen.close(&mut transaction, TrailId(order.entry), &close, now).await?;
        }
        pen.put_down(&mut transaction).await?;
        transaction.commit().await?;
        Ok(ended.len() as u64)
    }

    /// One order, if its certificate is in reach.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order(&self, reach: &Reach, id: OrderId) -> Result<Option<OrderRow>, StoreError> {
        let base = reach.base();
        sqlx::query_as!(
            Row,
            "SELECT id, certificate_id, asked_by, trail_id, state, created_at, ended_at, failure_place, failure,
                    served_serial, proofs
             FROM orders
             WHERE id = ? AND (? IS NULL OR certificate_id IN (SELECT certificate_id FROM certificate_bases WHERE base = ?))",
            id.0,
            base,
            base
        )
        .fetch_optional(&self.pool)
        .await?
        .map(OrderRow::try_from)
        .transpose()
    }

    /// The newest orders whose certificates are in reach, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn orders(&self, reach: &Reach, limit: u32) -> Result<Vec<OrderRow>, StoreError> {
        let base = reach.base();
        sqlx::query_as!(
            Row,
            "SELECT id, certificate_id, asked_by, trail_id, state, created_at, ended_at, failure_place, failure,
                    served_serial, proofs
             FROM orders
             WHERE (? IS NULL OR certificate_id IN (SELECT certificate_id FROM certificate_bases WHERE base = ?))
             ORDER BY id DESC LIMIT ?",
            base,
            base,
            limit
        )
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(OrderRow::try_from)
        .collect()
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

    /// An order's story after line `after`, oldest first, at most 500 lines; none if it is out of reach.
    ///
    /// # Errors
    /// The store failed.
    pub async fn steps(&self, reach: &Reach, id: OrderId, after: i64) -> Result<Vec<OrderStep>, StoreError> {
        let base = reach.base();
        let rows = sqlx::query!(
            "SELECT id, at, words FROM order_steps
             WHERE order_id = ? AND id > ?
               AND (? IS NULL OR order_id IN
                   (SELECT id FROM orders
                    WHERE certificate_id IN (SELECT certificate_id FROM certificate_bases WHERE base = ?)))
             ORDER BY id LIMIT 500",
            id.0,
            after,
            base,
            base
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| OrderStep { id: row.id, at: Timestamp::from_unix(row.at), words: row.words })
            .collect())
    }

    /// The order's certificate is served: the order, its certificate and the progress kept for it change as one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order_done(
        &self,
        order: &OrderRow,
        generation: Generation,
        installed: &Installed,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let proofs = serde_json::to_string(&installed.proofs).map_err(|error| damaged(error.to_string()))?;
        let (leaf, generation, now) = (&installed.leaf, i64::from(generation.0), now.unix());
        let (not_before, not_after) = (leaf.not_before.unix(), leaf.not_after.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!(
            "UPDATE orders
             SET state = 'done', ended_at = ?, served_serial = ?, proofs = ?, lease_until = NULL
             WHERE id = ?",
            now,
            leaf.serial,
            proofs,
            order.id.0
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE certificates
             SET generation = ?, issuer = ?, serial = ?, not_before = ?, not_after = ?, failures = 0,
                 last_failure = NULL, last_attempt_at = ?, next_attempt_at = NULL, progress = NULL,
                 paused_until = NULL, void_since = NULL
             WHERE id = ?",
            generation,
            leaf.issuer,
            leaf.serial,
            not_before,
            not_after,
            now,
            order.certificate.0
        )
        .execute(&mut *transaction)
        .await?;
        ask_for_window_of(&mut transaction, order.certificate, generation, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The order ended without success: its certificate counts one more failure.
    ///
    /// # Errors
    /// The store failed.
    pub async fn order_failed(
        &self,
        order: &OrderRow,
        failure: &OrderFailure,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (now, paused_until) = (now.unix(), failure.paused_until.map(Timestamp::unix));
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!(
            "UPDATE orders
             SET state = 'failed', ended_at = ?, failure_place = ?, failure = ?, lease_until = NULL
             WHERE id = ?",
            now,
            failure.place,
            failure.words,
            order.id.0
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE certificates
             SET failures = failures + 1, last_failure = ?, last_attempt_at = ?, next_attempt_at = NULL,
                 paused_until = ?
             WHERE id = ?",
            failure.words,
            now,
            paused_until,
            order.certificate.0
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Another certificate is in force: the window of the one before it is of no use, and the CA is asked at once (RFC 9773
/// section 4.3).
async fn ask_for_window_of(
    on: &mut sqlx::SqliteConnection,
    certificate: CertificateId,
    generation: i64,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM renewal_windows WHERE certificate_id = ?", certificate.0).execute(&mut *on).await?;
    sqlx::query!(
        "INSERT INTO renewal_windows (certificate_id, directory_url, ari_id, not_after, ask_at)
         SELECT certificate_id, directory_url, ari_id, not_after, ?
         FROM issued WHERE certificate_id = ? AND generation = ? AND ari_id IS NOT NULL",
        now,
        certificate.0,
        generation
    )
    .execute(&mut *on)
    .await?;
    Ok(())
}

fn damaged(reason: String) -> StoreError {
    StoreError::Damaged { table: "orders", reason }
}

struct Row {
    id: i64,
    certificate_id: i64,
    asked_by: String,
    trail_id: Option<i64>,
    state: String,
    created_at: i64,
    ended_at: Option<i64>,
    failure_place: Option<String>,
    failure: Option<String>,
    served_serial: Option<String>,
    proofs: Option<String>,
}

impl TryFrom<Row> for OrderRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = match row.state.as_str() {
            "queued" => OrderState::Queued,
            "running" => OrderState::Running,
            "done" => OrderState::Done,
            "failed" => OrderState::Failed,
            other => return Err(damaged(format!("state {other}"))),
        };
        Ok(Self {
            id: OrderId(row.id),
            certificate: CertificateId(row.certificate_id),
            asked_by: row.asked_by,
            trail: row.trail_id.map(TrailId),
            state,
            created: Timestamp::from_unix(row.created_at),
            ended: row.ended_at.map(Timestamp::from_unix),
            failure: row.failure_place.zip(row.failure).map(|(place, words)| OrderFailure {
                place,
                words,
                paused_until: None,
            }),
            served_serial: row.served_serial,
            proofs: row
                .proofs
                .map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text))
                .map_err(|error| damaged(error.to_string()))?,
        })
    }
}
