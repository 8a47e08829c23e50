//! What a preset would change, shown before it is saved.

use askama::Template;

use crate::web::frame::Frame;

/// The page at `/passwords/preset`.
#[derive(Clone, Debug, Template)]
#[template(path = "preset.html")]
pub struct PresetPage {
    /// The frame.
    pub frame: Frame,
    /// `NIST SP 800-63B-4`.
    pub title: String,
    /// What it is about.
    pub words: String,
    /// Why it was not applied, if it was tried.
    pub fault: Option<String>,
    /// What it would change.
    pub steps: Vec<PresetStep>,
    /// `9 settings are so already.`; may be empty.
    pub settled: String,
    /// How many tenants would still be weaker; may be empty.
    pub weaker: String,
    /// What has to happen for FusionPBX to see it.
    pub to_be_seen: String,
    /// How to apply it; `None` if it can only be read.
    pub apply: Option<PresetForm>,
}

/// One setting that a preset would change.
#[derive(Clone, Debug)]
pub struct PresetStep {
    /// What it is.
    pub title: String,
    /// `users.password_length`.
    pub key: String,
    /// What is in force now.
    pub now: String,
    /// What would be.
    pub wanted: String,
    /// What FusionPBX does with it: `checked on save`.
    pub badge: String,
    /// Whether anything is really enforced.
    pub is_enforced: bool,
    /// That, in a sentence.
    pub words: String,
}

/// The form that applies a preset.
#[derive(Clone, Debug)]
pub struct PresetForm {
    /// Field `name`.
    pub name: String,
    /// Field `seen`: which rows, in which versions, the page was drawn with.
    pub seen: String,
    /// `Change 6 settings`.
    pub button: String,
}

/// A link to a preset, on the Passwords page.
#[derive(Clone, Debug)]
pub struct PresetLink {
    /// Where to.
    pub href: String,
    /// Its name.
    pub title: String,
    /// What it is about.
    pub words: String,
}
