//! Finds out how batches of new secrets ended that something broke into.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::deeds::rotation::RotationError;
use crate::fusionpbx::FusionPbx;

const PAUSE: Duration = Duration::from_secs(15);

/// Runs until `stopping` turns true. A database that does not answer is asked again at the next turn.
pub async fn run(deeds: Deeds, fusionpbx: Result<FusionPbx, String>, mut stopping: watch::Receiver<bool>) {
    let Ok(fusionpbx) = fusionpbx else { return };
    let mut is_told = false;
    while !*stopping.borrow() {
        match deeds.resolve_batches(&fusionpbx).await {
            Ok(0) => is_told = false,
            Ok(count) => info!("{count} batches of new secrets that were cut off are known again"),
            Err(RotationError::Rotate(_)) if is_told => {}
            Err(error) => {
                is_told = true;
                warn!("How a batch of new secrets ended is not known yet: {}", Chain(&error));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
}
