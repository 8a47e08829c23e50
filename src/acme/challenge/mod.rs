//! Proving to a CA that a name is ours: over DNS (dns-01, RFC 8555 section 8.4), the only way to a wildcard.

pub mod lookup;
pub mod rfc2136;

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::base::names::Fqdn;

/// The record that a CA looks for: `_acme-challenge.<base>. TXT "<value>"`. The base name and its wildcard share one
/// owner and have one value each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxtRecord {
    base: Fqdn,
    value: String,
}

impl TxtRecord {
    /// The record for `base`; `None` if `value` is no SHA-256 in base64url without padding.
    #[must_use]
    pub fn new(base: Fqdn, value: String) -> Option<Self> {
        let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (plain && value.len() == 43).then_some(Self { base, value })
    }

    /// The name that is to be proved, without any `*.`.
    #[must_use]
    pub const fn base(&self) -> &Fqdn {
        &self.base
    }

    /// The record's owner, without a trailing dot.
    #[must_use]
    pub fn name(&self) -> String {
        format!("_acme-challenge.{}", self.base)
    }

    /// The record's text.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Puts challenge records in place and takes them away.
#[async_trait]
pub trait Solver: Send + Sync {
    /// Adds `record` to what its owner holds; other values stay. Adding it twice is the same as once.
    async fn present(&self, record: &TxtRecord) -> Result<(), DnsError>;

    /// Returns when every server that the CA may ask shows `record`.
    async fn ready(&self, record: &TxtRecord) -> Result<(), DnsError>;

    /// Takes exactly `record` away; other values stay. Taking away what is not there is no error.
    async fn clear(&self, record: &TxtRecord) -> Result<(), DnsError>;
}

/// Why a challenge record could not be put in place or taken away. No variant holds a key.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// None of the configured zones holds the name.
    #[error("no DNS zone is configured for {name}")]
    NoZone {
        /// The name.
        name: String,
    },
    /// The configured key cannot be used at all.
    #[error("the TSIG key for the DNS server {server} cannot be used")]
    Key {
        /// The server.
        server: SocketAddr,
    },
    /// The answer is not signed with our key. So answers a server that does not know the key (RFC 8945 section 5.3.2).
    #[error(
        "the DNS server {server} does not accept the TSIG key for zone {zone}: \
         its name, algorithm or secret differ, or the clocks are apart"
    )]
    KeyRefused {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: Fqdn,
    },
    /// The server accepts the key, and said no: `NOTAUTH` for a zone that it does not have, `REFUSED` where the key may
    /// not change it.
    #[error("the DNS server {server} refused the change in zone {zone}: {reason}")]
    Refused {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: Fqdn,
        /// Its answer.
        reason: String,
    },
    /// No answer that could be read came.
    #[error("the DNS server {server} could not be reached for zone {zone}: {reason}")]
    Unreachable {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: Fqdn,
        /// What failed.
        reason: String,
    },
    /// A server does not show the record, so that the CA would not see it.
    #[error("the DNS server {server} does not show the record of {name} after {} s: {reason}", .after.as_secs())]
    NotVisible {
        /// The server.
        server: SocketAddr,
        /// The record's owner.
        name: String,
        /// How long we waited.
        after: Duration,
        /// What it answered last.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_a_digest_and_nothing_else() {
        let base = Fqdn::parse("example.com").unwrap();

        let record = TxtRecord::new(base.clone(), "a".repeat(43)).unwrap();

        assert_eq!(record.name(), "_acme-challenge.example.com");
        assert_eq!(TxtRecord::new(base.clone(), "a".repeat(42)), None);
        assert_eq!(TxtRecord::new(base, format!("\"{}", "a".repeat(42))), None);
    }
}
