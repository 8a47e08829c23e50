//! A request that a role may not make, noted: nothing is changed, and the trail says who tried.

use crate::deeds::Deeds;
use crate::store::StoreError;
use crate::store::trail::{Act, Actor, Close};

impl Deeds {
    /// Notes that `actor` asked for `route` and was refused.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn note_refused(&self, actor: &Actor, route: &str, reason: &str) -> Result<(), StoreError> {
        let act = Act { act: "access.refused", subject: route, before: None, after: None };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        self.store.close_entry(entry, Close::Refused { reason }, self.clock.now()).await
    }
}
