//! The zones that an operator approved, and how their last tests went.

use crate::base::clock::Timestamp;
use crate::base::ids::DnsCredentialId;
use crate::base::names::Fqdn;
use crate::store::{Store, StoreError};

/// How names in a zone are proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A record at `_acme-challenge`, written with a credential (RFC 8555 section 8.4).
    Dns01,
    /// The same at a name of the account's own (draft-ietf-acme-dns-account-label).
    DnsAccount01,
    /// A record that stays, put in once by hand (draft-ietf-acme-dns-persist).
    DnsPersist01,
    /// A file that this host's nginx serves (RFC 8555 section 8.3); no wildcard.
    Http01,
    /// As the first, but put in and taken away by hand.
    Manual,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Dns01, Self::DnsAccount01, Self::DnsPersist01, Self::Http01, Self::Manual];

    /// As the store and forms have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns01 => "dns-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::Http01 => "http-01",
            Self::Manual => "manual",
        }
    }

    /// As a page has it.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Dns01 => "DNS-01: a record that Rampart writes for each order",
            Self::DnsAccount01 => "DNS-ACCOUNT-01: the same at a name of the CA account's own",
            Self::DnsPersist01 => "DNS-PERSIST-01: a record that stays, put in once by hand",
            Self::Http01 => "HTTP-01: a file that nginx on this host serves; no wildcard",
            Self::Manual => "DNS-01 by hand: the order's page shows the record and waits",
        }
    }

    /// The way that is called `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.word() == word)
    }

    /// Whether Rampart writes into DNS, and needs a credential.
    #[must_use]
    pub const fn needs_credential(self) -> bool {
        matches!(self, Self::Dns01 | Self::DnsAccount01)
    }
}

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
