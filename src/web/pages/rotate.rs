//! New secrets: choosing for what, and the plan before anything is done.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{Choice, Mark};

/// The page at `/passwords/rotate`.
#[derive(Clone, Debug, Template)]
#[template(path = "rotate.html")]
pub struct RotatePage {
    /// The frame.
    pub frame: Frame,
    /// What is asked for; a GET form to the page itself.
    pub ask: RotateAsk,
    /// What would be done; `None` as long as nothing was asked for.
    pub plan: Option<RotatePlan>,
    /// Rotations that were begun before.
    pub earlier: Vec<EarlierRotation>,
}

/// The form that chooses.
#[derive(Clone, Debug)]
pub struct RotateAsk {
    /// Extension, mailbox, device.
    pub kinds: Vec<Choice>,
    /// The tenant's name as typed.
    pub tenant: String,
    /// What is wrong with it.
    pub tenant_fault: Option<String>,
    /// Numbers as typed.
    pub places: String,
    /// What is wrong with them.
    pub places_fault: Option<String>,
    /// Tenants to pick from.
    pub tenants: Vec<String>,
    /// Something that concerns no field.
    pub fault: Option<String>,
}

/// What would be done.
#[derive(Clone, Debug)]
pub struct RotatePlan {
    /// `12 extensions of north.example.test get new secrets`.
    pub title: String,
    /// How each new one is made.
    pub recipes: Vec<String>,
    /// What is to be known first, each with a mark.
    pub notes: Vec<(Mark, String)>,
    /// The rows.
    pub rows: Vec<PlanRow>,
    /// Phones that must fetch their settings again: vendor, how they fetched them last, how many.
    pub phones: Vec<(String, String, String)>,
    /// Where devices are registered from: the address, how many with these accounts, how many of the whole switch.
    pub sources: Vec<(String, String, String)>,
    /// For how many minutes those addresses are to pass fail2ban's SIP jails, as it stands in the field; `None` if no device is
    /// registered or that is not known.
    pub pass: Option<String>,
    /// Hidden fields of the form that does it.
    pub kind: String,
    /// The same.
    pub tenant: String,
    /// The same.
    pub places: String,
    /// The same: says whether the plan is still the one that was shown.
    pub digest: String,
    /// How many at once, as it stands in the field.
    pub size: String,
    /// Whether it can be done at all; else why not.
    pub refusal: Option<String>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct PlanRow {
    /// `extension 101`.
    pub what: String,
    /// Whose.
    pub tenant: String,
    /// Its phones, each with its line.
    pub phones: Vec<String>,
    /// `switched off`, `2 lines at another server stay as they are`; may be empty.
    pub note: String,
}

/// A rotation that was begun before.
#[derive(Clone, Debug)]
pub struct EarlierRotation {
    /// Its page.
    pub href: String,
    /// `Rotation 7`.
    pub words: String,
    /// When and by whom.
    pub made: String,
    /// `2 of 3 batches done`.
    pub state: String,
}
