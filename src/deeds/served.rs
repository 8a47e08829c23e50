//! What was seen on the wire and is not what Rampart put in force, and that it is right again: both stand in the trail.

use crate::deeds::Deeds;
use crate::store::StoreError;
use crate::store::trail::{Act, Actor, Close};

impl Deeds {
    /// Notes what `subject` (a listener and a name) serves: the serial before and now, and what is wrong with that.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn note_served(
        &self,
        subject: &str,
        (before, now): (&str, &str),
        wrong: Option<&str>,
    ) -> Result<(), StoreError> {
        let act = Act { act: "certificate.watch", subject, before: Some(before), after: Some(now), domain: None };
        let entry = self.store.open_entry(&Actor::rampart(), act, self.clock.now()).await?;
        let close = wrong.map_or(Close::Done { inverse: None }, |reason| Close::Failed { reason });
        self.store.close_entry(entry, close, self.clock.now()).await
    }
}
