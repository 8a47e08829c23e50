//! Changing the password policy in FusionPBX, and taking a change back.

use serde::{Deserialize, Serialize};
use tracing::error;

use crate::base::chain::Chain;
use crate::base::ids::{SettingId, TenantId, TrailId};
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::fusionpbx::{Change, ChangeError, Changed, Expected, FusionPbx, Scope, Stored};
use crate::policy::Key;
use crate::store::StoreError;
use crate::store::trail::{Act, Actor, Close};

/// What takes a change back: kept with its entry in the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Inverse {
    /// The tenant whose override it is; `None` for a default setting.
    tenant: Option<TenantId>,
    /// Where, in words.
    place: String,
    /// `category.subcategory`.
    key: String,
    /// Which row.
    row: SettingId,
    /// What the change left there.
    left: Stored,
    /// And in which version.
    xmin: String,
    /// What was there before. A row that the change inserted is switched off.
    restore: Stored,
}

/// Why the policy was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// FusionPBX's side.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The setting belongs to another tenant, or to all. Nothing was tried.
    #[error("there is no such password setting to change")]
    OutOfReach,
    /// The entry has nothing to take back, or was taken back already.
    #[error("there is nothing to take back")]
    NothingToUndo,
    /// Our own store failed before anything was changed.
    #[error("the change could not be noted, so it was not made")]
    Store(#[from] StoreError),
}

/// What is to be changed, and where in words (`Global`, or the tenant's name) for the trail.
#[derive(Clone, Debug)]
pub struct PolicyChange {
    /// The change.
    pub change: Change,
    /// Where.
    pub place: String,
}

impl Deeds {
    /// Changes one password setting that is in reach.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub async fn change_policy(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        reach: &Reach,
        wanted: &PolicyChange,
    ) -> Result<Changed, PolicyError> {
        if !reach.covers(wanted.change.scope.tenant()) {
            return Err(PolicyError::OutOfReach);
        }
        self.apply(fusionpbx, actor, "policy.change", wanted).await.map(|(changed, _)| changed)
    }

    /// Takes back what `entry` changed, if that is in reach and nobody has changed it since.
    ///
    /// # Errors
    /// See [`PolicyError`]; a change made since is a conflict.
    pub async fn undo_policy(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        reach: &Reach,
        entry: TrailId,
    ) -> Result<Changed, PolicyError> {
        let done = self.store.entry(reach, entry).await?.filter(|entry| entry.undone_by.is_none());
        let inverse = done.and_then(|entry| entry.inverse).ok_or(PolicyError::NothingToUndo)?;
        let inverse: Inverse = serde_json::from_str(&inverse).map_err(|_| PolicyError::NothingToUndo)?;
        if !reach.covers(inverse.tenant) {
            return Err(PolicyError::NothingToUndo);
        }
        let key = Key::parse(&inverse.key).ok_or(PolicyError::NothingToUndo)?;
        let change = Change {
            scope: inverse.tenant.map_or(Scope::Global, Scope::Tenant),
            key,
            expected: Expected::Row { id: inverse.row, stored: inverse.left, xmin: inverse.xmin },
            new: inverse.restore,
        };
        let wanted = PolicyChange { change, place: inverse.place };
        let (changed, undo) = self.apply(fusionpbx, actor, "policy.undo", &wanted).await?;
        if let Err(error) = self.store.mark_undone(entry, undo, self.clock.now()).await {
            error!("Entry {entry} was undone, but could not be marked so: {}", Chain(&error));
        }
        Ok(changed)
    }

    async fn apply(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        act: &str,
        wanted: &PolicyChange,
    ) -> Result<(Changed, TrailId), PolicyError> {
        let change = &wanted.change;
        let subject = match change.scope {
            Scope::Global => change.key.to_string(),
            Scope::Tenant(_) => format!("{} of {}", change.key, wanted.place),
        };
        let before = match &change.expected {
            Expected::Row { stored, .. } => spoken(stored),
            Expected::Missing => "no row".to_owned(),
        };
        let after = spoken(&change.new);
        let domain = match change.scope {
            Scope::Global => None,
            // Its id, not its name: a name can be given to another tenant.
            Scope::Tenant(tenant) => Some(tenant.to_string()),
        };
        let domain = domain.as_deref();
        let act = Act { act, subject: &subject, before: Some(&before), after: Some(&after), domain };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = fusionpbx.change_setting(change).await;
        let (inverse, reason);
        let close = match &outcome {
            Ok(changed) => {
                inverse = inverse_of(wanted, changed);
                Close::Done { inverse: inverse.as_deref() }
            }
            Err(error) => {
                reason = Chain(error).to_string();
                Close::Failed { reason: &reason }
            }
        };
        // FusionPBX has the change whatever happens to our own note of it; an entry left open says so.
        if let Err(error) = self.store.close_entry(entry, close, self.clock.now()).await {
            error!("Entry {entry} of the trail could not be closed: {}", Chain(&error));
        }
        Ok((outcome?, entry))
    }
}

fn inverse_of(wanted: &PolicyChange, changed: &Changed) -> Option<String> {
    let left = changed.after.stored.clone();
    let inserted = Stored { value: left.value.clone(), enabled: false };
    let inverse = Inverse {
        tenant: match wanted.change.scope {
            Scope::Global => None,
            Scope::Tenant(tenant) => Some(tenant),
        },
        place: wanted.place.clone(),
        key: wanted.change.key.to_string(),
        row: changed.id,
        left,
        xmin: changed.after.xmin.clone(),
        restore: changed.before.clone().unwrap_or(inserted),
    };
    serde_json::to_string(&inverse).ok()
}

/// `20`, `20 (switched off)`, `empty`.
#[must_use]
pub fn spoken(stored: &Stored) -> String {
    let value = stored.value.as_deref().filter(|value| !value.is_empty()).unwrap_or("empty");
    if stored.enabled { value.to_owned() } else { format!("{value} (switched off)") }
}
