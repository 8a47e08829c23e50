//! What is said about the certificate that FreeSWITCH serves: one file for every SIP profile, and who serves it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::ids::CertificateId;
use crate::wire::answer::LeafFacts;
use crate::wire::request::Generation;
use crate::wire::switch::FileFacts;

/// The most profiles that one request may name.
pub const MOST_PROFILES: usize = 16;

/// The name of a SIP profile: letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(String);

/// What is no profile's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SIP profile is named with at most 64 letters, digits, hyphens, underscores and dots")]
pub struct NotAProfile;

impl ProfileName {
    /// Takes `text`.
    ///
    /// # Errors
    /// It could be more than a name.
    pub fn parse(text: &str) -> Result<Self, NotAProfile> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_plain = (1..=64).contains(&text.len()) && !text.starts_with(['-', '.']) && text.bytes().all(allowed);
        if is_plain { Ok(Self(text.to_owned())) } else { Err(NotAProfile) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for ProfileName {
    type Error = NotAProfile;
    fn try_from(text: String) -> Result<Self, NotAProfile> {
        Self::parse(&text)
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> Self {
        name.0
    }
}

/// FreeSWITCH's directory of certificates, and what it serves. A part that could not be read says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFacts {
    /// The directory: whoever owns it can put another certificate there.
    pub directory: FileFacts,
    /// `all.pem`.
    pub bundle: Result<BundleFacts, String>,
    /// What lies at the names that FreeSWITCH reads, and at `cafile.pem`: `a link to all.pem`, `a file`, `nothing`.
    pub names: Vec<(String, String)>,
    /// The SIP profiles that run.
    pub profiles: Result<Vec<ProfileFacts>, String>,
    /// What each of their TLS listeners serves.
    pub served: Vec<SwitchServed>,
    /// Which generation the agent put there, if it did.
    pub ours: Option<(CertificateId, Generation)>,
    /// Why that generation is not served yet; `None` if it is.
    pub pending: Option<String>,
}

/// What FreeSWITCH's file holds: judged by the agent, its key never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFacts {
    /// The file.
    pub file: FileFacts,
    /// Its leaf.
    pub leaf: LeafFacts,
    /// How many certificates follow each other in it.
    pub certificates: u32,
    /// Whether its key belongs to its leaf. Without that no profile can shake hands.
    pub key_matches: bool,
}

/// A SIP profile that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFacts {
    /// Its name.
    pub name: ProfileName,
    /// The port of SIP over TLS, where that is on.
    pub tls: Option<u16>,
    /// The port of secure WebSocket, where that is on.
    pub wss: Option<u16>,
    /// Call legs that a restart would drop.
    pub calls: u64,
}

/// One listener of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchServed {
    /// Address and port.
    pub listener: String,
    /// The leaf, or why there was none.
    pub outcome: Result<LeafFacts, String>,
    /// Whether it is the leaf of `all.pem`.
    pub is_bundle: bool,
    /// How many certificates were sent.
    pub certificates: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_name_and_never_a_piece_of_a_command() {
        assert_eq!(ProfileName::parse("internal-ipv6").unwrap().as_str(), "internal-ipv6");
        for text in ["", "a b", "internal restart", "-x", "a\n", "a;b", "a/b", "all$"] {
            assert_eq!(ProfileName::parse(text), Err(NotAProfile), "{text}");
        }
        assert!(serde_json::from_str::<ProfileName>("\"a\\nexit\"").is_err());
    }
}
