//! One record of the trail, as it is hashed and exported.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::hash_chain::Hash;
use crate::base::ids::TrailId;
use crate::store::trail::{Act, Actor, Close};

/// What one record says. What does not apply is absent. Its number and hash stand beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// `open`, `close`, `undone`, `forgotten` or `break`.
    pub kind: String,
    /// When, in UTC (RFC 3339).
    pub at: String,
    /// The entry that it belongs to: the number of the record that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The kind of act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// What it is done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The domain name of the tenant that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The state before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The state that is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How it ended: `done`, `failed` or `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Why it failed or was refused; of a break, what was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would undo it, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inverse: Option<String>,
    /// The entry that undid it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<i64>,
    /// Of a `forgotten`: the number of the first record that is still kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begins: Option<i64>,
    /// Of a `forgotten`: the hash of the record before that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begins_after: Option<String>,
}

impl Record {
    fn new(kind: &str, at: Timestamp) -> Self {
        Self { kind: kind.to_owned(), at: at.rfc3339(), ..Self::default() }
    }

    pub(super) fn open(actor: &Actor, act: Act<'_>, at: Timestamp) -> Self {
        let own = |text: Option<&str>| text.map(ToOwned::to_owned);
        Self {
            actor: Some(actor.name.clone()),
            address: actor.address.clone(),
            act: Some(act.act.to_owned()),
            subject: Some(act.subject.to_owned()),
            domain: own(act.domain),
            before: own(act.before),
            after: own(act.after),
            ..Self::new("open", at)
        }
    }

    pub(super) fn close(entry: TrailId, close: &Close<'_>, at: Timestamp) -> Self {
        let (outcome, reason, inverse) = match *close {
            Close::Done { inverse } => ("done", None, inverse),
            Close::Failed { reason } => ("failed", Some(reason), None),
            Close::Refused { reason } => ("refused", Some(reason), None),
        };
        Self {
            entry: Some(entry.0),
            outcome: Some(outcome.to_owned()),
            reason: reason.map(ToOwned::to_owned),
            inverse: inverse.map(ToOwned::to_owned),
            ..Self::new("close", at)
        }
    }

    pub(super) fn undone(entry: TrailId, by: TrailId, at: Timestamp) -> Self {
        Self { entry: Some(entry.0), undone_by: Some(by.0), ..Self::new("undone", at) }
    }

    pub(super) fn forgotten(begins: i64, begins_after: Hash, at: Timestamp) -> Self {
        Self { begins: Some(begins), begins_after: Some(begins_after.to_string()), ..Self::new("forgotten", at) }
    }

    pub(super) fn broken(found: &str, at: Timestamp) -> Self {
        Self { reason: Some(found.to_owned()), ..Self::new("break", at) }
    }
}
