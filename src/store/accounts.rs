//! Accounts with certificate authorities.

use crate::base::clock::Timestamp;
use crate::base::ids::AccountId;
use crate::base::secret::Secret;
use crate::store::{Store, StoreError};

/// The place that account credentials are sealed for.
const PLACE: &str = "acme_accounts.credentials";

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
        Ok(Some(AccountRow {
            id: AccountId(row.id),
            directory_url: row.directory_url,
            url: row.url,
            contact: row.contact,
            credentials: self.seal.unseal(PLACE, &row.credentials)?,
            created: Timestamp::from_unix(row.created_at),
        }))
    }

    /// Keeps a new account. An account that is there already stays: `false`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn add_account(
        &self,
        directory_url: &str,
        url: &str,
        contact: &str,
        credentials: &Secret<String>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (sealed, now) = (self.seal.seal(PLACE, credentials)?, now.unix());
        let added = sqlx::query!(
            "INSERT INTO acme_accounts (directory_url, url, contact, credentials, created_at)
             VALUES (?, ?, ?, ?, ?) ON CONFLICT (directory_url) DO NOTHING",
            directory_url,
            url,
            contact,
            sealed,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(added.rows_affected() == 1)
    }
}
