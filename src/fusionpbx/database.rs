//! The handle to FusionPBX's database: a small pool and the schema as last seen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::base::ids::TenantId;
use crate::fusionpbx::connect::ConnectOptions;
use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::overrides::{Asked, OverridesPage};
use crate::fusionpbx::phone_secrets::SecretReading;
use crate::fusionpbx::remembered::Remembered;
use crate::fusionpbx::schema::Schema;

/// How long a page waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// FusionPBX shares the server's connections with us.
const MOST_CONNECTIONS: u32 = 5;

/// FusionPBX's database. Cheap to clone; connects when first asked, so that a dead database never delays a start.
#[derive(Clone, Debug)]
pub struct FusionPbx {
    pub(super) pool: PgPool,
    schema: Arc<RwLock<Option<Arc<Schema>>>>,
    pub(super) overrides: Arc<Remembered<Asked, OverridesPage>>,
    pub(super) phone_secrets: Arc<Remembered<Option<TenantId>, Vec<SecretReading>>>,
    /// Whether there are so many overrides that their answers are kept for some seconds.
    pub(super) is_large: Arc<AtomicBool>,
    place: Arc<str>,
}

impl FusionPbx {
    /// Must be called inside a Tokio runtime. Does not connect.
    #[must_use]
    pub fn open(options: &ConnectOptions) -> Self {
        // A superuser's session may not write at all: see decisions 8.
        let guard = "SELECT set_config('default_transaction_read_only', 'on', false) \
                     FROM pg_roles WHERE rolname = session_user AND rolsuper";
        let pool = PgPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(Duration::from_mins(5))
            .after_connect(move |connection, _| {
                Box::pin(async move { sqlx::query(guard).execute(connection).await.map(drop) })
            })
            .connect_lazy_with(options.session());
        Self {
            pool,
            schema: Arc::default(),
            overrides: Arc::default(),
            phone_secrets: Arc::default(),
            is_large: Arc::default(),
            place: options.place().into(),
        }
    }

    pub(super) fn is_large(&self) -> bool {
        self.is_large.load(Ordering::Relaxed)
    }

    /// Where this leads, without a secret: `fusionpbx at /var/run/postgresql as rampart`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not, within 2 seconds and a bit.
    pub async fn ping(&self) -> Result<(), FusionPbxError> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map_err(FusionPbxError::from)?;
        Ok(())
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The tables and columns that exist, asked once.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn schema(&self) -> Result<Arc<Schema>, FusionPbxError> {
        let known = self.schema.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(schema) = known {
            return Ok(schema);
        }
        let schema = Arc::new(Schema::ask(&self.pool).await?);
        *self.schema.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&schema));
        Ok(schema)
    }

    /// Keeps the promise that a changed schema is noticed: an error that speaks of a missing column or a wrong type
    /// makes the next call ask again.
    pub(super) fn heed<T>(&self, outcome: Result<T, FusionPbxError>) -> Result<T, FusionPbxError> {
        if outcome.as_ref().is_err_and(FusionPbxError::is_about_schema) {
            self.forget_schema();
        }
        outcome
    }

    pub(super) fn forget_schema(&self) {
        *self.schema.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
