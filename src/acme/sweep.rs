//! Takes challenge records out of DNS again, whatever happens to the order.

use std::mem;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::warn;

use crate::acme::challenge::{Solver, TxtRecord};
use crate::base::chain::Chain;

/// One order at a time: taken by an order, and held until its records are out of DNS. Without it, the clean-up of an
/// order that was cut off could take away what the next one has just put in place. Clones share one turn.
#[derive(Clone, Debug, Default)]
pub struct Turn(Arc<Mutex<()>>);

impl Turn {
    pub(crate) async fn take(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.0).lock_owned().await
    }
}

/// Knows the records of one order. Dropped in the middle of an order, it cleans up in the background.
pub(crate) struct Sweep {
    solver: Arc<dyn Solver>,
    records: Vec<TxtRecord>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Sweep {
    /// `records` are what a former try may have left behind.
    pub(crate) const fn new(solver: Arc<dyn Solver>, records: Vec<TxtRecord>, turn: OwnedMutexGuard<()>) -> Self {
        Self { solver, records, turn: Some(turn) }
    }

    /// Remembers `record`; call it before the record is put in place.
    pub(crate) fn add(&mut self, record: TxtRecord) {
        if !self.records.contains(&record) {
            self.records.push(record);
        }
    }

    /// What may be in DNS because of this order.
    pub(crate) fn records(&self) -> &[TxtRecord] {
        &self.records
    }

    /// Clears them all, and hands back what could not be cleared. Cut off in the middle, the rest is still cleared.
    pub(crate) async fn finish(mut self) -> Vec<TxtRecord> {
        let mut left = Vec::new();
        while let Some(record) = self.records.last().cloned() {
            if !clear(&*self.solver, &record).await {
                left.push(record);
            }
            self.records.pop();
        }
        left
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        let records = mem::take(&mut self.records);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if records.is_empty() {
            return;
        }
        let (solver, turn) = (Arc::clone(&self.solver), self.turn.take());
        runtime.spawn(async move {
            for record in records {
                clear(&*solver, &record).await;
            }
            drop(turn);
        });
    }
}

async fn clear(solver: &dyn Solver, record: &TxtRecord) -> bool {
    match solver.clear(record).await {
        Ok(()) => true,
        Err(error) => {
            warn!(record = record.name(), "A challenge record stays in DNS: {}", Chain(&error));
            false
        }
    }
}
