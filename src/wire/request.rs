//! What the console may ask of the agent.

use serde::{Deserialize, Serialize};

use crate::base::encoding::sha256_hex;
use crate::base::hash_chain::Hash;
use crate::base::ids::CertificateId;
use crate::base::names::{CertificateName, OperatorName};
use crate::wire::carried::Carried;
use crate::wire::grant::{Consumer, SessionMark, StandingOrder};
use crate::wire::jails::LetPass;
use crate::wire::nothing::nothing_more;
use crate::wire::proving::{HttpFile, HttpToken};
use crate::wire::switch::{DatabaseSide, DirectoryUser, SwitchChange};

/// One request. The agent answers each with one [`Answer`](crate::wire::answer::Answer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Who are you, and as whom do you run?
    #[serde(deserialize_with = "nothing_more")]
    Hello,
    /// The effective settings of sshd (`sshd -T`, and once for each question of [`SshContext`](super::answer::SshContext)).
    #[serde(deserialize_with = "nothing_more")]
    ReadSsh,
    /// Pending packages, the age of the package lists, automatic upgrades.
    #[serde(deserialize_with = "nothing_more")]
    ReadPackages,
    /// Which certificate generations lie on disk, and which one nginx is told to serve.
    #[serde(deserialize_with = "nothing_more")]
    ReadCertificates,
    /// Every certificate on this host and on its listeners, found in the places where servers and tools keep them.
    #[serde(deserialize_with = "nothing_more")]
    ReadInventory,
    /// FreeSWITCH: XML RPC, the event socket, what is loaded and what listens. Answers judgements, never a secret.
    ReadSwitch {
        /// What FusionPBX's database holds, to be compared with the files.
        database: Option<DatabaseSide>,
    },
    /// The rules of every backend, word for word, addresses, routes, and what listens.
    #[serde(deserialize_with = "nothing_more")]
    ReadFirewall,
    /// Change FreeSWITCH's XML RPC or event socket: written, put in force and proved, else taken back.
    ChangeSwitch {
        /// What.
        change: SwitchChange,
    },
    /// How many devices are registered with these accounts, and from where.
    SwitchRegistrations {
        /// At most 200.
        of: Vec<DirectoryUser>,
    },
    /// Drop the cached directory entries of these accounts, FusionPBX's and FreeSWITCH's: both make them anew.
    FlushDirectory {
        /// At most 200.
        users: Vec<DirectoryUser>,
    },
    /// Tell the phones of these accounts to fetch their settings again (`check-sync`); each at most once in five minutes.
    Resync {
        /// At most 200.
        users: Vec<DirectoryUser>,
    },
    /// Let addresses from which devices are registered pass fail2ban's SIP jails for a while.
    LetPass {
        /// Which, and for how long.
        wanted: LetPass,
    },
    /// Put a file where nginx serves it, for a CA to look at (HTTP-01).
    PutHttpFile {
        /// Its name and content, and the name that it proves.
        file: HttpFile,
    },
    /// Take such a file away.
    RemoveHttpFile {
        /// Its name.
        token: HttpToken,
    },
    /// The end of the console's trail: written into the agent's own journal, so that each half holds the other's end.
    NoteTrail {
        /// The number of its last record.
        number: i64,
        /// The hash of that record.
        hash: Hash,
    },
    /// Lines of the agent's own journal, oldest first.
    ReadJournal {
        /// Only lines after this one.
        after: i64,
        /// At most so many.
        limit: u32,
    },
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
    /// written as a whole, switched, loaded, proved by a handshake with each listener, else rolled back.
    Install {
        /// Which certificate.
        certificate: CertificateId,
        /// Which generation, as `MakeKey` answered it.
        generation: Generation,
        /// The leaf and its intermediates, PEM, leaf first.
        chain_pem: String,
        /// Who is to serve it.
        consumer: Consumer,
    },
    /// Whether `operator` has a second factor here, and how many recovery codes are left.
    ReadFactor {
        /// Whose.
        operator: OperatorName,
    },
    /// The standing orders in force.
    #[serde(deserialize_with = "nothing_more")]
    ReadStandingOrders,
    /// Make a new seed for `operator`, and say it once. The factor counts only after `FinishEnrolment`.
    BeginEnrolment {
        /// Whose.
        operator: OperatorName,
        /// The code that `rampart-agent enrol` printed; for somebody who has a factor, a code of that one.
        proof: Carried,
    },
    /// Put the seed of `BeginEnrolment` in force, proved by a code made from it. Answers new recovery codes, once.
    FinishEnrolment {
        /// Whose.
        operator: OperatorName,
        /// Six digits.
        code: Carried,
    },
    /// New recovery codes in place of the old ones.
    RenewRecovery {
        /// Whose.
        operator: OperatorName,
        /// Six digits.
        code: Carried,
    },
    /// Is `code` good now? A code that was good is used up.
    CheckCode {
        /// Whose.
        operator: OperatorName,
        /// Six digits, or a recovery code.
        code: Carried,
    },
    /// Allow `what`, once, to this operator in this session, on the strength of a fresh code.
    MakeGrant {
        /// Who allows it.
        operator: OperatorName,
        /// In which session of the console.
        session: SessionMark,
        /// Six digits, or a recovery code.
        code: Carried,
        /// The request that will come, word for word.
        what: Box<Self>,
    },
    /// Let unattended work go on inside `order`, until it is ended.
    PlaceStandingOrder {
        /// What may be done.
        order: StandingOrder,
    },
    /// End what `PlaceStandingOrder` allowed.
    EndStandingOrder {
        /// The same order.
        order: StandingOrder,
    },
    /// Forget the second factor of `operator`, so that a new one can be enrolled.
    ForgetFactor {
        /// Whose.
        operator: OperatorName,
    },
}

/// What a request must bring along before the agent does it for the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it only reads.
    Nothing,
    /// Nothing either, but it is noted before it is done: what it sets off happens by itself too, and nothing is lost.
    Note,
    /// A code that it carries itself.
    OwnCode,
    /// A grant for exactly this request.
    Grant,
    /// A standing order that covers it, or a grant for exactly this request.
    StandingOrderOrGrant,
}

/// The kind of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// RSA with 2048 bits: what every desk phone accepts.
    Rsa2048,
    /// RSA with 4096 bits: slow to sign with, and no safer where phones connect.
    Rsa4096,
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
}

impl KeyKind {
    /// Every kind, the recommended one first.
    pub const ALL: [Self; 4] = [Self::Rsa2048, Self::EcdsaP256, Self::EcdsaP384, Self::Rsa4096];

    /// `RSA 2048`, as a page says it.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA 2048",
            Self::Rsa4096 => "RSA 4096",
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
        }
    }

    /// The word that the store and forms use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa4096 => "rsa-4096",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
        }
    }

    /// The kind behind a [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
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
            Self::ReadInventory => "read-inventory",
            Self::ReadSwitch { .. } => "read-switch",
            Self::ReadFirewall => "read-firewall",
            Self::ChangeSwitch { .. } => "change-switch",
            Self::SwitchRegistrations { .. } => "switch-registrations",
            Self::FlushDirectory { .. } => "flush-directory",
            Self::Resync { .. } => "resync",
            Self::LetPass { .. } => "let-pass",
            Self::PutHttpFile { .. } => "put-http-file",
            Self::RemoveHttpFile { .. } => "remove-http-file",
            Self::NoteTrail { .. } => "note-trail",
            Self::ReadJournal { .. } => "read-journal",
            Self::MakeKey { .. } => "make-key",
            Self::Install { .. } => "install",
            Self::ReadFactor { .. } => "read-factor",
            Self::ReadStandingOrders => "read-standing-orders",
            Self::BeginEnrolment { .. } => "begin-enrolment",
            Self::FinishEnrolment { .. } => "finish-enrolment",
            Self::RenewRecovery { .. } => "renew-recovery",
            Self::CheckCode { .. } => "check-code",
            Self::MakeGrant { .. } => "make-grant",
            Self::PlaceStandingOrder { .. } => "place-standing-order",
            Self::EndStandingOrder { .. } => "end-standing-order",
            Self::ForgetFactor { .. } => "forget-factor",
        }
    }

    /// What it must bring along. A new request is refused to the console until it has a line here.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        match self {
            Self::Hello
            | Self::ReadSsh
            | Self::ReadPackages
            | Self::ReadCertificates
            | Self::ReadInventory
            | Self::ReadSwitch { .. }
            | Self::ReadFirewall
            | Self::SwitchRegistrations { .. }
            // Writes a line about the console itself, and nothing else.
            | Self::NoteTrail { .. }
            | Self::ReadJournal { .. }
            | Self::ReadFactor { .. }
            | Self::ReadStandingOrders => Needs::Nothing,
            Self::FlushDirectory { .. }
            | Self::Resync { .. }
            | Self::LetPass { .. }
            // A digest of the account's key at a fixed place, for names in the agent's zones: only an ACME CA reads it.
            | Self::PutHttpFile { .. }
            | Self::RemoveHttpFile { .. } => Needs::Note,
            Self::BeginEnrolment { .. }
            | Self::FinishEnrolment { .. }
            | Self::RenewRecovery { .. }
            | Self::CheckCode { .. }
            | Self::MakeGrant { .. } => Needs::OwnCode,
            Self::MakeKey { .. } | Self::Install { .. } => Needs::StandingOrderOrGrant,
            Self::ChangeSwitch { .. }
            | Self::PlaceStandingOrder { .. }
            | Self::EndStandingOrder { .. }
            | Self::ForgetFactor { .. } => Needs::Grant,
        }
    }

    /// The SHA-256 of the request with all its arguments, hex: what a grant is bound to.
    #[must_use]
    pub fn digest(&self) -> String {
        // Both sides write the same type with the same library; a request that could not be written could not come.
        sha256_hex(&serde_json::to_vec(self).unwrap_or_default())
    }
}
