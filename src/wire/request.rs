//! What the console may ask of the agent.

use serde::{Deserialize, Serialize};

use crate::base::ids::CertificateId;
use crate::base::names::CertificateName;

/// One request. The agent answers each with one [`Answer`](crate::wire::answer::Answer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Who are you, and as whom do you run?
    Hello,
    /// The effective settings of sshd (`sshd -T`, and once for each question of [`SshContext`](super::answer::SshContext)).
    ReadSsh,
    /// Pending packages, the age of the package lists, automatic upgrades.
    ReadPackages,
    /// Which certificate generations lie on disk, and which one nginx is told to serve.
    ReadCertificates,
    /// Make a private key and a certificate signing request for it. The key never leaves the agent.
    MakeKey {
        /// Which certificate the key is for.
        certificate: CertificateId,
        /// The names of the request, in order; the first becomes the common name if it fits in 64 letters.
        names: Vec<CertificateName>,
        /// What kind of key.
        key: KeyKind,
    },
    /// Deploy the chain that the CA gave for a generation made by `MakeKey`: checked against the key and the names,
    /// written as a whole, switched, `nginx -t`, reload, proved by a handshake, else rolled back.
    Install {
        /// Which certificate.
        certificate: CertificateId,
        /// Which generation, as `MakeKey` answered it.
        generation: Generation,
        /// The leaf and its intermediates, PEM, leaf first.
        chain_pem: String,
    },
}

/// The kind of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// RSA with 2048 bits: what every desk phone accepts.
    Rsa2048,
    /// ECDSA on P-256.
    EcdsaP256,
}

impl KeyKind {
    /// `RSA 2048`, as a page says it.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA 2048",
            Self::EcdsaP256 => "ECDSA P-256",
        }
    }

    /// The word that the store and forms use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-2048",
            Self::EcdsaP256 => "ecdsa-p256",
        }
    }

    /// The kind behind a [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Rsa2048, Self::EcdsaP256].into_iter().find(|kind| kind.word() == word)
    }
}

/// A generation of one certificate: counted up by the agent, from 1, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

impl Request {
    /// The request's name in the journal.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::ReadSsh => "read-ssh",
            Self::ReadPackages => "read-packages",
            Self::ReadCertificates => "read-certificates",
            Self::MakeKey { .. } => "make-key",
            Self::Install { .. } => "install",
        }
    }
}
