//! Every certificate of the host, found and not configured: files in the places where servers and tools keep them, and what
//! each listener serves that speaks TLS.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::wire::answer::LeafFacts;
use crate::wire::switch::FileFacts;

/// The most files of an answer.
pub const MOST_FILES: usize = 2000;

/// What was found. What could not be read says why, and is not left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// Files that hold a certificate, or should.
    pub files: Vec<FoundFile>,
    /// Listeners that answered a TLS handshake without a name.
    pub listeners: Vec<FoundListener>,
    /// Listeners that did not: plain ones, and those that are never asked.
    pub plain: u32,
    /// Tools that keep certificates here.
    pub tools: Vec<FoundTool>,
    /// The `ssl_protocols` lines of nginx, each once; or why they are not known.
    pub nginx_protocols: Option<Result<Vec<String>, String>>,
    /// Whether there were more files than an answer holds.
    pub cut: bool,
}

/// A file with a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundFile {
    /// Where it lies.
    pub path: String,
    /// Who reads or keeps it: `nginx`, `FreeSWITCH`, `certbot`, `Rampart` and so on.
    pub used_by: Vec<String>,
    /// Its first certificate, or why there is none.
    pub content: Result<FoundCertificate, String>,
    /// The file of its key, where that is known.
    pub key: Option<FoundKey>,
}

/// A certificate, wherever it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundCertificate {
    /// What it says of itself.
    pub leaf: LeafFacts,
    /// SHA-256 of the leaf, hex.
    pub fingerprint: String,
    /// How many certificates follow each other, itself among them.
    pub certificates: u32,
    /// Whether it is signed by its own key.
    pub self_signed: bool,
}

/// A file with a private key. What is in it is never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundKey {
    /// The file: who can read it.
    pub file: FileFacts,
    /// The group that owns it.
    pub group: u32,
    /// Whether it belongs to the certificate.
    pub fits: bool,
}

/// A listener that speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundListener {
    /// Address and port, as the kernel says it.
    pub listener: String,
    /// What a client without a name gets.
    pub served: FoundCertificate,
    /// The protocol that was agreed.
    pub protocol: String,
}

/// A program that keeps certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// dehydrated, which FusionPBX's installer brings.
    Dehydrated,
    /// certbot.
    Certbot,
    /// acme.sh.
    AcmeSh,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dehydrated, Self::Certbot, Self::AcmeSh];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dehydrated => "dehydrated",
            Self::Certbot => "certbot",
            Self::AcmeSh => "acme.sh",
        }
    }

    /// The tool with this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.word() == word)
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// What one tool keeps here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundTool {
    /// Which.
    pub tool: Tool,
    /// Its directory.
    pub directory: String,
    /// The names under which it keeps certificates.
    pub kept: Vec<String>,
    /// Where it is started by itself: files of cron, timers.
    pub timers: Vec<String>,
}
