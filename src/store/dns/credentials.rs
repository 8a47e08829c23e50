//! Credentials for DNS services.

use std::collections::BTreeMap;

use crate::base::clock::Timestamp;
use crate::base::ids::DnsCredentialId;
use crate::base::secret::Secret;
use crate::store::dns::SECRETS;
use crate::store::{Store, StoreError};

/// One credential, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRow {
    /// Its id.
    pub id: DnsCredentialId,
    /// What operators call it.
    pub name: String,
    /// The service that it is for.
    pub provider: String,
    /// What is no secret, by field.
    pub settings: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub changed: Timestamp,
    /// The zones that it is used for.
    pub zones: Vec<String>,
}

/// A credential to be kept.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// What operators will call it.
    pub name: String,
    /// The service that it is for.
    pub provider: String,
    /// What is no secret, by field.
    pub settings: BTreeMap<String, String>,
    /// The secrets by field, as one JSON object.
    pub secrets: Secret<String>,
}

impl Store {
    /// Every credential, by name.
    ///
    /// # Errors
    /// The store failed, or a row is damaged.
    pub async fn dns_credentials(&self) -> Result<Vec<CredentialRow>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT c.id AS "id!", c.name, c.provider, c.settings, c.created_at, c.changed_at,
                      (SELECT json_group_array(z.zone) FROM dns_zones AS z WHERE z.credential_id = c.id)
                          AS "zones!: String"
               FROM dns_credentials AS c
               ORDER BY c.name
               LIMIT 1000"#
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |text: &str| damaged(serde_json::from_str(text));
        rows.into_iter()
            .map(|row| {
                let mut zones: Vec<String> = damaged(serde_json::from_str(&row.zones))?;
                zones.sort();
                Ok(CredentialRow {
                    id: DnsCredentialId(row.id),
                    name: row.name,
                    provider: row.provider,
                    settings: read(&row.settings)?,
                    created: Timestamp::from_unix(row.created_at),
                    changed: Timestamp::from_unix(row.changed_at),
                    zones,
                })
            })
            .collect()
    }

    /// The secrets of a credential, as JSON; `None` if there is no such credential.
    ///
    /// # Errors
    /// The store failed, or they do not open.
    pub async fn dns_secrets(&self, id: DnsCredentialId) -> Result<Option<Secret<String>>, StoreError> {
        let sealed = sqlx::query_scalar!("SELECT secrets FROM dns_credentials WHERE id = ?", id.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(sealed.map(|sealed| self.seal.unseal(SECRETS, &sealed)).transpose()?)
    }

    /// Keeps a new credential; `None` if its name is taken.
    ///
    /// # Errors
    /// The store failed.
    pub async fn add_dns_credential(
        &self,
        new: &NewCredential,
        now: Timestamp,
    ) -> Result<Option<DnsCredentialId>, StoreError> {
        let (settings, now) = (text(&new.settings), now.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let sealed = self.seal.seal(SECRETS, &new.secrets)?;
        let id = sqlx::query_scalar!(
            "INSERT INTO dns_credentials (name, provider, settings, secrets, created_at, changed_at)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (name) DO NOTHING
             RETURNING id",
            new.name,
            new.provider,
            settings,
            sealed,
            now,
            now
        )
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(id.map(DnsCredentialId))
    }

    /// Puts `new` in the place of what a credential held. Answers whether it is there and its name is nobody else's.
    ///
    /// # Errors
    /// The store failed.
    pub async fn change_dns_credential(
        &self,
        id: DnsCredentialId,
        new: &NewCredential,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (settings, now) = (text(&new.settings), now.unix());
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let sealed = self.seal.seal(SECRETS, &new.secrets)?;
        let changed = sqlx::query!(
            "UPDATE OR IGNORE dns_credentials
             SET name = ?, settings = ?, secrets = ?, changed_at = ?
             WHERE id = ? AND provider = ?",
            new.name,
            settings,
            sealed,
            now,
            id.0,
            new.provider
        )
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(changed == 1)
    }

    /// Forgets a credential that no zone uses. Answers whether it did.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_dns_credential(&self, id: DnsCredentialId) -> Result<bool, StoreError> {
        let deleted = sqlx::query!(
            "DELETE FROM dns_credentials
             WHERE id = ? AND NOT EXISTS (SELECT 1 FROM dns_zones AS z WHERE z.credential_id = dns_credentials.id)",
            id.0
        )
        .execute(&self.pool)
        .await?
        .rows_affected();
        Ok(deleted == 1)
    }
}

fn text(settings: &BTreeMap<String, String>) -> String {
    settings.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<serde_json::Value>().to_string()
}

fn damaged<T>(read: Result<T, serde_json::Error>) -> Result<T, StoreError> {
    read.map_err(|error| StoreError::Damaged { table: "dns_credentials", reason: error.to_string() })
}
