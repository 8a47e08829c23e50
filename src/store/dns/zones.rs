//! The zones that an operator approved, and how their last tests went.

use crate::acme::challenge::way::Way;
use crate::base::clock::Timestamp;
use crate::base::ids::DnsCredentialId;
use crate::base::names::Fqdn;
use crate::store::{Store, StoreError};

/// An approved zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRow {
    /// Names in it may be ordered.
    pub zone: Fqdn,
    /// How they are proved.
    pub way: Way,
    /// With which credential, where the way needs one.
    pub credential: Option<DnsCredentialId>,
    /// Who approved it.
    pub approved_by: String,
    /// When.
    pub approved: Timestamp,
}

/// How the last test of a zone went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRow {
    /// The zone.
    pub zone: String,
    /// When it was begun or ended.
    pub at: Timestamp,
    /// `None` while it runs.
    pub is_good: Option<bool>,
    /// In words.
    pub words: String,
}

impl Store {
    /// Every approved zone, by name.
    ///
    /// # Errors
    /// The store failed, or a row is damaged.
    pub async fn dns_zones(&self) -> Result<Vec<ZoneRow>, StoreError> {
        let rows = sqlx::query!(
            "SELECT zone, way, credential_id, approved_by, approved_at FROM dns_zones ORDER BY zone LIMIT 20000"
        )
        .fetch_all(&self.pool)
        .await?;
        let damaged = |reason: String| StoreError::Damaged { table: "dns_zones", reason };
        rows.into_iter()
            .map(|row| {
                Ok(ZoneRow {
                    zone: Fqdn::parse(&row.zone).map_err(|error| damaged(error.to_string()))?,
                    way: Way::parse(&row.way).ok_or_else(|| damaged(format!("way {}", row.way)))?,
                    credential: row.credential_id.map(DnsCredentialId),
                    approved_by: row.approved_by,
                    approved: Timestamp::from_unix(row.approved_at),
                })
            })
            .collect()
    }

    /// Approves a zone, or changes how its names are proved. Answers whether the credential is there.
    ///
    /// # Errors
    /// The store failed.
    pub async fn approve_dns_zone(&self, row: &ZoneRow) -> Result<bool, StoreError> {
        let (zone, way, at) = (row.zone.as_str(), row.way.word(), row.approved.unix());
        let credential = row.credential.map(|id| id.0);
        let written = sqlx::query!(
            "INSERT INTO dns_zones (zone, way, credential_id, approved_by, approved_at)
             SELECT ?, ?, ?, ?, ?
             WHERE ? IS NULL OR EXISTS (SELECT 1 FROM dns_credentials WHERE id = ?)
             ON CONFLICT (zone) DO UPDATE SET way = excluded.way, credential_id = excluded.credential_id,
                 approved_by = excluded.approved_by, approved_at = excluded.approved_at",
            zone,
            way,
            credential,
            row.approved_by,
            at,
            credential,
            credential
        )
        .execute(&self.pool)
        .await?
        .rows_affected();
        Ok(written == 1)
    }

    /// Takes a zone's approval away. Answers whether there was one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove_dns_zone(&self, zone: &Fqdn) -> Result<bool, StoreError> {
        let name = zone.as_str();
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let removed = sqlx::query!("DELETE FROM dns_zones WHERE zone = ?", name)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        sqlx::query!("DELETE FROM dns_tests WHERE zone = ?", name).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(removed == 1)
    }

    /// Keeps how a zone's test goes, or went.
    ///
    /// # Errors
    /// The store failed.
    pub async fn note_dns_test(&self, row: &TestRow) -> Result<(), StoreError> {
        let at = row.at.unix();
        sqlx::query!(
            "INSERT INTO dns_tests (zone, at, is_good, words) VALUES (?, ?, ?, ?)
             ON CONFLICT (zone) DO UPDATE SET at = excluded.at, is_good = excluded.is_good, words = excluded.words",
            row.zone,
            at,
            row.is_good,
            row.words
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// How the last test of each zone went.
    ///
    /// # Errors
    /// The store failed.
    pub async fn dns_tests(&self) -> Result<Vec<TestRow>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT zone, at, is_good AS "is_good: bool", words FROM dns_tests ORDER BY zone LIMIT 20000"#
        )
        .fetch_all(&self.pool)
        .await?;
        let test = rows.into_iter().map(|row| TestRow {
            zone: row.zone,
            at: Timestamp::from_unix(row.at),
            is_good: row.is_good,
            words: row.words,
        });
        Ok(test.collect())
    }
}
