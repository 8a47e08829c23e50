//! Takes up queued orders, one at a time, as soon as one is asked for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::error;

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;

/// Looked at this often even when nobody asked: another program on the same state may have queued one.
const PAUSE: Duration = Duration::from_secs(20);

/// Runs until `stopping` turns true. An order under way is ended first, at most for as long as it takes.
/// `done` hears of each that ended, so that the walls are looked at again.
pub async fn run(
    deeds: Deeds,
    issuing: Arc<Issuing>,
    wanted: Arc<Notify>,
    done: Arc<Notify>,
    mut stopping: watch::Receiver<bool>,
) {
    if let Err(error) = deeds.store.free_claims().await {
        error!("Orders of an earlier run could not be freed: {}", Chain(&error));
    }
    if let Err(error) = deeds.store.close_entries_of_ended_orders(deeds.clock.now()).await {
        error!("The trail of orders of an earlier run could not be closed: {}", Chain(&error));
    }
    while !*stopping.borrow() {
        match deeds.store.claim_order(deeds.clock.now()).await {
            Ok(Some(order)) => {
                if let Err(error) = deeds.carry_out(&issuing, &order).await {
                    error!(order = order.id.0, "An order could not be kept: {}", Chain(&error));
                }
                done.notify_one();
                continue;
            }
            Ok(None) => {}
            Err(error) => error!("Orders could not be looked at: {}", Chain(&error)),
        }
        tokio::select! {
            () = wanted.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
}
