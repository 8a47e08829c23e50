//! What the agent answers.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::hash_chain::Tip;
use crate::base::ids::CertificateId;
use crate::wire::carried::Carried;
use crate::wire::firewall::FirewallSaves;
use crate::wire::grant::{Consumer, StandingOrder};
use crate::wire::inventory::Inventory;
use crate::wire::jails::Passing;
use crate::wire::journal::JournalPage;
use crate::wire::nothing::nothing_more;
use crate::wire::request::Generation;
use crate::wire::switch::{Flushed, Registrations, Resynced, SwitchChanged, SwitchFacts};

/// The answer to one request: what was asked for, or why not.
pub type Reply = Result<Answer, Refusal>;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// To `Hello`.
    Hello(Hello),
    /// To `ReadSsh`.
    Ssh(SshFacts),
    /// To `ReadPackages`.
    Packages(PackageFacts),
    /// To `ReadCertificates`.
    Certificates(CertificateFacts),
    /// To `ReadInventory`.
    Inventory(Box<Inventory>),
    /// To `ReadSwitch`.
    Switch(Box<SwitchFacts>),
    /// To `ReadFirewall`.
    Firewall(Box<FirewallSaves>),
    /// To `ChangeSwitch`: it is done and proved.
    SwitchChanged(Box<SwitchChanged>),
    /// To `SwitchRegistrations`.
    Registrations(Registrations),
    /// To `FlushDirectory`.
    Flushed(Flushed),
    /// To `Resync`.
    Resynced(Resynced),
    /// To `LetPass`.
    Passing(Passing),
    /// To `MakeKey`.
    KeyMade(KeyMade),
    /// To `Install`.
    Installed(Installed),
    /// To `ReadFactor`.
    Factor(FactorFacts),
    /// To `ReadStandingOrders`.
    StandingOrders {
        /// Each of them.
        orders: Vec<PlacedOrder>,
    },
    /// To `BeginEnrolment`.
    EnrolmentBegun(EnrolmentBegun),
    /// To `FinishEnrolment` and `RenewRecovery`: codes that are shown once, and work once each.
    RecoveryCodes {
        /// The codes.
        codes: Vec<Carried>,
    },
    /// To `CheckCode`: it was good, and is used up.
    CodeGood(CodeGood),
    /// To `MakeGrant`.
    Granted {
        /// 128 random bits, base64url.
        token: Carried,
    },
    /// To `NoteTrail`: the line of the journal that notes it.
    Noted(Tip),
    /// To `ReadJournal`.
    Journal(JournalPage),
    /// It is done, and there is nothing more to say.
    #[serde(deserialize_with = "nothing_more")]
    Done,
}

/// Why the agent did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Refusal {
    /// The frame or the request in it breaks the protocol.
    #[error("the request could not be read: {reason}")]
    Malformed {
        /// What was wrong with it.
        reason: String,
    },
    /// The agent's own settings do not allow it.
    #[error("not allowed by the agent's settings: {reason}")]
    NotAllowed {
        /// Which rule stood against it.
        reason: String,
    },
    /// It is allowed, but could not be read or done on this host.
    #[error("{reason}")]
    Unable {
        /// What failed, in words an operator can act on, without secrets.
        reason: String,
    },
    /// A change was tried, did not prove itself and was taken back; the old state is in force again.
    #[error("{reason} (the former state is in force again)")]
    RolledBack {
        /// What failed.
        reason: String,
    },
    /// Another change is under way.
    #[error("another change is under way")]
    #[serde(deserialize_with = "nothing_more")]
    Busy,
    /// The code is wrong, was used already, or is too old.
    #[error("the code is not right")]
    #[serde(deserialize_with = "nothing_more")]
    WrongCode,
    /// Too many wrong codes: none is looked at before then.
    #[error("too many wrong codes; the next one is looked at in {wait_seconds} s")]
    TooManyCodes {
        /// Seconds to wait.
        wait_seconds: u64,
    },
    /// The operator has no second factor here.
    #[error("there is no second factor yet")]
    #[serde(deserialize_with = "nothing_more")]
    NotEnrolled,
    /// The request needs a grant, and the one that came along is missing, old, used up, or for something else.
    #[error("a fresh code is needed for this: {reason}")]
    GrantNeeded {
        /// What was wrong with the grant.
        reason: String,
    },
}

/// How an operator's second factor stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorFacts {
    /// Since when there is one; `None` if there is none.
    pub since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_left: u8,
}

/// A standing order in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedOrder {
    /// What may be done.
    pub order: StandingOrder,
    /// Who placed it: an operator, or `root`.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A new seed, said once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentBegun {
    /// The key URI that authenticators read from a QR code (`otpauth://totp/…`).
    pub uri: Carried,
    /// The seed in base32, to be typed by hand.
    pub secret: Carried,
}

/// A code was good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeGood {
    /// Whether it was a recovery code.
    pub recovery: bool,
    /// How many recovery codes are left.
    pub recovery_left: u8,
}

/// The agent's introduction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Its version.
    pub version: String,
    /// Whether it runs as root. Without root, most host facts cannot be read.
    pub root: bool,
}

/// sshd's effective settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshFacts {
    /// The first line of `sshd -V`, such as `OpenSSH_9.2p1 Debian-2+deb12u6`.
    pub version: String,
    /// The settings as each kind of visitor gets them; the first is the one without any `Match`.
    pub contexts: Vec<SshContext>,
}

/// The settings that hold for one kind of visitor (`sshd -T -C user=…,host=…,addr=…`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshContext {
    /// Who is meant: `everyone`, or `root from 203.0.113.5`.
    pub visitor: String,
    /// Key and value as `sshd -T` prints them, in its order; keys may repeat.
    pub settings: Vec<(String, String)>,
}

/// The state of Debian's packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageFacts {
    /// `PRETTY_NAME` of /etc/os-release.
    pub release: String,
    /// What `apt-get upgrade` would install.
    pub pending: Vec<PendingPackage>,
    /// Packages that an upgrade holds back.
    pub held_back: Vec<String>,
    /// When the package lists were last fetched; `None` if no list is there at all.
    pub lists_fetched: Option<Timestamp>,
    /// Whether /run/reboot-required is there, and the packages that asked for it.
    pub reboot_wanted_by: Option<Vec<String>>,
    /// `apt-config dump`: only the keys below `APT::Periodic` and `Unattended-Upgrade`.
    pub automatic: Vec<(String, String)>,
    /// Whether the package unattended-upgrades is installed.
    pub unattended_installed: bool,
}

/// One package that could be upgraded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingPackage {
    /// Its name.
    pub name: String,
    /// The installed version; empty if the upgrade would install it anew.
    pub installed: String,
    /// The version it would become.
    pub candidate: String,
    /// Whether the new version comes from Debian's security archive.
    pub security: bool,
}

/// What the agent keeps of certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFacts {
    /// Where nginx listens with TLS, as the agent's settings say: the places that a deployment must prove.
    pub listeners: Vec<String>,
    /// The zones inside which the agent makes keys.
    pub zones: Vec<String>,
    /// What lies on disk.
    pub kept: Vec<KeptCertificate>,
    /// The standing orders in force; none in facts that an older agent gave.
    #[serde(default)]
    pub standing: Vec<PlacedOrder>,
}

/// One certificate on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCertificate {
    /// Which certificate.
    pub certificate: CertificateId,
    /// The generation that nginx is told to serve, or that FreeSWITCH was given; `None` if none is deployed.
    pub current: Option<Generation>,
    /// Who was given that generation; an older agent does not say, and has nginx only.
    #[serde(default)]
    pub consumer: Option<Consumer>,
    /// All complete generations, oldest first.
    pub generations: Vec<KeptGeneration>,
}

/// One complete generation on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptGeneration {
    /// Its number.
    pub generation: Generation,
    /// What its leaf says of itself.
    pub leaf: LeafFacts,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafFacts {
    /// The DNS names of the subject alternative name extension, as written.
    pub names: Vec<String>,
    /// The issuer's common name, or the whole issuer if it has none.
    pub issuer: String,
    /// The serial number, lower-case hex.
    pub serial: String,
    /// The start of its validity.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
    /// `RSA 2048`, `ECDSA P-256` and so on.
    pub key: String,
}

/// A key was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyMade {
    /// The generation it belongs to.
    pub generation: Generation,
    /// The certificate signing request, DER in base64.
    pub csr: String,
}

/// A generation is in its place, and proved on every listener unless `pending` says what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// What was served before; `None` if this is the first.
    pub former: Option<Generation>,
    /// The leaf that is now served.
    pub leaf: LeafFacts,
    /// What each listener showed in the handshake.
    pub proofs: Vec<Proof>,
    /// Why it is in its place and not served yet; `None` if it is served.
    #[serde(default)]
    pub pending: Option<String>,
}

/// One listener's handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Address and port.
    pub listener: String,
    /// The name that was asked for (SNI).
    pub name: String,
    /// The serial number it served, lower-case hex.
    pub serial: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_lists_or_words_can_be_written_and_read_back() {
        let answers = [
            Answer::StandingOrders { orders: Vec::new() },
            Answer::RecoveryCodes { codes: vec![Carried::new("abcd".to_owned())] },
            Answer::Granted { token: Carried::new("abcd".to_owned()) },
            Answer::Factor(FactorFacts { since: None, recovery_left: 0 }),
            Answer::CodeGood(CodeGood { recovery: true, recovery_left: 9 }),
            Answer::Done,
        ];

        for answer in answers {
            let text = serde_json::to_string(&Reply::Ok(answer.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), Ok(answer));
        }
    }
}
