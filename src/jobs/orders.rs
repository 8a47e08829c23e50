//! Takes up queued orders as soon as one is asked for, several at a time: while one waits for DNS, the others go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::error;

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::store::orders::{LEASE, OrderRow};

/// Looked at this often even when nobody asked: another program on the same state may have queued one, or ended.
const PAUSE: Duration = Duration::from_secs(20);

/// Orders under way at the same time.
const AT_ONCE: usize = 50;

/// Runs until `stopping` turns true. Orders under way are ended first, at most for as long as it takes.
/// `done` hears of each that ended, so that the walls are looked at again.
pub async fn run(
    deeds: Deeds,
    issuing: Arc<Issuing>,
    wanted: Arc<Notify>,
    done: Arc<Notify>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut under_way = JoinSet::new();
    if let Err(error) = deeds.store.close_entries_of_ended_orders(deeds.clock.now()).await {
        error!("The trail of orders of an earlier run could not be closed: {}", Chain(&error));
    }
    while !*stopping.borrow() {
        take_up(&deeds, &issuing, &mut under_way).await;
        tokio::select! {
            Some(_) = under_way.join_next() => done.notify_one(),
            () = wanted.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
    while under_way.join_next().await.is_some() {
        done.notify_one();
    }
}

/// Takes up what waits, as long as there is room.
async fn take_up(deeds: &Deeds, issuing: &Arc<Issuing>, under_way: &mut JoinSet<()>) {
    if let Err(error) = deeds.store.free_claims().await {
        error!("Orders of programs that are gone could not be freed: {}", Chain(&error));
    }
    while under_way.len() < AT_ONCE {
        match deeds.store.claim_order(deeds.clock.now()).await {
            Ok(Some(order)) => {
                under_way.spawn(carry_out(deeds.clone(), Arc::clone(issuing), order));
            }
            Ok(None) => return,
            Err(error) => return error!("Orders could not be looked at: {}", Chain(&error)),
        }
    }
}

/// Carries the order out, and renews the claim meanwhile. Somebody else's by now, it is let go.
async fn carry_out(deeds: Deeds, issuing: Arc<Issuing>, order: OrderRow) {
    let work = deeds.carry_out(&issuing, &order);
    tokio::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => {
                if let Err(error) = outcome {
                    error!(order = order.id.0, "An order could not be kept: {}", Chain(&error));
                }
                return;
            }
            () = tokio::time::sleep(LEASE / 5) => {
                match deeds.store.renew_claim(order.id, deeds.clock.now()).await {
                    Ok(true) => {}
                    Ok(false) => return error!(order = order.id.0, "Another program has taken up this order"),
                    Err(error) => error!(order = order.id.0, "A claim was not renewed: {}", Chain(&error)),
                }
            }
        }
    }
}
