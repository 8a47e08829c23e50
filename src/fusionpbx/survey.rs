//! What one look at FusionPBX's database says about its walls, as plain data for the checks.

use serde::{Deserialize, Serialize};

/// The facts of one look. A part that could not be read says why and is never taken for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// `v_software.software_version` of the row FusionPBX, as fresh as FusionPBX's last upgrade run.
    pub version: Option<String>,
    /// The role we are logged in as.
    pub role: Role,
    /// Enabled tenants (`v_domains`).
    pub tenants: Part<Vec<String>>,
    /// The password settings that win globally, and the tenants that override them with something weaker.
    pub policy: Part<PolicyFacts>,
    /// The accounts that may sign in to FusionPBX.
    pub users: Part<UserFacts>,
    /// Provisioning of phones over HTTP.
    pub provisioning: Part<ProvisioningFacts>,
    /// Access control lists of the switch.
    pub access_lists: Part<Vec<AccessList>>,
}

/// A part of the survey, or why it could not be read (a missing grant, a missing column).
pub type Part<T> = Result<T, String>;

/// The database role in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it is a superuser; then Rampart only reads.
    pub superuser: bool,
    /// Whether it may update default settings.
    pub may_write_settings: bool,
    /// Roles that may log in and are superusers, besides `postgres`.
    pub superusers: Vec<String>,
}

/// Password settings in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFacts {
    /// Global settings, one for each known password setting.
    pub global: Vec<EffectiveSetting>,
    /// How many tenants have an enabled override that is weaker than the global value.
    pub weaker_tenants: u64,
    /// The first of them, as `tenant: category.subcategory = value`, at most 20.
    pub weaker_examples: Vec<String>,
}

/// One setting and the value that wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveSetting {
    /// Category, such as `extension`.
    pub category: String,
    /// Subcategory, such as `password_length`.
    pub subcategory: String,
    /// The winning value; `None` if no enabled row has one.
    pub value: Option<String>,
    /// How many enabled rows there are; more than one is a fault.
    pub enabled_rows: u32,
}

/// Accounts of FusionPBX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFacts {
    /// Enabled accounts.
    pub enabled: u64,
    /// Enabled members of `superadmin`, as `user@domain`, at most 20.
    pub superadmins: Vec<String>,
    /// How many enabled members of `superadmin` there are.
    pub superadmin_count: u64,
    /// Enabled members of `superadmin` or `admin` without a TOTP secret; an error where the column does not exist or may not be read.
    pub admins_without_totp: Part<u64>,
    /// Enabled accounts whose stored hash is not bcrypt or argon2 (judged inside the database, the hash never leaves it).
    pub legacy_hashes: Part<u64>,
    /// Enabled accounts with an API key, which signs in without a second factor.
    pub with_api_key: Part<u64>,
}

/// Provisioning settings that win globally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningFacts {
    /// `provision.enabled`.
    pub enabled: bool,
    /// `provision.http_auth_enabled`.
    pub http_auth_enabled: bool,
    /// Whether `provision.http_auth_username` has a value.
    pub has_username: bool,
    /// Whether `provision.http_auth_password` has a value.
    pub has_password: bool,
    /// The networks of `provision.cidr`.
    pub networks: Vec<String>,
    /// `provision.auto_insert_enabled`.
    pub auto_insert: bool,
}

/// One list of `v_access_controls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// Its default: `allow` or `deny`.
    pub default: String,
    /// Networks of its `allow` nodes, with their descriptions.
    pub allows: Vec<(String, String)>,
}
