//! Judges every secret in FusionPBX's database where it lies, as one stream: nothing is held but one fingerprint of each
//! secret, made with a key that lives as long as the run. No secret leaves this folder.
//!
//! `tables` says where secrets lie in this FusionPBX, and what the role may read; `tenants` whose they are and which
//! policy is in force; `fingerprints` finds what is used twice; `scan` goes through the tables twice, in one snapshot;
//! `users` looks at accounts, `web_passwords` whether theirs are their phones', `powers` at what lets one do more than it
//! should.

mod fingerprints;
mod powers;
mod row;
mod scan;
mod tables;
mod tenants;
mod users;
mod web_passwords;

pub use scan::SecretsError;

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::base::ids::TenantId;
use crate::policy::secrets::{Kind, Reason, Reasons};

/// One row of FusionPBX with something wrong, and what. Never the secret.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table as FusionPBX names it.
    pub table: &'static str,
    /// What kind of secret.
    pub kind: Kind,
    /// The key of the row, by which it is found again.
    pub row: Option<Uuid>,
    /// Whose it is; `None` if it belongs to no tenant that exists, or to all.
    pub tenant: Option<TenantId>,
    /// The tenant's domain; empty without a tenant. Hostile text.
    pub domain: &'a str,
    /// The extension, the mailbox, the phone and its line, the trunk, the user name. Hostile text.
    pub place: &'a str,
    /// Whether the row, what it belongs to and its tenant are switched on.
    pub is_enabled: bool,
    /// What is wrong.
    pub reasons: Reasons,
}

/// A table, or a column of it, that was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTested {
    /// The table.
    pub table: &'static str,
    /// Why not, without secrets.
    pub reason: String,
}

/// What one run came to; the places went to whoever took them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// How many rows of each table were judged.
    pub judged: BTreeMap<&'static str, u64>,
    /// How many places were handed out.
    pub places: u64,
    /// How many of them had each reason.
    pub totals: BTreeMap<&'static str, u64>,
    /// Groups beside `superadmin` with permissions that lead to the host, as `group: permission`; `None`: not looked at.
    pub powers: Option<Vec<String>>,
    /// Settings that are on and go round the password, by name; `None`: not looked at.
    pub login: Option<Vec<String>>,
    /// Superadmins that may sign in from any address, as `name@domain`; `None`: not looked at.
    pub anywhere: Option<Vec<String>>,
    /// Addresses with many refused sign-ins within an hour of the last day, in words; `None`: not looked at.
    pub bursts: Option<Vec<String>>,
    /// Trunks that register without TLS, in words; `None`: not looked at.
    pub plain_trunks: Option<Vec<String>>,
    /// What was not looked at.
    pub not_tested: Vec<NotTested>,
}

impl Audited {
    fn count(&mut self, reasons: Reasons) {
        self.places += 1;
        for reason in reasons.iter() {
            *self.totals.entry(Reason::name(reason)).or_default() += 1;
        }
    }
}
