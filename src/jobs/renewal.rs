//! Renews certificates without anyone: looks once a minute, queues what is due, keeps when the next one is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::{error, info};

use crate::acme::renewal::Decision;
use crate::base::chain::Chain;
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::certificates::{Issuing, OrderError, Queued, joined, next_step};
use crate::store::StoreError;

const PAUSE: Duration = Duration::from_mins(1);

/// Runs until `stopping` turns true.
pub async fn run(deeds: Deeds, issuing: Arc<Issuing>, wanted: Arc<Notify>, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        match look(&deeds, &issuing).await {
            Ok(0) => {}
            Ok(_) => wanted.notify_one(),
            Err(error) => error!("Renewals could not be looked at: {}", Chain(&error)),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Looks at every certificate once. Answers how many renewals were queued.
///
/// # Errors
/// Our own store failed.
pub async fn look(deeds: &Deeds, issuing: &Issuing) -> Result<u32, StoreError> {
    let mut queued = 0;
    for row in deeds.store.certificates(&Reach::Everything).await? {
        let Some(decision) = next_step(&row, deeds.clock.now()) else { continue };
        let why = match decision {
            Decision::Wait { until } => {
                if row.next_attempt != Some(until) {
                    deeds.store.plan_attempt(row.id, until).await?;
                }
                continue;
            }
            Decision::Renew { why } | Decision::RenewUrgently { why } => why,
        };
        match deeds.renew_due(issuing, &row).await {
            Ok(Queued { is_new: false, .. }) | Err(OrderError::NotNeeded) => {}
            Ok(Queued { is_new: true, .. }) => {
                info!(certificate = row.id.0, "Renewing {}: {why}", joined(&row.names));
                queued += 1;
            }
            Err(OrderError::Store(error)) => return Err(error),
            Err(error) => {
                error!(certificate = row.id.0, "{} cannot be renewed: {error}", joined(&row.names));
                deeds.store.certificate_failed(row.id, &error.to_string(), deeds.clock.now()).await?;
            }
        }
    }
    Ok(queued)
}
