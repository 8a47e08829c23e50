//! Keeping the trail itself: refusals of what was never tried.

use crate::base::ids::TrailId;
use crate::deeds::Deeds;
use crate::store::StoreError;
use crate::store::trail::{Act, Actor};

impl Deeds {
    /// Notes that `actor` was refused `act`, as one entry that is closed at once. Nothing was tried.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn refused(&self, actor: &Actor, act: Act<'_>, reason: &str) -> Result<TrailId, StoreError> {
        self.store.refuse_entry(actor, act, reason, self.clock.now()).await
    }
}
