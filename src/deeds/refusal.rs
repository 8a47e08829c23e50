//! A request that a role may not make, noted: nothing is changed, and the trail says who tried.

use crate::deeds::Deeds;
use crate::store::StoreError;
use crate::store::trail::{Act, Actor};

impl Deeds {
    /// Notes that `actor` asked for `route` and was refused.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn note_refused(&self, actor: &Actor, route: &str, reason: &str) -> Result<(), StoreError> {
        let act = Act { act: "access.refused", subject: route, before: None, after: None, domain: None };
        self.refused(actor, act, reason).await.map(drop)
    }
}
