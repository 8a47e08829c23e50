//! Watches the settings that Rampart changed in FusionPBX, twice a minute: a change by somebody else is on the page and in
//! the trail within 60 s.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::fusionpbx::FusionPbx;

/// Between two looks.
pub const PAUSE: Duration = Duration::from_secs(25);

/// Runs until `stopping` turns true.
pub async fn run(deeds: Deeds, fusionpbx: FusionPbx, mut stopping: watch::Receiver<bool>) {
    let mut is_silent = false;
    while !*stopping.borrow() {
        match deeds.watch_policy(&fusionpbx).await {
            Ok(0) => is_silent = false,
            Ok(noted) => {
                is_silent = false;
                info!("{noted} password settings are no longer as Rampart left them; see Passwords");
            }
            Err(error) => {
                // Said once, not twice a minute.
                if !is_silent {
                    warn!("Nobody watches the password settings now: {}", Chain(&error));
                }
                is_silent = true;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
}
