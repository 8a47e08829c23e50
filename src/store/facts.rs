//! The last look at each source, so that a page need not wait and a restart forgets nothing.

use crate::store::{Store, StoreError};

impl Store {
    /// Keeps what a source last said, as JSON.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep_fact(&self, source: &str, body: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO facts (source, body) VALUES (?, ?)
             ON CONFLICT (source) DO UPDATE SET body = excluded.body",
            source,
            body
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What a source last said, as JSON.
    ///
    /// # Errors
    /// The store failed.
    pub async fn kept_fact(&self, source: &str) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar!("SELECT body FROM facts WHERE source = ?", source).fetch_optional(&self.pool).await?)
    }
}
