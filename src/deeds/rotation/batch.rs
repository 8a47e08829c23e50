//! Doing a batch, showing its new secrets once, confirming it, taking it back.

use std::sync::{Mutex, PoisonError};

use crate::base::chain::Chain;
use crate::base::ids::{BatchId, TrailId};
use crate::base::role::Reach;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::rotation::kept::Kept;
use crate::deeds::rotation::plan::recipes;
use crate::deeds::rotation::{Item, RotationError};
use crate::fusionpbx::FusionPbx;
use crate::fusionpbx::rotation::{LeftVersions, NewSecret, RotateError, Target};
use crate::policy::fresh::Recipe;
use crate::store::StoreError;
use crate::store::batches::{BatchRow, BatchState};
use crate::store::trail::{Act, Actor, Close};

/// A new secret, for the one time that it is shown.
#[derive(Debug)]
pub struct NewShown {
    /// What it is for.
    pub item: Item,
    /// The secret.
    pub secret: Secret<String>,
}

impl Deeds {
    /// Gives everything in a waiting batch its new secret: all or nothing.
    ///
    /// # Errors
    /// See [`RotationError`].
    pub async fn rotate_batch(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        reach: &Reach,
        batch: BatchId,
    ) -> Result<(), RotationError> {
        let (row, items) = self.batch_in_reach(reach, batch, BatchState::Waiting).await?;
        let targets: Vec<Target> = items.iter().map(|item| item.target).collect();
        let planned = fusionpbx.plan_rotation(reach, &targets).await?;
        if planned.len() < items.len() {
            return Err(RotationError::Gone(items.len() - planned.len()));
        }
        let recipes = recipes(fusionpbx, &planned).await?;
        let new: Vec<NewSecret> = planned
            .into_iter()
            .map(|planned| {
                let recipe = recipes.get(&(planned.tenant.id, planned.target.kind)).copied().unwrap_or(Recipe::SIP);
                NewSecret { secret: recipe.draw(&planned.place, self.random.as_ref()), planned }
            })
            .collect();
        let entry = self.open_batch(actor, "credentials.rotate", &row, &items).await?;
        let failure = Mutex::new(None);
        let keep = async |former: &[_]| {
            let Some(text) = Kept::of(former, &new).text() else { return false };
            match self.store.batch_begins(batch, entry, &text).await {
                Ok(begun) => begun,
                Err(error) => {
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    false
                }
            }
        };
        let outcome = fusionpbx.rotate(&new, keep).await;
        let ended = match outcome {
            Ok(left) => self.note_changed(batch, &left).await,
            // Our store failed, or another request has the batch: what is kept of it is not ours.
            Err(RotateError::NotKept) => {
                let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
                Err(failure.map_or(RotationError::NotNow, RotationError::Store))
            }
            Err(RotateError::OutcomeUnknown) => match self.resolve_batch(fusionpbx, batch).await {
                Ok(BatchState::Changed) => Ok(()),
                Ok(BatchState::Changing) => Err(RotationError::Unknown),
                Ok(_) => Err(RotateError::OutcomeUnknown.into()),
                Err(error) => Err(error),
            },
            Err(error) => {
                self.store.batch_waits_again(batch, Some(entry)).await?;
                Err(error.into())
            }
        };
        self.close_batch(entry, ended.as_ref().err()).await?;
        ended
    }

    /// Shows the new secrets of a batch: once, ever.
    ///
    /// # Errors
    /// See [`RotationError`].
    pub async fn show_batch(
        &self,
        actor: &Actor,
        reach: &Reach,
        batch: BatchId,
    ) -> Result<Vec<NewShown>, RotationError> {
        let (row, items) = self.batch_in_reach(reach, batch, BatchState::Changed).await?;
        if row.is_shown {
            return Err(RotationError::Shown);
        }
        let mut kept = self.kept(batch).await?;
        let new = kept.take_new();
        let rest = kept.text().ok_or(RotationError::NotNow)?;
        let entry = self.open_batch(actor, "credentials.show", &row, &items).await?;
        let shown = match self.store.batch_shown(batch, &rest).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(RotationError::Shown),
            Err(error) => Err(error.into()),
        };
        self.close_batch(entry, shown.as_ref().err()).await?;
        shown?;
        let of = |target: Target| items.iter().find(|item| item.target == target).cloned();
        Ok(new.into_iter().filter_map(|(target, secret)| Some(NewShown { item: of(target)?, secret })).collect())
    }

    /// Lets the former secrets of a batch go: it can no longer be taken back.
    ///
    /// # Errors
    /// See [`RotationError`].
    pub async fn confirm_batch(&self, actor: &Actor, reach: &Reach, batch: BatchId) -> Result<(), RotationError> {
        let (row, items) = self.batch_in_reach(reach, batch, BatchState::Changed).await?;
        let entry = self.open_batch(actor, "credentials.confirm", &row, &items).await?;
        let ended = match self.store.batch_ended(batch, true).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(RotationError::NotNow),
            Err(error) => Err(error.into()),
        };
        self.close_batch(entry, ended.as_ref().err()).await?;
        ended
    }

    /// Puts the former secrets of a batch back, if nobody has changed any of them since: all or nothing.
    ///
    /// # Errors
    /// See [`RotationError`].
    pub async fn undo_batch(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        reach: &Reach,
        batch: BatchId,
    ) -> Result<(), RotationError> {
        let (row, items) = self.batch_in_reach(reach, batch, BatchState::Changed).await?;
        let kept = self.kept(batch).await?;
        let versions = row.versions.as_deref().unwrap_or("[]");
        let left: Vec<LeftVersions> = serde_json::from_str(versions).map_err(|_| RotationError::NotNow)?;
        let entry = self.open_batch(actor, "credentials.undo", &row, &items).await?;
        let former = kept.former();
        let mut ended = fusionpbx.put_back(&former, &left).await.map_err(RotationError::from);
        // An undo before this one may have done it, and died before it could say so.
        if let Err(RotationError::Rotate(RotateError::OutcomeUnknown | RotateError::Moved { .. })) = &ended
            && self.is_taken_back(fusionpbx, &former).await?
        {
            ended = Ok(());
        }
        if ended.is_ok() && !self.store.batch_ended(batch, false).await? {
            ended = Err(RotationError::NotNow);
        }
        self.close_batch(entry, ended.as_ref().err()).await?;
        ended
    }

    pub(super) async fn note_changed(&self, batch: BatchId, left: &[LeftVersions]) -> Result<(), RotationError> {
        let versions = serde_json::to_string(left).map_err(|_| RotationError::Unknown)?;
        if self.store.batch_changed(batch, &versions, self.clock.now()).await? {
            return Ok(());
        }
        // Whoever looks for batches that were cut off may have noted it first.
        match self.store.batch(batch).await?.map(|row| row.state) {
            Some(BatchState::Changed) => Ok(()),
            _ => Err(RotationError::Unknown),
        }
    }

    pub(super) async fn kept(&self, batch: BatchId) -> Result<Kept, RotationError> {
        let text = self.store.batch_secrets(batch).await?.ok_or(RotationError::NotNow)?;
        Kept::read(&text).ok_or_else(|| {
            let reason = "the secrets that are kept cannot be read".to_owned();
            StoreError::Damaged { table: "rotation_batches", reason }.into()
        })
    }

    async fn batch_in_reach(
        &self,
        reach: &Reach,
        batch: BatchId,
        state: BatchState,
    ) -> Result<(BatchRow, Vec<Item>), RotationError> {
        let row = self.store.batch(batch).await?.ok_or(RotationError::Nothing)?;
        let items = row.items()?;
        if !items.iter().all(|item| reach.covers(Some(item.tenant))) {
            return Err(RotationError::Nothing);
        }
        if row.state == BatchState::Changing {
            return Err(RotationError::Unknown);
        }
        if row.state != state {
            return Err(RotationError::NotNow);
        }
        Ok((row, items))
    }

    async fn open_batch(
        &self,
        actor: &Actor,
        act: &'static str,
        row: &BatchRow,
        items: &[Item],
    ) -> Result<TrailId, StoreError> {
        let subject = subject(row, items);
        let first = items.first().map(|item| item.tenant);
        // Its id, not its name: a name can be given to another tenant.
        let domain =
            first.filter(|first| items.iter().all(|item| item.tenant == *first)).map(|tenant| tenant.to_string());
        let (before, after) = match act {
            "credentials.rotate" => (Some("former secrets"), Some("secrets changed")),
            "credentials.undo" => (Some("new secrets"), Some("former secrets")),
            _ => (None, None),
        };
        let act = Act { act, subject: &subject, domain: domain.as_deref(), before, after };
        self.store.open_entry(actor, act, self.clock.now()).await
    }

    async fn close_batch(&self, entry: TrailId, error: Option<&RotationError>) -> Result<(), StoreError> {
        let reason = error.map(|error| Chain(error).to_string());
        let close = match &reason {
            None => Close::Done { inverse: None },
            Some(reason) => Close::Failed { reason },
        };
        self.store.close_entry(entry, close, self.clock.now()).await
    }
}

/// `rotation 4, batch 1: extension 101, 102 of tenant.example and 8 more`.
fn subject(row: &BatchRow, items: &[Item]) -> String {
    const NAMED: usize = 5;
    let spoken = |item: &Item| format!("{} {} of {}", item.target.kind.word(), item.place, item.tenant_name);
    let mut names: Vec<String> = items.iter().take(NAMED).map(spoken).collect();
    if items.len() > NAMED {
        names.push(format!("{} more", items.len() - NAMED));
    }
    format!("rotation {}, batch {}: {}", row.rotation, row.position, names.join(", "))
}

impl BatchRow {
    /// What the batch is about.
    ///
    /// # Errors
    /// The row is damaged.
    pub fn items(&self) -> Result<Vec<Item>, StoreError> {
        serde_json::from_str(&self.items)
            .map_err(|error| StoreError::Damaged { table: "rotation_batches", reason: error.to_string() })
    }
}
