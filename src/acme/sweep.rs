//! Takes challenge records out of DNS again, whatever happens to the order.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::warn;

use crate::acme::challenge::{Solver, TxtRecord};
use crate::base::chain::Chain;
use crate::base::names::Fqdn;

/// One order at a time for each name: taken by an order, and held until its records are out of DNS. Without it, the clean-up
/// of an order that was cut off could take away what the next one has just put in place. Orders for other names go on
/// beside it. Clones share their turns.
#[derive(Clone, Debug, Default)]
pub struct Turn(Arc<std::sync::Mutex<HashMap<Fqdn, Arc<Mutex<()>>>>>);

/// The turns of one order.
#[derive(Debug)]
pub(crate) struct Held {
    _turns: Vec<OwnedMutexGuard<()>>,
}

impl Turn {
    /// Waits for the turns of `bases`. All callers take them in the same order, so that no two wait for each other.
    pub(crate) async fn take(&self, bases: BTreeSet<Fqdn>) -> Held {
        let wanted: Vec<Arc<Mutex<()>>> = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, turn| Arc::strong_count(turn) > 1);
            bases.into_iter().map(|base| Arc::clone(all.entry(base).or_default())).collect()
        };
        let mut turns = Vec::with_capacity(wanted.len());
        for turn in wanted {
            turns.push(turn.lock_owned().await);
        }
        Held { _turns: turns }
    }
}

/// Knows the records of one order. Dropped in the middle of an order, it cleans up in the background.
pub(crate) struct Sweep {
    solver: Arc<dyn Solver>,
    records: Vec<TxtRecord>,
    turn: Option<Held>,
}

impl Sweep {
    /// `records` are what a former try may have left behind.
    pub(crate) const fn new(solver: Arc<dyn Solver>, records: Vec<TxtRecord>, turn: Held) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(texts: &[&str]) -> BTreeSet<Fqdn> {
        texts.iter().map(|text| Fqdn::parse(text).unwrap()).collect()
    }

    #[tokio::test]
    async fn orders_for_other_names_go_on_beside_each_other_and_those_for_one_name_follow_each_other() {
        let turn = Turn::default();
        let first = turn.take(bases(&["a.test", "b.test"])).await;

        let beside = turn.take(bases(&["c.test"])).await;
        let (own, next) = (turn.clone(), bases(&["b.test", "d.test"]));
        let waiting = tokio::spawn(async move { own.take(next).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());

        drop(first);
        let last = waiting.await.unwrap();
        drop((last, beside));
        turn.take(bases(&["a.test"])).await;
        assert_eq!(turn.0.lock().unwrap().len(), 1, "turns that nobody holds are forgotten");
    }
}
