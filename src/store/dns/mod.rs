//! What Rampart may write to at DNS services, and in which zones names may be ordered.

mod credentials;
mod zones;

pub use crate::acme::challenge::way::Way;
pub use credentials::{CredentialRow, NewCredential};
pub use zones::{TestRow, ZoneRow};

/// The place that a credential's secrets are sealed for.
pub(super) const SECRETS: &str = "dns_credentials.secrets";
