//! What allows a request: a grant for one act, or a standing order for unattended work.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::base::ids::CertificateId;
use crate::base::names::{CertificateName, OperatorName};
use crate::wire::carried::Carried;

/// The SHA-256 of a console session's id, 64 hex digits. The agent only compares it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct SessionMark(String);

/// The text is no SHA-256 in lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session is named by 64 hex digits")]
pub struct NotAMark;

impl FromStr for SessionMark {
    type Err = NotAMark;
    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if text.len() == 64 && is_hex { Ok(Self(text.to_owned())) } else { Err(NotAMark) }
    }
}

impl<'de> Deserialize<'de> for SessionMark {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A grant as it comes back with the request that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Who allowed it.
    pub operator: OperatorName,
    /// In which session of the console.
    pub session: SessionMark,
    /// What `MakeGrant` answered: 128 random bits, base64url.
    pub token: Carried,
}

/// Unattended work that goes on without a grant, made under one grant and kept by root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "allows", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StandingOrder {
    /// Keep one certificate: make keys and requests for exactly these names, and have these consumers serve it.
    Certificate {
        /// The console's number of it.
        certificate: CertificateId,
        /// Its names.
        names: Vec<CertificateName>,
        /// Who serves it.
        consumers: Vec<Consumer>,
    },
}

/// Who serves a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consumer {
    /// The nginx of `agent.toml`.
    Nginx,
    /// FreeSWITCH: every SIP profile.
    #[serde(rename = "freeswitch")]
    FreeSwitch,
}

impl fmt::Display for StandingOrder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { certificate, names, consumers } => {
                let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                let consumers: Vec<&str> = consumers.iter().map(|consumer| consumer.word()).collect();
                write!(out, "certificate {certificate} for {}, served by {}", names.join(", "), consumers.join(", "))
            }
        }
    }
}

impl Consumer {
    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::FreeSwitch => "FreeSWITCH",
        }
    }
}
