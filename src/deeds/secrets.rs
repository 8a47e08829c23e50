//! A new key for what is sealed in our own store.

use crate::base::chain::Chain;
use crate::deeds::Deeds;
use crate::store::StoreError;
use crate::store::trail::{Act, Actor, Close};

impl Deeds {
    /// Makes a new key, seals every secret anew and lets the old key go. Hands back how many secrets that were.
    ///
    /// # Errors
    /// The key cannot be replaced, or our own store failed: both keys stay in force, and the next call goes on.
    pub async fn rotate_key(&self, actor: &Actor) -> Result<usize, StoreError> {
        let act = Act {
            act: "secrets.rotate",
            subject: "the store's key",
            domain: None,
            before: None,
            after: Some("key changed"),
        };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let rotated = self.store.rotate_key(self.random.as_ref()).await;
        let reason = rotated.as_ref().err().map(|error| Chain(error).to_string());
        let close = match &reason {
            None => Close::Done { inverse: None },
            Some(reason) => Close::Failed { reason },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        rotated
    }
}
