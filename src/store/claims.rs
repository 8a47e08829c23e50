//! Who works on which order. A claim is a lease: its worker renews it, and nobody else takes the order up before it lapses
//! or the worker is gone. A worker is a program on this state directory; it holds a lock on a file of its own for as long as
//! it lives, which the kernel lets go of however it ends.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::clock::Timestamp;
use crate::base::ids::OrderId;
use crate::base::rng::{SystemRandom, token};
use crate::base::role::Reach;
use crate::store::orders::{LEASE, OrderRow};
use crate::store::{Store, StoreError};

/// This program as a worker. Clones are the same worker.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    directory: PathBuf,
    sign: Arc<Mutex<Option<Sign>>>,
}

/// A file that is locked while its worker lives.
#[derive(Debug)]
struct Sign {
    name: String,
    path: PathBuf,
    _locked: File,
}

impl Drop for Sign {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

impl Worker {
    pub(super) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), sign: Arc::default() }
    }

    /// The worker's name; its file is made with the first claim.
    fn name(&self) -> Result<String, StoreError> {
        let mut sign = self.sign.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sign) = &*sign {
            return Ok(sign.name.clone());
        }
        let name = token(&SystemRandom).expose().clone();
        let path = self.path_of(&name);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        let locked =
            made.map_err(|source| StoreError::Open { directory: self.directory.clone(), source: source.into() })?;
        *sign = Some(Sign { name: name.clone(), path, _locked: locked });
        Ok(name)
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.directory.join(format!("worker-{name}.lock"))
    }

    /// Whether the worker called `name` lives. The file of one that does not is taken away.
    fn lives(&self, name: &str) -> bool {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        let path = self.path_of(name);
        let Some(file) = plain.then(|| File::open(&path).ok()).flatten() else { return false };
        if file.try_lock().is_err() {
            return true;
        }
        drop(std::fs::remove_file(&path));
        false
    }
}

impl Store {
    /// Takes up the oldest order that is queued, or whose claim has lapsed. No two callers get the same one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn claim_order(&self, now: Timestamp) -> Result<Option<OrderRow>, StoreError> {
        let worker = self.worker.name()?;
        let (lease, now) = (now.plus(LEASE).unix(), now.unix());
        let id = sqlx::query_scalar!(
            "UPDATE orders SET state = 'running', lease_until = ?, worker = ?
             WHERE id = (SELECT id FROM orders
                         WHERE state = 'queued' OR (state = 'running' AND lease_until <= ?)
                         ORDER BY id LIMIT 1)
             RETURNING id",
            lease,
            worker,
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        match id {
            Some(id) => self.order(&Reach::Everything, OrderId(id)).await,
            None => Ok(None),
        }
    }

    /// Renews this worker's claim. No, if it is somebody else's by now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn renew_claim(&self, id: OrderId, now: Timestamp) -> Result<bool, StoreError> {
        let (worker, lease) = (self.worker.name()?, now.plus(LEASE).unix());
        let renewed = sqlx::query!(
            "UPDATE orders SET lease_until = ? WHERE id = ? AND state = 'running' AND worker = ?",
            lease,
            id.0,
            worker
        )
        .execute(&self.pool)
        .await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Frees the claims of workers that are gone: their orders are taken up again at once. Those of a program that works
    /// on the same state directory stay.
    ///
    /// # Errors
    /// The store failed.
    pub async fn free_claims(&self) -> Result<(), StoreError> {
        let own = self.worker.name()?;
        let workers = sqlx::query_scalar!("SELECT DISTINCT worker FROM orders WHERE state = 'running'")
            .fetch_all(&self.pool)
            .await?;
        for worker in workers {
            if worker.as_ref().is_some_and(|name| *name == own || self.worker.lives(name)) {
                continue;
            }
            sqlx::query!("UPDATE orders SET lease_until = 0 WHERE state = 'running' AND worker IS ?", worker)
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }
}
