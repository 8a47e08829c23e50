//! The fleet of phones against the certificate that they would get.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::Mark;

/// The page at `/certificates/phones`.
#[derive(Clone, Debug, Template)]
#[template(path = "phones.html")]
pub struct PhonesPage {
    /// The frame.
    pub frame: Frame,
    /// What phones would get, in words.
    pub offered: String,
    /// The fleet, or why it is not known.
    pub fleet: Result<Fleet, String>,
}

/// The fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// `11 phones would stop fetching their settings`.
    pub summary: String,
    /// How bad that is.
    pub mark: Mark,
    /// `9 of 40 have not come back since …`; empty where there was no change.
    pub back: String,
    /// Those that have not, at most 100.
    pub missing: Vec<MissingPhone>,
    /// By maker and fate.
    pub groups: Vec<PhoneGroup>,
}

/// A phone that fetched over TLS before the change, and not since.
#[derive(Clone, Debug)]
pub struct MissingPhone {
    /// Its address.
    pub address: String,
    /// Its tenant.
    pub tenant: String,
    /// Its maker and template.
    pub model: String,
    /// When it last fetched.
    pub fetched: String,
}

/// Phones of one maker with one fate.
#[derive(Clone, Debug)]
pub struct PhoneGroup {
    /// The maker.
    pub vendor: String,
    /// Their templates.
    pub templates: String,
    /// How many.
    pub count: String,
    /// `31 https, 4 http, 5 never`.
    pub methods: String,
    /// Their fate.
    pub mark: Mark,
    /// In words.
    pub words: String,
    /// How that is known.
    pub grade: String,
    /// Why.
    pub note: String,
}
