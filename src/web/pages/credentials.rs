//! Credentials: where the weak secrets and accounts of FusionPBX are. Never the secret.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{Choice, Mark, Pager};

/// The page at `/passwords/credentials`.
#[derive(Clone, Debug, Template)]
#[template(path = "credentials.html")]
pub struct CredentialsPage {
    /// The frame.
    pub frame: Frame,
    /// The domain of a tenant's own operator; empty where all tenants are shown.
    pub domain: String,
    /// The tenant that the operator has chosen; empty for all.
    pub tenant: String,
    /// `judged 2 hours ago`, or that nobody has looked yet.
    pub age: String,
    /// Whether the visitor may ask for a run.
    pub may_audit: bool,
    /// What the last try came to, where it failed.
    pub failure: Option<String>,
    /// What the newest run found; `None` if there was none.
    pub found: Option<FoundView>,
}

/// What the newest run found.
#[derive(Clone, Debug)]
pub struct FoundView {
    /// The verdict.
    pub mark: Mark,
    /// `412 places with something wrong; 103,118 rows judged in 4 s`.
    pub words: String,
    /// Places by the worst that each has.
    pub severities: Vec<SeverityCount>,
    /// The trend.
    pub trend: Option<TrendView>,
    /// How many places have which reason; of secrets.
    pub secrets: Vec<ReasonRow>,
    /// The same of accounts.
    pub accounts: Vec<ReasonRow>,
    /// The tenants with the most.
    pub tenants: Vec<TenantRow>,
    /// What was not looked at.
    pub gaps: Vec<GapRow>,
    /// The search.
    pub find: CredentialFind,
    /// Lead to plans of new secrets for all places on this page: where to, and in words.
    pub renew: Vec<(String, String)>,
    /// One page of places.
    pub rows: Vec<PlaceRow>,
    /// Where in the list this page is.
    pub pager: Pager,
    /// That not all places are kept; empty if they are.
    pub cut: String,
    /// Where the places lie as CSV and as JSON.
    pub exports: (String, String),
}

/// How many places are how bad.
#[derive(Clone, Debug)]
pub struct SeverityCount {
    /// `critical`.
    pub word: String,
    /// How many.
    pub places: String,
}

/// The trend as a drawing and as text.
#[derive(Clone, Debug)]
pub struct TrendView {
    /// The bars.
    pub bars: Vec<Bar>,
    /// How wide the drawing is, in its own units; its height is 60.
    pub width: u32,
    /// The same in a sentence.
    pub spoken: String,
    /// When it begins and ends.
    pub from: String,
    /// When it ends.
    pub until: String,
    /// The numbers, newest first.
    pub rows: Vec<(String, String)>,
}

/// One piece of a bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Its left end.
    pub x: u32,
    /// Its upper end.
    pub y: u32,
    /// How high it is.
    pub height: u32,
    /// How bad what it stands for is: `critical`.
    pub severity: String,
}

/// How many places have one reason.
#[derive(Clone, Debug)]
pub struct ReasonRow {
    /// Its name.
    pub name: String,
    /// In words.
    pub words: String,
    /// How bad.
    pub severity: String,
    /// The table.
    pub table: String,
    /// How many places.
    pub places: String,
    /// Leads to the places.
    pub href: String,
}

/// One tenant.
#[derive(Clone, Debug)]
pub struct TenantRow {
    /// Its domain.
    pub domain: String,
    /// How many places.
    pub places: String,
    /// Leads to the places.
    pub href: String,
}

/// What was not looked at.
#[derive(Clone, Debug)]
pub struct GapRow {
    /// The table.
    pub table: String,
    /// Why not.
    pub reason: String,
}

/// The search.
#[derive(Clone, Debug)]
pub struct CredentialFind {
    /// The text that was typed.
    pub typed: String,
    /// The chosen tenant's id; empty for all.
    pub tenant: String,
    /// Reasons to choose from.
    pub reasons: Vec<Choice>,
    /// Tables to choose from.
    pub tables: Vec<Choice>,
}

/// One place.
#[derive(Clone, Debug)]
pub struct PlaceRow {
    /// How bad the worst is.
    pub severity: String,
    /// The table.
    pub table: String,
    /// The tenant's domain; empty if it belongs to none.
    pub domain: String,
    /// The extension, the mailbox, the phone and its line.
    pub place: String,
    /// What is wrong: name, words, and what to do.
    pub reasons: Vec<(String, String, String)>,
    /// Leads to the plan of a new secret for it; `None` where Rampart gives none, or not to this visitor.
    pub renew: Option<String>,
}
