//! Proving to a CA that a name is ours: over DNS (dns-01, RFC 8555 section 8.4), the only way to a wildcard.

pub mod approved;
pub mod authority;
pub mod caa;
pub mod front;
pub mod lookup;
pub mod preflight;
pub mod provider;
pub mod rfc2136;
pub mod visible;
pub mod way;

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::acme::challenge::authority::Authority;
use crate::acme::challenge::way::Way;
use crate::base::names::Fqdn;
use crate::wire::proving::{HttpFile, HttpToken};

/// The record that a CA looks for: `_acme-challenge.<base>. TXT "<value>"`. The base name and its wildcard share one
/// owner and have one value each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxtRecord {
    base: Fqdn,
    value: String,
    /// The account's own label in front (DNS-ACCOUNT-01).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// A file's name, where this is the content of one that nginx serves (HTTP-01) and no record at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<HttpToken>,
    /// Where it is written, once that was looked up: `_acme-challenge.<base>` may be an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

impl TxtRecord {
    /// The record for `base`; `None` if `value` is no SHA-256 in base64url without padding.
    #[must_use]
    pub fn new(base: Fqdn, value: String) -> Option<Self> {
        let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (plain && value.len() == 43).then_some(Self { base, value, label: None, token: None, target: None })
    }

    /// The name that is to be proved, without any `*.`.
    #[must_use]
    pub const fn base(&self) -> &Fqdn {
        &self.base
    }

    /// The record's owner, without a trailing dot.
    #[must_use]
    pub fn name(&self) -> String {
        if let Some(token) = &self.token {
            return format!("http://{}/.well-known/acme-challenge/{}", self.base, token.as_str());
        }
        match &self.label {
            Some(label) => format!("{label}._acme-challenge.{}", self.base),
            None => format!("_acme-challenge.{}", self.base),
        }
    }

    /// The same record at the name of an account's own.
    #[must_use]
    pub fn labelled(self, label: String) -> Self {
        Self { label: Some(label), ..self }
    }

    /// A file called `token` instead of a record; the value is the digest of the account's key.
    #[must_use]
    pub fn in_file(self, token: HttpToken) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The file that nginx is to serve; `None` for a record.
    #[must_use]
    pub fn file(&self) -> Option<HttpFile> {
        HttpFile::new(self.base.clone(), self.token.clone()?, self.value.clone())
    }

    /// The name that holds it, where that was looked up.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// The same record, held by `target`.
    #[must_use]
    pub fn at(self, target: String) -> Self {
        Self { target: Some(target), ..self }
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
    /// How names at `base` are proved.
    fn way(&self, _base: &Fqdn) -> Way {
        Way::Dns01
    }

    /// Whom to ask about names before a CA is asked; `None`: nobody.
    fn authority(&self) -> Option<&Authority> {
        None
    }

    /// The texts at `owner`, as each name server that answers shows them: for a record that somebody put in once.
    async fn texts(&self, owner: &str) -> Result<Vec<Vec<String>>, DnsError> {
        Err(DnsError::NoZone { name: owner.to_owned() })
    }

    /// Looks up where `record` is to be written. Asked before the record is kept in the journal, so that exactly it is
    /// taken away whatever happens in between.
    async fn locate(&self, record: TxtRecord) -> Result<TxtRecord, DnsError> {
        Ok(record)
    }

    /// Whether only one value can stand where `record` goes: those of a name and its wildcard then follow each other.
    fn holds_one_value(&self, _record: &TxtRecord) -> bool {
        false
    }

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
        zone: String,
    },
    /// The server accepts the key, and said no: `NOTAUTH` for a zone that it does not have, `REFUSED` where the key may
    /// not change it.
    #[error("the DNS server {server} refused the change in zone {zone}: {reason}")]
    Refused {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: String,
        /// Its answer.
        reason: String,
    },
    /// No answer that could be read came.
    #[error("the DNS server {server} could not be reached for zone {zone}: {reason}")]
    Unreachable {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: String,
        /// What failed.
        reason: String,
    },
    /// A credential that its service does not take, or that cannot be used at all.
    #[error("{who} cannot be used: {reason}")]
    Credential {
        /// The service and the credential.
        who: String,
        /// Why.
        reason: String,
    },
    /// The service did not make the change.
    #[error("{who} did not make the change in zone {zone}: {reason}")]
    Service {
        /// The service and the credential.
        who: String,
        /// The zone.
        zone: String,
        /// What it said, without any secret.
        reason: String,
    },
    /// Nobody knows who speaks for the name.
    #[error("who speaks for {name} in DNS could not be found out: {reason}")]
    NoAuthority {
        /// The name.
        name: String,
        /// What failed.
        reason: String,
    },
    /// The record's name leads to a zone that we may not write to.
    #[error("{name} is an alias of {target}, and no approved zone with a credential holds that name")]
    Delegated {
        /// The record's owner.
        name: String,
        /// Where the alias leads.
        target: String,
    },
    /// Some server that the CA may ask does not show the record.
    #[error("not every name server shows the record of {name} after {} s: {servers}", .after.as_secs())]
    NotEverywhere {
        /// The record's owner.
        name: String,
        /// How long we waited.
        after: Duration,
        /// Which do not, and what they answered last.
        servers: String,
    },
    /// The name's owner does not let this CA issue (CAA, RFC 8659).
    #[error("no certificate can be issued for {name}: the CAA records of {holder} forbid it; {words}")]
    Caa {
        /// The name.
        name: String,
        /// The name whose records hold for it.
        holder: String,
        /// What stands there.
        words: String,
    },
    /// The zone's signatures do not hold: no CA believes what it says.
    #[error(
        "DNSSEC is broken at {at}: a resolver that checks signatures has no answer, and one that does not has; no CA          issues for {name} until that is mended where the zone is signed"
    )]
    Signatures {
        /// The name.
        name: String,
        /// Where the look-up failed.
        at: String,
    },
    /// HTTP-01 proves no wildcard (RFC 8555 section 8.3 and the CA/Browser Forum's rules).
    #[error("{name} cannot be proved over HTTP; choose a way over DNS for its zone, or order the name alone")]
    NoWildcard {
        /// The name.
        name: String,
    },
    /// The agent did not put the file.
    #[error("the agent did not put the file of {name}")]
    File {
        /// The name that is to be proved.
        name: String,
        /// What it said.
        #[source]
        source: crate::host::AgentError,
    },
    /// nginx does not serve it.
    #[error(
        "nginx at {at} does not serve {url} as it should: {found}; include packaging/nginx/rampart-http-01.conf in the \
         server block of that name on port 80"
    )]
    NotServed {
        /// Where it was asked.
        at: SocketAddr,
        /// For what.
        url: String,
        /// What came.
        found: String,
    },
    /// Nobody has put the record in yet, or not everywhere.
    #[error(
        "put this record into DNS, beside others at its name: {owner} TXT \"{value}\"; then order again, which goes on with \
         the same order and record (looked for {} s: {servers})",
        .after.as_secs()
    )]
    ByHand {
        /// Its owner.
        owner: String,
        /// Its text.
        value: String,
        /// How long we looked.
        after: Duration,
        /// What the servers show.
        servers: String,
    },
    /// The record that stays is not there, or not everywhere (DNS-PERSIST-01).
    #[error("put this record into DNS, once, and leave it there: {owner} TXT \"{text}\"")]
    NotStanding {
        /// Its owner.
        owner: String,
        /// Its text.
        text: String,
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
