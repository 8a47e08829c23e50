//! Proving names over DNS: the credentials that records are written with, the zones that an operator approved, testing
//! both, and the solver that an order gets.

mod credentials;
mod proving;
mod test;
mod zones;

pub use credentials::{KeptCredential, name_fault};
pub use proving::Proving;
pub use zones::Approval;

use crate::acme::challenge::provider::FieldFault;
use crate::store::StoreError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DnsActError {
    /// No such service.
    #[error("there is no such DNS service")]
    NoService,
    /// The credential's name cannot be used.
    #[error("{0}")]
    Name(String),
    /// Some fields cannot be used.
    #[error("{}", spoken(.0))]
    Fields(Vec<FieldFault>),
    /// The service's library cannot use what is there: a key that is none, for example.
    #[error("{0}")]
    Unusable(String),
    /// There is no such credential or zone.
    #[error("it is not there any more")]
    Unknown,
    /// Zones rest on the credential.
    #[error("zones still use it; give them another one first")]
    InUse,
    /// The way needs a credential, or takes none.
    #[error("{0}")]
    Way(&'static str),
    /// Our own store failed.
    #[error("the change could not be kept")]
    Store(#[from] StoreError),
}

fn spoken(faults: &[FieldFault]) -> String {
    faults.iter().map(|fault| format!("{}: {}", fault.key, fault.words)).collect::<Vec<_>>().join("; ")
}
