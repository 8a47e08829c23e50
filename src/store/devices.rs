//! Known devices: browsers that an operator has signed in with, by the digest of their cookie.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::encoding::sha256_hex;
use crate::base::ids::OperatorId;
use crate::base::secret::Secret;
use crate::store::{Store, StoreError};

/// A device that was not used for this long is not known any more.
pub const DEVICE_LIFETIME: Duration = Duration::from_hours(24 * 90);

/// An operator has at most so many; the one not used for longest goes.
pub const MOST_DEVICES: i64 = 20;

/// One known device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// What names it in a form: part of the digest, and worth nothing as a cookie.
    pub handle: String,
    /// What the browser said of itself, cut and printable.
    pub browser: String,
    /// When it became known.
    pub made: Timestamp,
    /// When it last signed in.
    pub used: Timestamp,
}

/// The digest under which the device with this cookie is kept, hex.
#[must_use]
pub fn device_digest(cookie: &str) -> String {
    sha256_hex(cookie.as_bytes())
}

impl Store {
    /// Whether the device `digest` is one of the operator called `name`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_device_of(&self, digest: &str, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let oldest = now.minus(DEVICE_LIFETIME).unix();
        let found = sqlx::query_scalar!(
            "SELECT COUNT(*) FROM devices JOIN operators ON operators.id = devices.operator_id
             WHERE devices.digest = ? AND operators.name = ? AND devices.last_used_at > ?",
            digest,
            name,
            oldest
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(found > 0)
    }

    /// Whether the device `digest` is known to anybody.
    ///
    /// # Errors
    /// The store failed.
    pub async fn device_is_known(&self, digest: &str, now: Timestamp) -> Result<bool, StoreError> {
        let oldest = now.minus(DEVICE_LIFETIME).unix();
        let found =
            sqlx::query_scalar!("SELECT COUNT(*) FROM devices WHERE digest = ? AND last_used_at > ?", digest, oldest)
                .fetch_one(&self.pool)
                .await?;
        Ok(found > 0)
    }

    /// Keeps the device with this cookie as one of `operator`'s, or notes that it was used again.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_device(
        &self,
        operator: OperatorId,
        cookie: &Secret<String>,
        browser: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (digest, now) = (device_digest(cookie.expose()), now.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!(
            "INSERT INTO devices (digest, operator_id, browser, created_at, last_used_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (digest, operator_id) DO UPDATE SET browser = excluded.browser, last_used_at = excluded.last_used_at",
            digest,
            operator.0,
            browser,
            now,
            now
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "DELETE FROM devices WHERE operator_id = ? AND digest NOT IN
             (SELECT digest FROM devices WHERE operator_id = ? ORDER BY last_used_at DESC, rowid DESC LIMIT ?)",
            operator.0,
            operator.0,
            MOST_DEVICES
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// An operator's known devices, the last used first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn devices_of(&self, operator: OperatorId, now: Timestamp) -> Result<Vec<DeviceRow>, StoreError> {
        let oldest = now.minus(DEVICE_LIFETIME).unix();
        let rows = sqlx::query!(
            r#"SELECT substr(digest, 1, 16) AS "handle!: String", browser, created_at, last_used_at FROM devices
             WHERE operator_id = ? AND last_used_at > ? ORDER BY last_used_at DESC, rowid DESC LIMIT ?"#,
            operator.0,
            oldest,
            MOST_DEVICES
        )
        .fetch_all(&self.pool)
        .await?;
        let devices = rows.into_iter().map(|row| DeviceRow {
            handle: row.handle,
            browser: row.browser,
            made: Timestamp::from_unix(row.created_at),
            used: Timestamp::from_unix(row.last_used_at),
        });
        Ok(devices.collect())
    }

    /// Forgets one device of an operator's. `false` if there is none of that handle.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_device(&self, operator: OperatorId, handle: &str) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            "DELETE FROM devices WHERE operator_id = ? AND substr(digest, 1, 16) = ?",
            operator.0,
            handle
        )
        .execute(&self.pool)
        .await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Removes devices that are known no more. Answers how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn purge_devices(&self, now: Timestamp) -> Result<u64, StoreError> {
        let oldest = now.minus(DEVICE_LIFETIME).unix();
        let gone = sqlx::query!("DELETE FROM devices WHERE last_used_at <= ?", oldest).execute(&self.pool).await?;
        Ok(gone.rows_affected())
    }
}
