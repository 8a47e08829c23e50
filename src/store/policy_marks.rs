//! What Rampart last left in each settings row of FusionPBX that it changed, and what somebody else made of it since.

use crate::base::clock::Timestamp;
use crate::base::ids::{SettingId, TenantId, TrailId};
use crate::base::role::Reach;
use crate::store::trail::{Act, Actor, Close, Pen};
use crate::store::{Store, StoreError};

/// One row that Rampart changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyMark {
    /// Which row.
    pub setting: SettingId,
    /// The tenant whose override it is; `None` for a default setting.
    pub tenant: Option<TenantId>,
    /// Where, in words.
    pub place: String,
    /// `category.subcategory`.
    pub key: String,
    /// The value that was left there.
    pub value: Option<String>,
    /// Whether it was left switched on.
    pub enabled: bool,
    /// The version of the row that was left (`xmin`).
    pub version: String,
    /// The entry of the trail that left it so.
    pub entry: TrailId,
    /// What was last seen there instead, as JSON of the floor that watches.
    pub drift: Option<String>,
}

/// A change by somebody else, as it is noted.
#[derive(Clone, Copy, Debug)]
pub struct Drift<'a> {
    /// The mark that it was measured against, as it was read.
    pub mark: &'a PolicyMark,
    /// The note, as JSON; `None` where the row is again as it was left.
    pub note: Option<&'a str>,
    /// The entry for the trail.
    pub act: Act<'a>,
}

/// An open entry that is older than this belongs to a program that stopped.
const ABANDONED_SECONDS: i64 = 120;

impl Store {
    /// Keeps what was left in some rows, all or none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_policy_marks(&self, marks: &[PolicyMark]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for mark in marks {
            let (setting, tenant) = (mark.setting.to_string(), mark.tenant.map(|tenant| tenant.to_string()));
            sqlx::query!(
                "INSERT INTO policy_marks (setting, tenant, place, key, value, enabled, version, entry, drift)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)
                 ON CONFLICT (setting) DO UPDATE SET tenant = excluded.tenant, place = excluded.place,
                    key = excluded.key, value = excluded.value, enabled = excluded.enabled,
                    version = excluded.version, entry = excluded.entry,
                    drift = NULL",
                setting,
                tenant,
                mark.place,
                mark.key,
                mark.value,
                mark.enabled,
                mark.version,
                mark.entry.0
            )
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Every row in reach that Rampart changed, by setting and place.
    ///
    /// # Errors
    /// The store failed, or a row is damaged.
    pub async fn policy_marks(&self, reach: &Reach) -> Result<Vec<PolicyMark>, StoreError> {
        let tenant = reach.tenant().map(|tenant| tenant.to_string());
        let rows = sqlx::query!(
            "SELECT setting, tenant, place, key, value, enabled, version, entry, drift FROM policy_marks
             WHERE ? IS NULL OR tenant = ? ORDER BY key, place, setting",
            tenant,
            tenant
        )
        .fetch_all(&self.pool)
        .await?;
        let damaged = |reason: String| StoreError::Damaged { table: "policy_marks", reason };
        rows.into_iter()
            .map(|row| {
                let tenant = row.tenant.map(|tenant| tenant.parse::<TenantId>()).transpose();
                Ok(PolicyMark {
                    setting: row.setting.parse().map_err(|_| damaged(format!("{} is no id", row.setting)))?,
                    tenant: tenant.map_err(|_| damaged("a tenant is no id".to_owned()))?,
                    place: row.place,
                    key: row.key,
                    value: row.value,
                    enabled: row.enabled != 0,
                    version: row.version,
                    entry: TrailId(row.entry),
                    drift: row.drift,
                })
            })
            .collect()
    }

    /// Notes a change by somebody else, once: the mark and the entry of the trail, both or neither. Nothing is noted while
    /// a change of our own is under way, or where one came in between. Answers whether it was noted.
    ///
    /// # Errors
    /// The store failed.
    pub async fn note_policy_drift(&self, drift: Drift<'_>, now: Timestamp) -> Result<bool, StoreError> {
        let Drift { mark, note, act } = drift;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let since = now.unix().saturating_sub(ABANDONED_SECONDS);
        let under_way = sqlx::query_scalar!(
            "SELECT COUNT(*) FROM trail_open JOIN trail ON trail.id = trail_open.entry
             WHERE substr(trail.act, 1, 7) = 'policy.' AND trail.at > ?",
            since
        )
        .fetch_one(&mut *transaction)
        .await?;
        if under_way > 0 {
            return Ok(false);
        }
        let setting = mark.setting.to_string();
        let marked = sqlx::query!(
            "UPDATE policy_marks SET drift = ? WHERE setting = ? AND entry = ? AND drift IS ?",
            note,
            setting,
            mark.entry.0,
            mark.drift
        )
        .execute(&mut *transaction)
        .await?;
        if marked.rows_affected() != 1 {
            return Ok(false);
        }
        let mut pen = Pen::take_up(&mut transaction, &self.seal, now).await?;
        let entry = pen.open(&mut transaction, &Actor::rampart(), act, now).await?;
        pen.close(&mut transaction, entry, &Close::Done { inverse: None }, now).await?;
        pen.put_down(&mut transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
