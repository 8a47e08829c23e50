//! Accounts with certificate authorities.

use crate::base::clock::Timestamp;
use crate::base::ids::AccountId;
use crate::base::secret::Secret;
use crate::store::{Store, StoreError};

/// The places that an account's secrets are sealed for.
pub(super) const CREDENTIALS: &str = "acme_accounts.credentials";
pub(super) const KEY: &str = "acme_accounts.account_key";
pub(super) const NEXT_KEY: &str = "acme_accounts.next_key";

/// One account.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// Its id here.
    pub id: AccountId,
    /// The CA's directory.
    pub directory_url: String,
    /// The root that alone vouches for the CA's API, PEM; `None` where this host's roots do.
    pub root_pem: Option<String>,
    /// The account's URL at the CA.
    pub url: String,
    /// The contact given to the CA; empty if none.
    pub contact: String,
    /// The credentials, with the account key.
    pub credentials: Secret<String>,
    /// The name of the external account that it is bound to.
    pub binding: Option<String>,
    /// A new key whose way to the CA was cut off.
    pub next_key: Option<Secret<String>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was ended at the CA.
    pub ended: Option<Timestamp>,
}

impl Store {
    /// The account in use at a directory, if there is one.
    ///
    /// # Errors
    /// The store failed, or the credentials do not open.
    pub async fn account_at(&self, directory_url: &str) -> Result<Option<AccountRow>, StoreError> {
        let accounts = self.accounts_where(Some(directory_url)).await?;
        Ok(accounts.into_iter().find(|account| account.ended.is_none()))
    }

    /// Every account that was made, in use or ended, oldest first.
    ///
    /// # Errors
    /// The store failed, or the credentials of one do not open.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.accounts_where(None).await
    }

    async fn accounts_where(&self, directory_url: Option<&str>) -> Result<Vec<AccountRow>, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, directory_url, root_pem, url, contact, credentials, next_key, binding, created_at, ended_at
             FROM acme_accounts WHERE (? IS NULL OR directory_url = ?) ORDER BY id LIMIT 1000",
            directory_url,
            directory_url
        )
        .fetch_all(&self.pool)
        .await?;
        let mut accounts = Vec::with_capacity(rows.len());
        for row in rows {
            let (Some(url), Some(credentials)) = (row.url, row.credentials) else { continue };
            accounts.push(AccountRow {
                id: AccountId(row.id),
                directory_url: row.directory_url,
                root_pem: row.root_pem,
                url,
                contact: row.contact,
                credentials: self.seal.unseal(CREDENTIALS, &credentials)?,
                binding: row.binding,
                next_key: row.next_key.map(|key| self.seal.unseal(NEXT_KEY, &key)).transpose()?,
                created: Timestamp::from_unix(row.created_at),
                ended: row.ended_at.map(Timestamp::from_unix),
            });
        }
        Ok(accounts)
    }

    /// The root and the binding of an account that is being made: kept beside its key.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_from(
        &self,
        directory_url: &str,
        root_pem: Option<&str>,
        binding: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE acme_accounts SET root_pem = ?, binding = ? WHERE directory_url = ? AND ended_at IS NULL",
            root_pem,
            binding,
            directory_url
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The key that the account has now.
    ///
    /// # Errors
    /// The store failed, or it does not open.
    pub async fn present_key(&self, id: AccountId) -> Result<Option<Secret<String>>, StoreError> {
        let key = sqlx::query_scalar!("SELECT account_key FROM acme_accounts WHERE id = ?", id.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(key.map(|key| self.seal.unseal(KEY, &key)).transpose()?)
    }

    /// The next key of an account: the one kept before, or else `fresh`, which is kept.
    ///
    /// # Errors
    /// The store failed.
    pub async fn next_key(&self, id: AccountId, fresh: &Secret<String>) -> Result<Secret<String>, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let kept = sqlx::query_scalar!("SELECT next_key FROM acme_accounts WHERE id = ?", id.0)
            .fetch_optional(&mut *transaction)
            .await?;
        if let Some(kept) = kept.flatten() {
            return Ok(self.seal.unseal(NEXT_KEY, &kept)?);
        }
        let sealed = self.seal.seal(NEXT_KEY, fresh)?;
        sqlx::query!("UPDATE acme_accounts SET next_key = ? WHERE id = ?", sealed, id.0)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Secret::new(fresh.expose().clone()))
    }

    /// The CA knows the account by `key` now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_rekeyed(
        &self,
        id: AccountId,
        key: &Secret<String>,
        credentials: &Secret<String>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let (key, credentials) = (self.seal.seal(KEY, key)?, self.seal.seal(CREDENTIALS, credentials)?);
        sqlx::query!(
            "UPDATE acme_accounts SET account_key = ?, credentials = ?, next_key = NULL WHERE id = ?",
            key,
            credentials,
            id.0
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// The CA has other mail addresses now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_contact(&self, id: AccountId, contact: &str) -> Result<(), StoreError> {
        sqlx::query!("UPDATE acme_accounts SET contact = ? WHERE id = ?", contact, id.0).execute(&self.pool).await?;
        Ok(())
    }

    /// The account was ended at the CA.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_ended(&self, id: AccountId, now: Timestamp) -> Result<(), StoreError> {
        let now = now.unix();
        sqlx::query!("UPDATE acme_accounts SET ended_at = ? WHERE id = ?", now, id.0).execute(&self.pool).await?;
        Ok(())
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
             ON CONFLICT (directory_url) WHERE ended_at IS NULL DO UPDATE SET directory_url = excluded.directory_url
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
            "UPDATE acme_accounts SET url = ?, contact = ?, credentials = ? WHERE directory_url = ? AND ended_at IS NULL",
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
