//! What the floor needs filled by others: a memory for one order, and a maker of keys.

use std::error::Error;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::acme::budget::Overdrawn;
use crate::acme::challenge::TxtRecord;
use crate::acme::step::Step;
use crate::base::names::CertificateName;
use crate::wire::answer::KeyMade;
use crate::wire::request::KeyKind;

/// What must survive a kill in the middle of an order. Holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Where the order lies at the CA.
    pub order_url: Option<String>,
    /// The key that the order is finalised with, kept by the agent, and its signing request.
    pub key: Option<KeyMade>,
    /// Challenge records that are, or may be, in DNS because of this order.
    pub records: Vec<TxtRecord>,
    /// Whether the order names the certificate that it replaces, so that the CA counts it against nothing.
    pub is_exempt: bool,
}

/// The journal could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the order's journal failed")]
pub struct JournalError(#[source] pub Box<dyn Error + Send + Sync>);

/// What of a CA's limits an order uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// A new order.
    Order {
        /// It names the certificate that it replaces.
        is_exempt: bool,
    },
    /// A signed certificate.
    Certificate {
        /// As its order.
        is_exempt: bool,
    },
}

/// The memory of one order, from the wish to the installed certificate. After a success the progress stays: whoever is
/// killed before the certificate is installed gets the same one again by asking again.
#[async_trait]
pub trait Journal: Send + Sync {
    /// One more step, for the page. Losing one is no harm.
    async fn note(&self, step: &Step);

    /// What was kept; the empty progress if nothing was.
    async fn load(&self) -> Result<Progress, JournalError>;

    /// Keeps `progress` in place of what was kept; on return it is on disk.
    async fn save(&self, progress: &Progress) -> Result<(), JournalError>;

    /// Counts `what` against the CA's limits, on disk before the CA hears of it; or says until when there is no room. A
    /// certificate is only counted: its order had room.
    async fn spend(&self, what: Spend) -> Result<Option<Overdrawn>, JournalError> {
        let _ = what;
        Ok(None)
    }
}

/// No key was made.
#[derive(Debug, thiserror::Error)]
#[error("the agent made no key")]
pub struct KeyError(#[source] pub Box<dyn Error + Send + Sync>);

/// Makes private keys that never leave their maker: the agent.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// A new key of the kind `key`, and a signing request with exactly `names`.
    async fn make(&self, names: &[CertificateName], key: KeyKind) -> Result<KeyMade, KeyError>;
}
