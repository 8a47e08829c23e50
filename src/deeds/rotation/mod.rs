//! New secrets for FusionPBX's extensions, mailboxes and devices: a plan, then batch after batch, each undone until it is
//! confirmed.
//!
//! What was there is sealed in our own store before anything is written (`kept`): a console that dies in between finds
//! out afterwards which of the two holds (`resolve`), and loses neither.

mod batch;
mod kept;
pub mod phones;
pub mod places;
mod plan;
mod resolve;

use serde::{Deserialize, Serialize};

use crate::base::ids::TenantId;
use crate::fusionpbx::FusionPbxError;
use crate::fusionpbx::rotation::{Phone, PlannedSecret, RotateError, Target};
use crate::host::AgentError;
use crate::store::StoreError;

pub use batch::NewShown;
pub use plan::Draft;

/// The most secrets of one rotation.
pub const MOST: usize = 500;

/// The most of one batch.
pub const MOST_IN_BATCH: usize = 100;

/// One secret of a batch, as it was planned: everything but the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The row.
    pub target: Target,
    /// Whose it is.
    pub tenant: TenantId,
    /// The tenant's name. Hostile text, as the rest.
    pub tenant_name: String,
    /// The extension's or mailbox's number, or the device's address.
    pub place: String,
    /// Whether it is switched on.
    pub is_enabled: bool,
    /// What FreeSWITCH and FusionPBX keep in their caches under.
    pub directory: Vec<String>,
    /// The lines of phones that change with it: the phone, and which line.
    pub lines: Vec<(Phone, String)>,
    /// Lines of phones that register as it at another server, and stay as they are.
    pub lines_elsewhere: u64,
}

impl From<&PlannedSecret> for Item {
    fn from(planned: &PlannedSecret) -> Self {
        Self {
            target: planned.target,
            tenant: planned.tenant.id,
            tenant_name: planned.tenant.name.clone(),
            place: planned.place.clone(),
            is_enabled: planned.is_enabled,
            directory: planned.directory.clone(),
            lines: planned.lines.iter().map(|line| (line.phone.clone(), line.number.clone())).collect(),
            lines_elsewhere: planned.lines_elsewhere,
        }
    }
}

/// Why a rotation was not begun, or a batch neither done nor taken back.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Nothing of what was named is there, or in reach.
    #[error("there is nothing here to give a new secret")]
    Nothing,
    /// What was shown is not what would be done now.
    #[error("something changed since the plan was shown: look at it again")]
    PlanMoved,
    /// The batch is not one that this can be done with: it was done, confirmed or undone already.
    #[error("this batch was dealt with already")]
    NotNow,
    /// A row of it is gone.
    #[error("{0} of these are no longer there: plan anew")]
    Gone(usize),
    /// The new secrets were shown already.
    #[error("the new secrets were shown already, and are shown once only")]
    Shown,
    /// Whether it was changed is not known yet; it is found out by itself.
    #[error(
        "whether the secrets were changed is not known yet: the console finds out as soon as the database answers"
    )]
    Unknown,
    /// FusionPBX's database, while changing.
    #[error(transparent)]
    Rotate(#[from] RotateError),
    /// FusionPBX's database, while reading.
    #[error(transparent)]
    Read(#[from] FusionPbxError),
    /// The agent, or the switch behind it.
    #[error("the switch was not told")]
    Switch(#[source] AgentError),
    /// Our own store.
    #[error("the rotation could not be noted")]
    Store(#[from] StoreError),
}
