//! Removes what is over: sessions, devices that are known no more, full rate buckets.

use std::time::Duration;

use tokio::sync::watch;
use tracing::error;

use crate::base::chain::Chain;
use crate::deeds::Deeds;

const PAUSE: Duration = Duration::from_mins(5);

/// Runs until `stopping` turns true. `tidy` is called along the way for what others keep in memory.
pub async fn run(deeds: Deeds, tidy: impl Fn() + Send + Sync, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        if let Err(error) = deeds.store.purge_sessions(deeds.clock.now()).await {
            error!("Old sessions could not be removed: {}", Chain(&error));
        }
        if let Err(error) = deeds.store.purge_devices(deeds.clock.now()).await {
            error!("Old devices could not be removed: {}", Chain(&error));
        }
        tidy();
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
}
