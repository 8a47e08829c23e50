//! Browser sessions, as tower-sessions wants them kept: by the digest of their id, with our own lifetimes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result as SessionResult};

use crate::base::clock::{Clock, Timestamp};
use crate::base::encoding::sha256_hex;
use crate::base::ids::OperatorId;
use crate::store::{Store, StoreError};

/// A session that nobody used for this long is over.
pub const IDLE: Duration = Duration::from_mins(15);

/// A session is over this long after it began, used or not.
pub const ABSOLUTE: Duration = Duration::from_hours(8);

/// The key in a session's data that holds the operator's id.
pub const OPERATOR_KEY: &str = "operator";

/// The key in a session's data that holds the address it was opened from.
pub const ADDRESS_KEY: &str = "address";

/// The key in a session's data that holds when it was signed in to, in unix seconds.
pub const SINCE_KEY: &str = "since";

/// The key in a session's data that holds what the browser said of itself.
pub const BROWSER_KEY: &str = "browser";

/// An operator has at most so many sessions; a further one ends the oldest.
pub const MOST_SESSIONS: i64 = 10;

/// One session of an operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The digest of its id.
    pub digest: String,
    /// From where it was opened.
    pub address: Option<String>,
    /// What the browser said of itself, cut and printable.
    pub browser: String,
    /// When it was signed in to.
    pub since: Timestamp,
    /// When it was last used, to the minute.
    pub seen: Timestamp,
}

impl SessionRow {
    /// What names it in a form: part of the digest, and worth nothing as a cookie.
    #[must_use]
    pub fn handle(&self) -> &str {
        self.digest.get(..16).unwrap_or(&self.digest)
    }
}

/// The session store behind the cookie.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// Sessions in `store`, timed by `clock`.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Adds a session; of an operator's, only the newest ones stay.
    async fn add(&self, record: &Record) -> Result<(), StoreError> {
        let (digest, row) = (digest(&record.id), Row::of(record)?);
        let now = self.clock.now().unix();
        // The age of a session counts from its sign-in, also when its id has changed since.
        let created = record.data.get(SINCE_KEY).and_then(serde_json::Value::as_i64).unwrap_or(now);
        let mut transaction = self.store.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!(
            "INSERT INTO sessions (digest, operator_id, address, data, created_at, last_seen_at)
             VALUES (?, ?, ?, ?, ?, ?)",
            digest,
            row.operator,
            row.address,
            row.data,
            created,
            now
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "DELETE FROM sessions WHERE operator_id = ? AND digest NOT IN
             (SELECT digest FROM sessions WHERE operator_id = ? ORDER BY created_at DESC, rowid DESC LIMIT ?)",
            row.operator,
            row.operator,
            MOST_SESSIONS
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Changes a session that is there. One that was ended meanwhile stays ended: a slow request must not bring it
    /// back.
    async fn change(&self, record: &Record) -> Result<(), StoreError> {
        let (digest, row) = (digest(&record.id), Row::of(record)?);
        let now = self.clock.now().unix();
        sqlx::query!(
            "UPDATE sessions SET operator_id = ?, address = ?, data = ?, last_seen_at = ? WHERE digest = ?",
            row.operator,
            row.address,
            row.data,
            now,
            digest
        )
        .execute(&self.store.pool)
        .await?;
        Ok(())
    }

    async fn read(&self, id: &Id) -> Result<Option<Record>, StoreError> {
        let digest = digest(id);
        let now = self.clock.now();
        let (idle, oldest) = (now.minus(IDLE).unix(), now.minus(ABSOLUTE).unix());
        let data = sqlx::query_scalar!(
            "SELECT data FROM sessions WHERE digest = ? AND last_seen_at > ? AND created_at > ?",
            digest,
            idle,
            oldest
        )
        .fetch_optional(&self.store.pool)
        .await?;
        let Some(data) = data else { return Ok(None) };
        let data = serde_json::from_str(&data).map_err(|error| damaged(&error))?;
        let expiry_date =
            OffsetDateTime::from_unix_timestamp(now.plus(ABSOLUTE).unix()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Ok(Some(Record { id: *id, data, expiry_date }))
    }
}

impl Store {
    /// Removes sessions that are over. Answers how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn purge_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        let (idle, oldest) = (now.minus(IDLE).unix(), now.minus(ABSOLUTE).unix());
        let gone = sqlx::query!("DELETE FROM sessions WHERE last_seen_at <= ? OR created_at <= ?", idle, oldest)
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected())
    }

    /// The sessions of an operator that are not over, the last used first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sessions_of(&self, operator: OperatorId, now: Timestamp) -> Result<Vec<SessionRow>, StoreError> {
        let (idle, oldest) = (now.minus(IDLE).unix(), now.minus(ABSOLUTE).unix());
        let rows = sqlx::query!(
            "SELECT digest, address, data, created_at, last_seen_at FROM sessions
             WHERE operator_id = ? AND last_seen_at > ? AND created_at > ?
             ORDER BY last_seen_at DESC, rowid DESC LIMIT ?",
            operator.0,
            idle,
            oldest,
            MOST_SESSIONS
        )
        .fetch_all(&self.pool)
        .await?;
        let browser = |data: &str| {
            let data: serde_json::Value = serde_json::from_str(data).ok()?;
            data.get(BROWSER_KEY)?.as_str().map(ToOwned::to_owned)
        };
        let sessions = rows.into_iter().map(|row| SessionRow {
            browser: browser(&row.data).unwrap_or_default(),
            digest: row.digest,
            address: row.address,
            since: Timestamp::from_unix(row.created_at),
            seen: Timestamp::from_unix(row.last_seen_at),
        });
        Ok(sessions.collect())
    }

    /// Ends one session of an operator's. `false` if there is none of that handle.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end_session(&self, operator: OperatorId, handle: &str) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            "DELETE FROM sessions WHERE operator_id = ? AND substr(digest, 1, 16) = ?",
            operator.0,
            handle
        )
        .execute(&self.pool)
        .await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Ends every session of an operator.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end_sessions_of(&self, operator: OperatorId) -> Result<u64, StoreError> {
        let gone = sqlx::query!("DELETE FROM sessions WHERE operator_id = ?", operator.0).execute(&self.pool).await?;
        Ok(gone.rows_affected())
    }

    /// Ends every session of an operator but the one of `kept`. Answers how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end_other_sessions(&self, operator: OperatorId, kept: &str) -> Result<u64, StoreError> {
        let gone = sqlx::query!("DELETE FROM sessions WHERE operator_id = ? AND digest <> ?", operator.0, kept)
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected())
    }
}

#[async_trait]
impl tower_sessions::SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> SessionResult<()> {
        // 128 random bits do not meet twice; should they ever, another id is taken.
        while self.read(&record.id).await.map_err(|error| backend(&error))?.is_some() {
            record.id = Id::default();
        }
        self.add(record).await.map_err(|error| backend(&error))
    }

    async fn save(&self, record: &Record) -> SessionResult<()> {
        self.change(record).await.map_err(|error| backend(&error))
    }

    async fn load(&self, id: &Id) -> SessionResult<Option<Record>> {
        self.read(id).await.map_err(|error| backend(&error))
    }

    async fn delete(&self, id: &Id) -> SessionResult<()> {
        let digest = digest(id);
        sqlx::query!("DELETE FROM sessions WHERE digest = ?", digest)
            .execute(&self.store.pool)
            .await
            .map_err(|error| backend(&error.into()))?;
        Ok(())
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Sessions")
    }
}

/// A session's data, and what stands in columns of its own.
struct Row<'a> {
    operator: Option<i64>,
    address: Option<&'a str>,
    data: String,
}

impl<'a> Row<'a> {
    fn of(record: &'a Record) -> Result<Self, StoreError> {
        Ok(Self {
            operator: record.data.get(OPERATOR_KEY).and_then(serde_json::Value::as_i64),
            address: record.data.get(ADDRESS_KEY).and_then(serde_json::Value::as_str),
            data: serde_json::to_string(&record.data).map_err(|error| damaged(&error))?,
        })
    }
}

/// The digest under which the session `id` is kept, hex.
#[must_use]
pub fn digest(id: &Id) -> String {
    sha256_hex(&id.0.to_be_bytes())
}

fn damaged(error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { table: "sessions", reason: error.to_string() }
}

fn backend(error: &StoreError) -> Error {
    Error::Backend(crate::base::chain::Chain(error).to_string())
}
