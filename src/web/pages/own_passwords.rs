//! Passwords, as a tenant's own operator sees them: what holds in one domain, and what it sets for itself.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::pages::passwords::{Control, DriftRow, OverrideRow, SettingGroup};
use crate::web::parts::{Mark, TrailRow};

/// The page at `/passwords` for the role tenant.
#[derive(Clone, Debug, Template)]
#[template(path = "own_passwords.html")]
pub struct OwnPasswordsPage {
    /// The frame.
    pub frame: Frame,
    /// The domain's name.
    pub domain: String,
    /// Why nothing can be changed here, though it can be read.
    pub read_only: Option<String>,
    /// What somebody else changed after it had been saved here.
    pub drifted: Vec<DriftRow>,
    /// The settings, or why they could not be read.
    pub policy: Result<OwnPolicy, String>,
    /// Changes of the domain's settings that were made here, newest first.
    pub history: Vec<TrailRow>,
}

/// What holds in one domain.
#[derive(Clone, Debug)]
pub struct OwnPolicy {
    /// The settings that win there, by category.
    pub groups: Vec<SettingGroup>,
    /// What the domain sets for itself.
    pub overrides: Vec<OverrideRow>,
    /// What has to happen for FusionPBX to see a change.
    pub to_be_seen: String,
}
