//! Accounts with certificate authorities.

use crate::base::clock::Timestamp;
use crate::base::ids::AccountId;
use crate::base::secret::Secret;
use crate::store::{Store, StoreError};

/// The places that an account's secrets are sealed for.
pub(super) const CREDENTIALS: &str = "acme_accounts.credentials";
pub(super) const KEY: &str = "acme_accounts.account_key";

/// One account.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// Its id here.
    pub id: AccountId,
    /// The CA's directory.
    pub directory_url: String,
    /// The account's URL at the CA.
    pub url: String,
    /// The contact given to the CA; empty if none.
    pub contact: String,
    /// The credentials, with the account key.
    pub credentials: Secret<String>,
    /// When it was made.
    pub created: Timestamp,
}

impl Store {
    /// The account at a directory, if there is one.
    ///
    /// # Errors
    /// The store failed, or the credentials do not open.
    pub async fn account_at(&self, directory_url: &str) -> Result<Option<AccountRow>, StoreError> {
        let row = sqlx::query!(
            "SELECT id, directory_url, url, contact, credentials, created_at FROM acme_accounts WHERE directory_url = ?",
            directory_url
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (Some(url), Some(credentials)) = (row.url, row.credentials) else { return Ok(None) };
        Ok(Some(AccountRow {
            id: AccountId(row.id),
            directory_url: row.directory_url,
            url,
            contact: row.contact,
            credentials: self.seal.unseal(CREDENTIALS, &credentials)?,
            created: Timestamp::from_unix(row.created_at),
        }))
    }

    /// The key for an account at a directory: the one kept before, or else `fresh`, which is kept.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_key(
        &self,
        directory_url: &str,
        fresh: &Secret<String>,
        now: Timestamp,
    ) -> Result<Secret<String>, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let (sealed, now) = (self.seal.seal(KEY, fresh)?, now.unix());
        let kept = sqlx::query_scalar!(
            "INSERT INTO acme_accounts (directory_url, account_key, created_at) VALUES (?, ?, ?)
             ON CONFLICT (directory_url) DO UPDATE SET directory_url = excluded.directory_url
             RETURNING account_key",
            directory_url,
            sealed,
            now
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(self.seal.unseal(KEY, &kept)?)
    }

    /// The account was made.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_made(
        &self,
        directory_url: &str,
        url: &str,
        contact: &str,
        credentials: &Secret<String>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let sealed = self.seal.seal(CREDENTIALS, credentials)?;
        sqlx::query!(
            "UPDATE acme_accounts SET url = ?, contact = ?, credentials = ? WHERE directory_url = ?",
            url,
            contact,
            sealed,
            directory_url
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }
}
