//! The watch over what Rampart saved: a setting that somebody else changed afterwards is noted, once for each change.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::ids::SettingId;
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::policy::spoken;
use crate::fusionpbx::watch::LastWriter;
use crate::fusionpbx::{FusionPbx, FusionPbxError, Stored};
use crate::store::StoreError;
use crate::store::policy_marks::{Drift, PolicyMark};
use crate::store::trail::Act;

/// What somebody else made of a row that Rampart had changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftNote {
    /// What stands there; `None` if the row is gone.
    pub now: Option<Stored>,
    /// When it was noticed, in seconds since 1970.
    pub noticed: i64,
    /// When FusionPBX says that the row was changed, if it says so.
    pub changed: Option<String>,
    /// The FusionPBX account that changed it, if FusionPBX says so.
    pub user: Option<String>,
}

/// A setting that is no longer as Rampart left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifted {
    /// What Rampart left there.
    pub mark: PolicyMark,
    /// What is there instead.
    pub note: DriftNote,
}

/// Why nobody could look.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// FusionPBX's side.
    #[error(transparent)]
    FusionPbx(#[from] FusionPbxError),
    /// Our own store failed.
    #[error("what Rampart left in FusionPBX's settings could not be read")]
    Store(#[from] StoreError),
}

impl PolicyMark {
    fn left(&self) -> Stored {
        Stored { value: self.value.clone(), enabled: self.enabled }
    }

    fn note(&self) -> Option<DriftNote> {
        serde_json::from_str(self.drift.as_deref()?).ok()
    }
}

impl Deeds {
    /// Looks once at every row that Rampart changed. Answers how many changes by others were noted.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub async fn watch_policy(&self, fusionpbx: &FusionPbx) -> Result<usize, WatchError> {
        let marks = self.store.policy_marks(&Reach::Everything).await?;
        if marks.is_empty() {
            return Ok(0);
        }
        let ids: Vec<SettingId> = marks.iter().map(|mark| mark.setting).collect();
        let standing = fusionpbx.stand_now(&ids).await?;
        let mut noted = 0;
        for mark in marks {
            let now = standing.get(&mark.setting).cloned();
            let is_known = mark.note().map_or_else(|| Some(mark.left()), |note| note.now) == now;
            if !is_known && self.note(fusionpbx, &mark, now).await? {
                noted += 1;
            }
        }
        Ok(noted)
    }

    async fn note(&self, fusionpbx: &FusionPbx, mark: &PolicyMark, now: Option<Stored>) -> Result<bool, WatchError> {
        let at = self.clock.now();
        let is_back = now.as_ref() == Some(&mark.left());
        let subject = match mark.tenant {
            None => mark.key.clone(),
            Some(_) => format!("{} of {}", mark.key, mark.place),
        };
        let seen = mark.note().map_or_else(|| Some(mark.left()), |note| note.now);
        let words = |stored: Option<&Stored>| stored.map_or_else(|| "no row".to_owned(), spoken);
        let (before, after) = (words(seen.as_ref()), words(now.as_ref()));
        let note = if is_back { None } else { Some(self.drift_note(fusionpbx, mark, now, at).await?) };
        let note = note.and_then(|note| serde_json::to_string(&note).ok());
        let domain = mark.tenant.map(|tenant| tenant.to_string());
        let act = if is_back { "policy.as-left" } else { "policy.drift" };
        let act =
            Act { act, subject: &subject, before: Some(&before), after: Some(&after), domain: domain.as_deref() };
        Ok(self.store.note_policy_drift(Drift { mark, note: note.as_deref(), act }, at).await?)
    }

    async fn drift_note(
        &self,
        fusionpbx: &FusionPbx,
        mark: &PolicyMark,
        now: Option<Stored>,
        at: Timestamp,
    ) -> Result<DriftNote, WatchError> {
        let writer = match now {
            Some(_) => fusionpbx.last_writer(mark.setting, mark.tenant.is_none()).await?,
            None => LastWriter::default(),
        };
        let user = writer.user.map(|user| user.to_string());
        Ok(DriftNote { now, noticed: at.unix(), changed: writer.at, user })
    }

    /// What is not as Rampart left it, in reach, as the watch last saw it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn drifted_policy(&self, reach: &Reach) -> Result<Vec<Drifted>, StoreError> {
        let marks = self.store.policy_marks(reach).await?;
        let drifted = |mark: PolicyMark| mark.note().map(|note| Drifted { mark, note });
        Ok(marks.into_iter().filter_map(drifted).collect())
    }
}
