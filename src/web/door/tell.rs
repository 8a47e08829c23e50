//! Tells the trail who was turned away, and when a minute is over how many more: one after the other, while nobody waits
//! for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::error;

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::web::door::{Door, Told};

const PAUSE: Duration = Duration::from_secs(1);

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

/// Tells what has come together since the last time.
pub async fn once(deeds: &Deeds, door: &Door) {
    for Told { limit, note, more } in door.untold() {
        let words = limit.words();
        let reason = if more == 0 { words.to_owned() } else { format!("{more} more within a minute: {words}") };
        if let Err(error) = deeds.turned_away(&note.name, note.address, &reason).await {
            error!("Refused sign-ins could not be noted: {}", Chain(&error));
        }
    }
}
