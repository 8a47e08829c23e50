//! What the console remembers of second factors: that there is one, and since when. The factors lie with the agent.

use crate::base::clock::Timestamp;
use crate::base::ids::OperatorId;
use crate::store::{Store, StoreError};

impl Store {
    /// Notes since when the operator has a second factor; `None` if there is none any more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn note_factor(&self, id: OperatorId, since: Option<Timestamp>) -> Result<(), StoreError> {
        let since = since.map(Timestamp::unix);
        sqlx::query!("UPDATE operators SET factor_at = ? WHERE id = ?", since, id.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Notes that the operator called `name` has no second factor any more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_factor(&self, name: &str) -> Result<(), StoreError> {
        sqlx::query!("UPDATE operators SET factor_at = NULL WHERE name = ?", name).execute(&self.pool).await?;
        Ok(())
    }

    /// Since when the operator has a second factor, as far as the console remembers.
    ///
    /// # Errors
    /// The store failed.
    pub async fn factor_since(&self, id: OperatorId) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query_scalar!("SELECT factor_at FROM operators WHERE id = ?", id.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.flatten().map(Timestamp::from_unix))
    }
}
