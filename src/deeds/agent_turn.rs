//! One change at a time for the agent. It refuses a second one while the first is under way; orders beside each other wait
//! here for their turn, and a while for changes that others asked for.

use std::time::Duration;

use crate::deeds::Deeds;
use crate::host::AgentError;
use crate::wire::answer::Refusal;

/// Between two askings while another change is under way, and how often.
const PAUSE: Duration = Duration::from_millis(250);
const TRIES: u32 = 240;

impl Deeds {
    /// Asks the agent for a change, in turn.
    pub(super) async fn in_turn<T, Asking: Future<Output = Result<T, AgentError>>>(
        &self,
        ask: impl Fn() -> Asking,
    ) -> Result<T, AgentError> {
        let _turn = self.agent_turn.lock().await;
        let mut tries = 0;
        loop {
            tries += 1;
            match ask().await {
                Err(AgentError::Refused(Refusal::Busy)) if tries < TRIES => tokio::time::sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
    }
}
