//! Changing the password policy in FusionPBX, and taking a change back.

use serde::{Deserialize, Serialize};
use tracing::error;

use crate::base::chain::Chain;
use crate::base::ids::{SettingId, TenantId, TrailId};
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::fusionpbx::plan::PresetPlan;
use crate::fusionpbx::{Change, ChangeError, Changed, Expected, FusionPbx, Scope, Stored};
use crate::policy::Key;
use crate::store::StoreError;
use crate::store::policy_marks::PolicyMark;
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

/// What takes an act back: one row, or several that changed together. Entries of before there were several hold one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Inverses {
    One(Inverse),
    All(Vec<Inverse>),
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
        let wanted = std::slice::from_ref(wanted);
        if !covers_all(reach, wanted) {
            return Err(PolicyError::OutOfReach);
        }
        let mut changed = self.apply(fusionpbx, actor, ("policy.change", None), wanted).await?.0;
        changed.pop().ok_or(PolicyError::OutOfReach)
    }

    /// Makes every change of a preset, or none: one act, with one entry in the trail and one undo.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub async fn apply_preset(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        reach: &Reach,
        plan: &PresetPlan,
    ) -> Result<Vec<Changed>, PolicyError> {
        let place = || "Global".to_owned();
        let wanted: Vec<PolicyChange> =
            plan.changes().into_iter().map(|change| PolicyChange { change, place: place() }).collect();
        if !covers_all(reach, &wanted) {
            return Err(PolicyError::OutOfReach);
        }
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let subject = format!("the preset {}: {} settings", plan.preset.word(), plan.steps.len());
        Ok(self.apply(fusionpbx, actor, ("policy.preset", Some(&subject)), &wanted).await?.0)
    }

    /// Takes back what `entry` changed, if that is in reach and nobody has changed it since: all of it, or nothing.
    ///
    /// # Errors
    /// See [`PolicyError`]; a change made since is a conflict.
    pub async fn undo_policy(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        reach: &Reach,
        entry: TrailId,
    ) -> Result<Vec<Changed>, PolicyError> {
        let done = self.store.entry(reach, entry).await?.filter(|entry| entry.undone_by.is_none());
        let done = done.filter(|entry| entry.act.starts_with("policy."));
        let done = done.ok_or(PolicyError::NothingToUndo)?;
        let inverse = done.inverse.as_deref().ok_or(PolicyError::NothingToUndo)?;
        let inverses = match serde_json::from_str(inverse).map_err(|_| PolicyError::NothingToUndo)? {
            Inverses::One(inverse) => vec![inverse],
            Inverses::All(inverses) => inverses,
        };
        if !inverses.iter().all(|inverse| reach.covers(inverse.tenant)) {
            return Err(PolicyError::NothingToUndo);
        }
        let marks = self.store.policy_marks(reach).await?;
        let wanted: Option<Vec<PolicyChange>> =
            inverses.into_iter().map(|inverse| inverse.since(&marks).change()).collect();
        let wanted = wanted.filter(|wanted| !wanted.is_empty()).ok_or(PolicyError::NothingToUndo)?;
        let subject = (wanted.len() > 1).then_some(done.subject.as_str());
        let (changed, undo) = self.apply(fusionpbx, actor, ("policy.undo", subject), &wanted).await?;
        if let Err(error) = self.store.mark_undone(entry, undo, self.clock.now()).await {
            error!("Entry {entry} was undone, but could not be marked so: {}", Chain(&error));
        }
        Ok(changed)
    }

    async fn apply(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        (act, subject): (&str, Option<&str>),
        wanted: &[PolicyChange],
    ) -> Result<(Vec<Changed>, TrailId), PolicyError> {
        let subjects: Vec<String> = wanted.iter().map(PolicyChange::subject).collect();
        let several = wanted.len() > 1;
        let each = |words: fn(&Change) -> String| {
            let named = |(subject, wanted): (&String, &PolicyChange)| {
                let words = words(&wanted.change);
                if several { format!("{subject} {words}") } else { words }
            };
            subjects.iter().zip(wanted).map(named).collect::<Vec<_>>().join(", ")
        };
        let (before, after) = (each(saw), each(|change| spoken(&change.new)));
        let subject = subject.map_or_else(|| subjects.join(", "), str::to_owned);
        // Its id, not its name: a name can be given to another tenant.
        let domain = wanted.first().and_then(|wanted| wanted.change.scope.tenant()).map(|tenant| tenant.to_string());
        let domain = domain.as_deref();
        let act = Act { act, subject: &subject, before: Some(&before), after: Some(&after), domain };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let asked: Vec<Change> = wanted.iter().map(|wanted| wanted.change.clone()).collect();
        let outcome = fusionpbx.change_settings(&asked).await;
        let (inverse, reason);
        let close = match &outcome {
            Ok(changed) => {
                self.mark(entry, wanted, changed).await;
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

    /// Keeps what was left there, for the watch. Before the entry is closed: as long as it is open nothing is called
    /// somebody else's.
    async fn mark(&self, entry: TrailId, wanted: &[PolicyChange], changed: &[Changed]) {
        let mark = |(wanted, changed): (&PolicyChange, &Changed)| PolicyMark {
            setting: changed.id,
            tenant: wanted.change.scope.tenant(),
            place: wanted.place.clone(),
            key: wanted.change.key.to_string(),
            value: changed.after.stored.value.clone(),
            enabled: changed.after.stored.enabled,
            version: changed.after.xmin.clone(),
            entry,
            drift: None,
        };
        let marks: Vec<PolicyMark> = wanted.iter().zip(changed).map(mark).collect();
        if let Err(error) = self.store.keep_policy_marks(&marks).await {
            error!("What entry {entry} left could not be kept, so it is not watched: {}", Chain(&error));
        }
    }
}

fn covers_all(reach: &Reach, wanted: &[PolicyChange]) -> bool {
    wanted.iter().all(|wanted| reach.covers(wanted.change.scope.tenant()))
}

impl PolicyChange {
    /// `extension.password_length`, `extension.password_length of north.example.test`.
    fn subject(&self) -> String {
        match self.change.scope {
            Scope::Global => self.change.key.to_string(),
            Scope::Tenant(_) => format!("{} of {}", self.change.key, self.place),
        }
    }
}

impl Inverse {
    /// Where later acts of our own were taken back, the row is as this act left it, in a version that is ours too.
    fn since(mut self, marks: &[PolicyMark]) -> Self {
        let is_so = |mark: &&PolicyMark| {
            mark.setting == self.row && mark.value == self.left.value && mark.enabled == self.left.enabled
        };
        if let Some(mark) = marks.iter().find(is_so) {
            self.xmin.clone_from(&mark.version);
        }
        self
    }

    fn change(self) -> Option<PolicyChange> {
        let change = Change {
            scope: self.tenant.map_or(Scope::Global, Scope::Tenant),
            key: Key::parse(&self.key)?,
            expected: Expected::Row { id: self.row, stored: self.left, xmin: self.xmin },
            new: self.restore,
        };
        Some(PolicyChange { change, place: self.place })
    }
}

/// What the operator saw, in words.
fn saw(change: &Change) -> String {
    match &change.expected {
        Expected::Row { stored, .. } => spoken(stored),
        Expected::Missing => "no row".to_owned(),
    }
}

fn inverse_of(wanted: &[PolicyChange], changed: &[Changed]) -> Option<String> {
    let inverse = |(wanted, changed): (&PolicyChange, &Changed)| {
        let left = changed.after.stored.clone();
        let inserted = Stored { value: left.value.clone(), enabled: false };
        Inverse {
            tenant: wanted.change.scope.tenant(),
            place: wanted.place.clone(),
            key: wanted.change.key.to_string(),
            row: changed.id,
            left,
            xmin: changed.after.xmin.clone(),
            restore: changed.before.clone().unwrap_or(inserted),
        }
    };
    let mut inverses: Vec<Inverse> = wanted.iter().zip(changed).map(inverse).collect();
    let kept = match inverses.len() {
        1 => Inverses::One(inverses.pop()?),
        _ => Inverses::All(inverses),
    };
    serde_json::to_string(&kept).ok()
}

/// `20`, `20 (switched off)`, `empty`.
#[must_use]
pub fn spoken(stored: &Stored) -> String {
    let value = stored.value.as_deref().filter(|value| !value.is_empty()).unwrap_or("empty");
    if stored.enabled { value.to_owned() } else { format!("{value} (switched off)") }
}
