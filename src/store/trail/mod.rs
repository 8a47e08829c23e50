//! The trail: every sign-in, refusal, change and automatic act, opened before it happens and closed after it.
//!
//! Records are only ever added, each chained to the one before it by its hash. An entry, as pages show it, is the record
//! that opened it and those that refer to it.

mod agent_end;
mod chain;
mod entries;
mod forget;
mod head;
mod record;
mod write;

pub use agent_end::AgentEnd;
pub(super) use agent_end::PLACE as AGENT_END;
pub use chain::{ChainReport, Flaw, Kept};
pub(super) use head::PLACE as HEAD;
pub use record::Record;
pub(super) use write::Pen;

use crate::base::clock::Timestamp;
use crate::base::ids::TrailId;

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// An operator's name, or `rampart` for what happens by itself.
    pub name: String,
    /// The client's address where there is one.
    pub address: Option<String>,
}

impl Actor {
    /// What Rampart does by itself.
    #[must_use]
    pub fn rampart() -> Self {
        Self { name: "rampart".to_owned(), address: None }
    }
}

/// What is about to happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Act<'a> {
    /// The kind of act, such as `policy.change`.
    pub act: &'a str,
    /// What it is done to, such as `extension.password_length`.
    pub subject: &'a str,
    /// The state before, if it is known already. Never a secret.
    pub before: Option<&'a str>,
    /// The state that is wanted. Never a secret: write `changed` in its place.
    pub after: Option<&'a str>,
    /// The domain name of the tenant that it concerns, if it concerns one alone.
    pub domain: Option<&'a str>,
}

/// How an act ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close<'a> {
    /// It happened. `inverse` is what would undo it, as JSON.
    Done {
        /// The inverse, if there is one.
        inverse: Option<&'a str>,
    },
    /// It was tried and failed.
    Failed {
        /// Why.
        reason: &'a str,
    },
    /// It was not tried.
    Refused {
        /// Why.
        reason: &'a str,
    },
}

/// One entry as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: TrailId,
    /// When it was opened.
    pub opened: Timestamp,
    /// Who did it.
    pub actor: String,
    /// From where.
    pub address: Option<String>,
    /// The kind of act.
    pub act: String,
    /// What it was done to.
    pub subject: String,
    /// The domain name of the tenant that it concerns, if it concerns one alone.
    pub domain: Option<String>,
    /// The state before.
    pub before: Option<String>,
    /// The state after.
    pub after: Option<String>,
    /// `open`, `done`, `failed` or `refused`.
    pub outcome: String,
    /// Why it failed or was refused.
    pub reason: Option<String>,
    /// What would undo it, as JSON.
    pub inverse: Option<String>,
    /// The entry that undid it.
    pub undone_by: Option<TrailId>,
}

/// Which entries are wanted, newest first.
#[derive(Clone, Debug, Default)]
pub struct TrailQuery {
    /// Only entries whose actor, act, subject, domain or address holds this text.
    pub text: String,
    /// Only acts that begin with this, such as `policy.`.
    pub act_prefix: String,
    /// Only entries with this outcome: `open`, `done`, `failed` or `refused`. Empty: any.
    pub outcome: String,
    /// Only entries that concern the tenant with exactly this domain name.
    pub domain: Option<String>,
    /// Only entries older than this one.
    pub before: Option<TrailId>,
    /// At most so many.
    pub limit: u32,
}
