//! Starts what works in the background, and starts it again should it ever panic: a renewal that died unseen would be
//! noticed when the certificate is over.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::error;

/// Between a panic and the next start.
pub const PAUSE: Duration = Duration::from_secs(5);

/// Runs `job` in `jobs` until it ends by itself, which it does when `stopping` turns true; after a panic it is started
/// again, `pause` later.
pub fn keep_running<Running>(
    jobs: &mut JoinSet<()>,
    (name, pause): (&'static str, Duration),
    mut stopping: watch::Receiver<bool>,
    job: impl Fn() -> Running + Send + 'static,
) where
    Running: Future<Output = ()> + Send + 'static,
{
    jobs.spawn(async move {
        while let Err(ended) = tokio::spawn(job()).await {
            error!("The job {name} broke and is started again: {ended}");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopping.changed() => return,
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_is_started_again_and_one_that_ends_is_not() {
        let (_stop, stopping) = watch::channel(false);
        let starts = Arc::new(AtomicU32::new(0));
        let counter = starts.clone();
        let mut jobs = JoinSet::new();

        keep_running(&mut jobs, ("test", Duration::ZERO), stopping, move || {
            let start = counter.fetch_add(1, Ordering::SeqCst);
            async move { assert!(start > 1, "the first two starts break") }
        });
        jobs.join_all().await;

        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }
}
