//! Passwords: what FusionPBX generates and checks, and what wins where.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::pages::preset::PresetLink;
use crate::web::pages::preview::{PreviewForm, PreviewView};
use crate::web::parts::{Choice, FindingView, Mark, Pager, Search, TrailRow, WallHead};

/// The page at `/passwords`.
#[derive(Clone, Debug, Template)]
#[template(path = "passwords.html")]
pub struct PasswordsPage {
    /// The frame.
    pub frame: Frame,
    /// The verdict at the top.
    pub head: WallHead,
    /// Whether the visitor may give new secrets.
    pub may_rotate: bool,
    /// Why nothing can be changed here, though it can be read.
    pub read_only: Option<ReadOnly>,
    /// What somebody else changed after Rampart had saved it.
    pub drifted: Vec<DriftRow>,
    /// The settings, or why they could not be read.
    pub policy: Result<Policy, ReadOnly>,
    /// Findings of this wall.
    pub findings: Vec<FindingView>,
    /// Changes made here, newest first.
    pub history: Vec<TrailRow>,
}

/// Why something cannot be done, and how it could be.
#[derive(Clone, Debug)]
pub struct ReadOnly {
    /// Why, in a sentence.
    pub reason: String,
    /// What to do about it, in a sentence; may be empty.
    pub remedy: String,
    /// Commands to copy; may be empty.
    pub commands: String,
}

/// Everything read from FusionPBX's settings.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Global settings by category.
    pub groups: Vec<SettingGroup>,
    /// What tenants override.
    pub overrides: Overrides,
    /// By what the generation of FusionPBX was told, in a sentence.
    pub evidence: String,
    /// Whole policies to choose from.
    pub presets: Vec<PresetLink>,
    /// Secrets among the settings of phones.
    pub secrets: Vec<SecretRow>,
    /// What has to happen for FusionPBX to see a change.
    pub to_be_seen: String,
}

/// A setting that is no longer as Rampart left it.
#[derive(Clone, Debug)]
pub struct DriftRow {
    /// `extension.password_length`, or with the tenant's name.
    pub subject: String,
    /// What Rampart left there.
    pub left: String,
    /// What is there instead.
    pub now: String,
    /// When it was noticed, and what FusionPBX notes of who did it.
    pub words: String,
}

/// A secret among the settings of phones: never its value.
#[derive(Clone, Debug)]
pub struct SecretRow {
    /// `Menu of Fanvil phones`.
    pub title: String,
    /// `provision.fanvil_menu_password`.
    pub key: String,
    /// Whether it is a worry.
    pub mark: Mark,
    /// `set`, `empty`, `shipped default`, `weak`, `not set`.
    pub state: String,
    /// `2 rows count`; may be empty.
    pub rows: String,
    /// `3 tenants have their own, 1 of them weak`; may be empty.
    pub tenants: String,
    /// What it does.
    pub words: String,
}

/// The settings of one category.
#[derive(Clone, Debug)]
pub struct SettingGroup {
    /// An element id, such as `extension`.
    pub anchor: String,
    /// `Extensions (SIP secrets)`.
    pub title: String,
    /// What passwords these are, in a sentence.
    pub words: String,
    /// Its settings.
    pub rows: Vec<SettingRow>,
    /// What they yield, and a form to try others.
    pub preview: Option<(PreviewForm, PreviewView)>,
}

/// One setting.
#[derive(Clone, Debug)]
pub struct SettingRow {
    /// An element id, unique on the page, such as `extension-password_length`.
    pub anchor: String,
    /// `Length of generated secrets`.
    pub title: String,
    /// `extension.password_length`.
    pub key: String,
    /// The value in force, or `not set`.
    pub value: String,
    /// Whether it reaches the floor.
    pub mark: Mark,
    /// Where it comes from: `default setting`, `no row`, `default setting, switched off`.
    pub source: String,
    /// The recommended floor: `20 or more`.
    pub floor: String,
    /// Where FusionPBX enforces it.
    pub enforced: Enforced,
    /// Anything odd, such as several enabled rows.
    pub notes: Vec<String>,
    /// How to change it; `None` if it can only be read.
    pub edit: Option<SettingForm>,
}

/// Where FusionPBX enforces a setting. Most operators believe the opposite.
#[derive(Clone, Debug)]
pub struct Enforced {
    /// `checked when saved`, `generates only`, `not enforced`.
    pub badge: String,
    /// Whether anything is really enforced.
    pub is_enforced: bool,
    /// Where and how, in a sentence.
    pub words: String,
}

/// A form that changes one setting; posts to `/passwords/settings`.
#[derive(Clone, Debug)]
pub struct SettingForm {
    /// An element id, unique on the page, for the field; the fault gets it with `-fault`.
    pub field: String,
    /// Field `scope`: `global`, or the tenant's `domain_uuid`.
    pub scope: String,
    /// Field `key`: `extension.password_length`.
    pub key: String,
    /// Field `row`: the row's uuid, or `missing`.
    pub row: String,
    /// Field `base_value`: the value that the page was drawn with.
    pub base_value: String,
    /// Field `base_enabled`: `true` or `false`.
    pub base_enabled: String,
    /// Field `base_xmin`: PostgreSQL's row version; empty if there is no row.
    pub base_xmin: String,
    /// The field `value`, as it is drawn.
    pub control: Control,
    /// The label of the field: `New length, in characters`.
    pub label: String,
    /// What the button says: `Save the length`.
    pub button: String,
    /// A second button that goes to the floor at once.
    pub raise: Option<Raise>,
    /// What is wrong with what was typed.
    pub fault: Option<String>,
    /// Whether the form is unfolded, as it is after a fault.
    pub open: bool,
}

/// How a value is entered.
#[derive(Clone, Debug)]
pub enum Control {
    /// A whole number, in a text field: a browser's number field would drop what was typed wrongly.
    Number {
        /// What stands in the field.
        typed: String,
        /// The smallest that is taken.
        least: u32,
        /// The largest that is taken.
        most: u32,
    },
    /// One of a list, also for on and off.
    OneOf(Vec<Choice>),
}

/// A button that goes to the floor at once.
#[derive(Clone, Debug)]
pub struct Raise {
    /// Field `value`.
    pub value: String,
    /// `Raise to 20`.
    pub label: String,
}

/// What tenants override.
#[derive(Clone, Debug)]
pub struct Overrides {
    /// `31 overrides in 12 tenants, 4 of them weaker than the global value`.
    pub words: String,
    /// The search box.
    pub search: Search,
    /// One page of them, weaker ones first.
    pub rows: Vec<OverrideRow>,
    /// Where in the list this page is.
    pub pager: Pager,
}

/// One tenant's override.
#[derive(Clone, Debug)]
pub struct OverrideRow {
    /// An element id, unique on the page.
    pub anchor: String,
    /// The tenant's domain name.
    pub tenant: String,
    /// `extension.password_length`.
    pub key: String,
    /// The tenant's value.
    pub value: String,
    /// The global value it stands before.
    pub global: String,
    /// Whether it is a worry.
    pub mark: Mark,
    /// `weaker`, `stronger`, `the same`, `weaker than the floor`.
    pub words: String,
    /// How to change it; `None` if it can only be read.
    pub edit: Option<SettingForm>,
}
