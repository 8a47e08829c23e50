//! Tells the trail how many more were turned away, when a minute is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::error;

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::web::door::{Door, Ended};

const PAUSE: Duration = Duration::from_secs(5);

/// Runs until `stopping` turns true.
pub async fn run(deeds: Deeds, door: Arc<Door>, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        once(&deeds, &door).await;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Tells what has ended since the last time.
pub async fn once(deeds: &Deeds, door: &Door) {
    for Ended { limit, note, more } in door.ended() {
        let reason = format!("{} more within a minute: {}", more, limit.words());
        if let Err(error) = deeds.turned_away(&note.name, note.address, &reason).await {
            error!("Refused sign-ins could not be noted: {}", Chain(&error));
        }
    }
}
