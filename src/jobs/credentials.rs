//! Judges every credential in the background: at its times, and when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tracing::{error, info};

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::fusionpbx::FusionPbx;

/// How often is looked whether a run is due.
const PAUSE: Duration = Duration::from_mins(1);

/// What the job works with.
#[derive(Clone)]
pub struct CredentialAudit {
    /// Keeps what is found.
    pub deeds: Deeds,
    /// FusionPBX's database, or why it was not found.
    pub fusionpbx: Result<FusionPbx, String>,
    /// Asks for a run now.
    pub wanted: Arc<Notify>,
    /// Told when there is something new to judge.
    pub look_again: Arc<Notify>,
    /// Between two runs; zero: only when somebody asks.
    pub interval: Duration,
}

impl CredentialAudit {
    /// Runs until `stopping` turns true.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow() {
            if self.is_due().await {
                self.audit().await;
            }
            tokio::select! {
                () = self.wanted.notified() => self.audit().await,
                () = tokio::time::sleep(PAUSE) => {}
                _ = stopping.changed() => {}
            }
        }
    }

    /// Whether the newest run is old enough. A store that does not answer has other worries.
    async fn is_due(&self) -> bool {
        if self.interval.is_zero() || self.fusionpbx.is_err() {
            return false;
        }
        match self.deeds.store.newest_credential_run().await {
            Ok(Some(newest)) => self.deeds.clock.now().since(newest.ended) >= self.interval,
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// One run.
    pub async fn audit(&self) {
        // A million secrets are seconds of work: pages go on meanwhile on the other threads.
        let (own, runtime) = (self.clone(), Handle::current());
        let work = move || runtime.block_on(own.deeds.audit_credentials(own.fusionpbx.as_ref()));
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => info!("The credentials were judged"),
            Ok(Err(error)) => error!("The credentials were not judged: {}", Chain(&error)),
            Err(error) => error!("The audit of credentials broke off: {}", Chain(&error)),
        }
        self.look_again.notify_one();
    }
}
