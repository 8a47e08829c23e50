//! A setting changed in FusionPBX between reading and saving: nothing was written, the operator decides.

use askama::Template;

use crate::web::frame::Frame;

/// The page that answers 409 to `POST /passwords/settings`.
#[derive(Clone, Debug, Template)]
#[template(path = "passwords_conflict.html")]
pub struct PasswordsConflictPage {
    /// The frame.
    pub frame: Frame,
    /// `Length of generated secrets`.
    pub title: String,
    /// `extension.password_length`.
    pub key: String,
    /// `Global`, or the tenant's name.
    pub place: String,
    /// What the page showed when the operator began.
    pub saw: String,
    /// What the operator wanted.
    pub wanted: String,
    /// What is there now.
    pub now: String,
    /// When it changed, as far as FusionPBX recorded it; may be empty.
    pub changed: String,
    /// Field `scope`, as in [`SettingForm`](super::passwords::SettingForm).
    pub scope: String,
    /// Field `row`.
    pub row: String,
    /// Field `value`: what the operator wanted, as the form sends it.
    pub value: String,
    /// Field `base_value`: what is there now.
    pub base_value: String,
    /// Field `base_enabled`.
    pub base_enabled: String,
    /// Field `base_xmin`.
    pub base_xmin: String,
    /// Where `Keep theirs` goes.
    pub keep_href: String,
}
