//! After something broke in the middle of a batch: finding out which secrets hold.

use crate::base::ids::BatchId;
use crate::deeds::Deeds;
use crate::deeds::rotation::RotationError;
use crate::fusionpbx::FusionPbx;
use crate::fusionpbx::rotation::{FormerSecret, Stands};
use crate::store::batches::BatchState;

impl Deeds {
    /// Reads which secrets of a batch that was cut off hold now, and notes it. A batch that somebody is busy with is waited
    /// for by the rows' locks.
    ///
    /// # Errors
    /// FusionPBX's database does not answer, or our own store.
    pub async fn resolve_batch(&self, fusionpbx: &FusionPbx, batch: BatchId) -> Result<BatchState, RotationError> {
        let row = self.store.batch(batch).await?.ok_or(RotationError::Nothing)?;
        if row.state != BatchState::Changing {
            return Ok(row.state);
        }
        let kept = self.kept(batch).await?;
        let mut left = Vec::new();
        for (former, secret) in kept.former().iter().zip(&kept.secrets) {
            // One transaction changed all or none: whoever holds neither was changed by somebody else since.
            if let (Stands::New, Some(versions)) = fusionpbx.secret_stands(former, secret.new.as_ref()).await? {
                left.push(versions);
            }
        }
        if left.is_empty() {
            self.store.batch_waits_again(batch, row.entry).await?;
            return Ok(BatchState::Waiting);
        }
        self.note_changed(batch, &left).await?;
        Ok(BatchState::Changed)
    }

    /// Whether every former secret of a batch holds again.
    ///
    /// # Errors
    /// FusionPBX's database does not answer.
    pub(super) async fn is_taken_back(
        &self,
        fusionpbx: &FusionPbx,
        former: &[FormerSecret],
    ) -> Result<bool, RotationError> {
        for one in former {
            if fusionpbx.secret_stands(one, None).await?.0 != Stands::Former {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Resolves every batch that was cut off. Hands back how many were.
    ///
    /// # Errors
    /// FusionPBX's database does not answer, or our own store.
    pub async fn resolve_batches(&self, fusionpbx: &FusionPbx) -> Result<usize, RotationError> {
        let open = self.store.batches_cut_off().await?;
        for batch in &open {
            self.resolve_batch(fusionpbx, *batch).await?;
        }
        Ok(open.len())
    }
}
