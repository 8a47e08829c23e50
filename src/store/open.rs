//! Opening the store: the file, its migrations, the key that seals secrets in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::base::rng::Random;
use crate::store::claims::Worker;
use crate::store::rotation;
use crate::store::seal::{Seal, SealError};

/// Rampart's own store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: SqlitePool,
    pub(super) seal: Arc<Seal>,
    pub(super) worker: Worker,
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened, read or written.
    #[error("Rampart's own store in {directory} cannot be opened", directory = .directory.display())]
    Open {
        /// The state directory.
        directory: PathBuf,
        /// What the operating system or SQLite said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A statement failed.
    #[error("Rampart's own store failed")]
    Query(#[from] sqlx::Error),
    /// A sealed secret does not open with this key file.
    #[error("a secret in Rampart's own store cannot be opened")]
    Seal(#[from] SealError),
    /// A row holds what no version of Rampart writes.
    #[error("a row of {table} is damaged: {reason}")]
    Damaged {
        /// Which table.
        table: &'static str,
        /// What was found.
        reason: String,
    },
}

impl Store {
    /// Opens `rampart.sqlite` in `directory`, makes it if it is missing, and brings its tables up to date. `credentials` is
    /// systemd's directory of credentials (`$CREDENTIALS_DIRECTORY`), if there is one.
    ///
    /// # Errors
    /// The directory or file cannot be used, or a migration fails.
    pub async fn open(directory: &Path, credentials: Option<&Path>, random: &dyn Random) -> Result<Self, StoreError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Open {
            directory: directory.to_owned(),
            source,
        };
        let options = SqliteConnectOptions::new()
            .filename(directory.join("rampart.sqlite"))
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An answered change must survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            // A large sort must not want a file elsewhere: the console may write in its own directory only.
            .pragma("temp_store", "memory")
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(3))
            .connect_with(options)
            .await
            .map_err(|error| failed(error.into()))?;
        sqlx::migrate!().run(&pool).await.map_err(|error| failed(error.into()))?;
        let is_in_use = rotation::is_in_use(&pool).await?;
        let seal =
            Seal::open(directory, credentials, random, is_in_use).await.map_err(|error| failed(error.into()))?;
        Ok(Self { pool, seal: Arc::new(seal), worker: Worker::at(directory) })
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// The tag of `message` for `place`, which only this store can make, now and after a restart.
    #[must_use]
    pub fn tag(&self, place: &str, message: &[u8]) -> Vec<u8> {
        self.seal.tag(place, message)
    }

    /// Closes the file; what is under way ends first.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
