//! New secrets for extensions, mailboxes and devices, where FusionPBX keeps them.
//!
//! An extension's secret stands twice: in `v_extensions`, and in every line of a phone that registers as it. FusionPBX
//! changes both when an extension is saved (`app/extensions/extension_edit.php`: lines of the same domain whose
//! `server_address` is the domain's name and whose `user_id` is the extension); so do we, in one transaction.

mod plan;
mod write;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::secret::Secret;
use crate::fusionpbx::tenants::Tenant;

pub use write::RotateError;

/// What can be given a new secret. A gateway's is the carrier's to choose, and a user's belongs to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// `v_extensions.password`, with its copies in `v_device_lines.password`.
    Extension,
    /// `v_voicemails.voicemail_password`.
    Mailbox,
    /// `v_devices.device_password`, with which a phone fetches its settings.
    Device,
}

impl SecretKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Extension, Self::Mailbox, Self::Device];

    /// The word in addresses, on the command line and in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Extension => "extension",
            Self::Mailbox => "mailbox",
            Self::Device => "device",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    const fn columns(self) -> Columns {
        match self {
            Self::Extension => {
                Columns { table: "v_extensions", id: "extension_uuid", secret: "password", enabled: "enabled" }
            }
            Self::Mailbox => Columns {
                table: "v_voicemails",
                id: "voicemail_uuid",
                secret: "voicemail_password",
                enabled: "voicemail_enabled",
            },
            Self::Device => Columns {
                table: "v_devices",
                id: "device_uuid",
                secret: "device_password",
                enabled: "device_enabled",
            },
        }
    }
}

/// Where a kind of secret stands.
#[derive(Clone, Copy, Debug)]
struct Columns {
    table: &'static str,
    id: &'static str,
    secret: &'static str,
    enabled: &'static str,
}

/// A row whose secret is to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// Of which kind.
    pub kind: SecretKind,
    /// Its key.
    pub id: Uuid,
}

/// What would change, as it was read: a plan holds only as long as nothing of it moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSecret {
    /// The row.
    pub target: Target,
    /// Whose it is.
    pub tenant: Tenant,
    /// The extension's or mailbox's number, or the device's address. Hostile text, like everything here.
    pub place: String,
    /// Whether it is switched on.
    pub is_enabled: bool,
    /// Its version.
    pub xmin: String,
    /// The names that FreeSWITCH and FusionPBX keep it under in their caches, such as `101@tenant.example`.
    pub directory: Vec<String>,
    /// The lines of phones that change with it.
    pub lines: Vec<PhoneLine>,
    /// Lines of phones that register as it at another server; they stay as they are.
    pub lines_elsewhere: u64,
}

/// A line of a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneLine {
    /// `device_line_uuid`.
    pub id: Uuid,
    /// Its version.
    pub xmin: String,
    /// Its number on the phone.
    pub number: String,
    /// The phone.
    pub phone: Phone,
}

/// A phone that must fetch its settings again.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Phone {
    /// Its hardware address, as FusionPBX has it.
    pub address: String,
    /// `device_label`.
    pub label: String,
    /// `device_vendor`; empty if nobody said.
    pub vendor: String,
    /// `device_template`.
    pub template: String,
    /// How it fetched its settings last: `http`, `https` or `tftp`; empty if it never did.
    pub method: String,
    /// When, in words of the database; empty if it never did.
    pub fetched: String,
}

/// What was there before, to put it back. Never printed.
#[derive(Debug)]
pub struct FormerSecret {
    /// The row.
    pub target: Target,
    /// Its secret; `None` where there was NULL.
    pub secret: Option<Secret<String>>,
    /// The lines' own, which may have differed.
    pub lines: Vec<(Uuid, Option<Secret<String>>)>,
}

/// One change of a batch: what was planned, and the new secret.
#[derive(Debug)]
pub struct NewSecret {
    /// What was planned.
    pub planned: PlannedSecret,
    /// The secret that it gets.
    pub secret: Secret<String>,
}

/// The versions that a change left: undo changes only what nobody has touched since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftVersions {
    /// The row.
    pub target: Target,
    /// Its version.
    pub xmin: String,
    /// The lines and their versions.
    pub lines: Vec<(Uuid, String)>,
}

/// How a secret stands against the two that a change was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It is the former one.
    Former,
    /// It is the new one.
    New,
    /// It is neither: somebody else changed it, or the row is gone.
    Neither,
}
