//! Asks each CA when it would like its certificates to be renewed, apart from the renewals themselves: a CA that is silent
//! holds nothing up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::error;

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;

const PAUSE: Duration = Duration::from_mins(1);

/// Runs until `stopping` turns true.
pub async fn run(deeds: Deeds, issuing: Arc<Issuing>, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        if let Err(error) = deeds.ask_for_windows(&issuing).await {
            error!("Renewal windows could not be looked at: {}", Chain(&error));
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
}
