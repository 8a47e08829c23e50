//! Keeps the trail's halves together: tells the agent where the console's half ends, checks both once an hour, and lets go
//! of what is too old.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::base::chain::Chain;
use crate::base::hash_chain::Tip;
use crate::deeds::Deeds;
use crate::deeds::trail::NoteError;
use crate::deeds::trail_check::{FACT, Outcome};
use crate::host::Agent;

/// The agent is told at most this often.
const PAUSE: Duration = Duration::from_secs(5);

/// Between two checks.
const CHECK: Duration = Duration::from_hours(1);

/// Runs until `stopping` turns true, and tells the agent once more. Entries are kept for `keep`; without it, for ever.
pub async fn run(deeds: Deeds, agent: Agent, keep: Option<Duration>, mut stopping: watch::Receiver<bool>) {
    let (mut told, mut is_silent) = (None, false);
    let mut checked = None;
    while !*stopping.borrow() {
        tell(&deeds, &agent, &mut told, &mut is_silent).await;
        let now = deeds.clock.now();
        if checked.is_none_or(|checked| now.since(checked) >= CHECK) {
            checked = Some(now);
            forget(&deeds, keep).await;
            check(&deeds, &agent).await;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopping.changed() => {}
        }
    }
    tell(&deeds, &agent, &mut told, &mut is_silent).await;
}

/// Tells the agent where the trail ends, if that has moved since.
async fn tell(deeds: &Deeds, agent: &Agent, told: &mut Option<Tip>, is_silent: &mut bool) {
    let end = match deeds.store.sealed_end().await {
        Ok(end) => end,
        Err(error) => return error!("The trail's end could not be read: {}", Chain(&error)),
    };
    if end == *told {
        return;
    }
    let outcome = deeds.note_trail(agent).await;
    match &outcome {
        Ok(()) => *told = end,
        Err(error @ NoteError::Agent(_)) if !*is_silent => {
            warn!("The agent could not be told where the trail ends: {}", Chain(error));
        }
        Err(NoteError::Agent(_)) => {}
        Err(error) => {
            error!("The trail's halves: {}", Chain(error));
            *told = end;
        }
    }
    *is_silent = matches!(outcome, Err(NoteError::Agent(_)));
}

async fn forget(deeds: &Deeds, keep: Option<Duration>) {
    let Some(keep) = keep else { return };
    match deeds.forget_old_trail(keep).await {
        Ok(0) => {}
        Ok(gone) => info!("{gone} old records of the trail were let go"),
        Err(error) => error!("Old records of the trail could not be let go: {}", Chain(&error)),
    }
}

/// Checks both halves, and keeps what was found for the page.
pub async fn check(deeds: &Deeds, agent: &Agent) {
    let verdict = match deeds.check_trail(agent).await {
        Ok(verdict) => verdict,
        Err(error) => return error!("The trail could not be checked: {}", Chain(&error)),
    };
    if verdict.result == Outcome::Broken {
        for flaw in &verdict.flaws {
            error!(trail.record = flaw.number, "The trail is broken, in the {}'s half: {}", flaw.half, flaw.words);
        }
    }
    let Ok(body) = serde_json::to_string(&verdict) else { return };
    if let Err(error) = deeds.store.keep_fact(FACT, &body).await {
        error!("What the check of the trail found could not be kept: {}", Chain(&error));
    }
}
