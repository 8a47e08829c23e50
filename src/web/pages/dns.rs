//! Where names are proved: credentials for DNS services, and the zones that an operator approved.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{Choice, Mark};

/// The page at `/certificates/dns`.
#[derive(Clone, Debug, Template)]
#[template(path = "dns.html")]
pub struct DnsPage {
    /// The frame.
    pub frame: Frame,
    /// The zones, by name.
    pub zones: Vec<ZoneView>,
    /// The form that approves a zone; posts `csrf`, `zone`, `way`, `credential` to `/certificates/dns/zones`.
    pub approve: ZoneForm,
    /// The credentials, by name.
    pub credentials: Vec<CredentialView>,
    /// The services that a credential can be made for.
    pub services: Vec<Choice>,
}

/// One zone.
#[derive(Clone, Debug)]
pub struct ZoneView {
    /// Its name.
    pub zone: String,
    /// How names in it are proved.
    pub way: String,
    /// With which credential; empty where the way uses none.
    pub credential: String,
    /// Who approved it, and when.
    pub approved: String,
    /// How the last test went.
    pub mark: Mark,
    /// The same in words.
    pub test: String,
    /// When that was; empty if never.
    pub tested: String,
    /// Whether there is something to test.
    pub can_test: bool,
    /// Whether it can be taken away here; what stands in rampart.toml cannot.
    pub can_remove: bool,
}

/// The form that approves a zone.
#[derive(Clone, Debug)]
pub struct ZoneForm {
    /// The zone that was typed.
    pub zone: String,
    /// What is wrong with it.
    pub zone_fault: Option<String>,
    /// The ways.
    pub ways: Vec<Choice>,
    /// The credentials.
    pub credentials: Vec<Choice>,
    /// What is wrong with way and credential.
    pub way_fault: Option<String>,
}

/// One credential.
#[derive(Clone, Debug)]
pub struct CredentialView {
    /// Its name.
    pub name: String,
    /// Its page.
    pub href: String,
    /// Its service.
    pub service: String,
    /// The zones that use it.
    pub zones: Vec<String>,
    /// When it was last changed.
    pub changed: String,
    /// Where the button posts to that deletes it; `None` while zones use it.
    pub delete: Option<String>,
}

/// The page of one credential, new or kept.
#[derive(Clone, Debug, Template)]
#[template(path = "dns_credential.html")]
pub struct CredentialPage {
    /// The frame.
    pub frame: Frame,
    /// `A credential for Cloudflare`.
    pub title: String,
    /// Where the form posts to.
    pub action: String,
    /// The service's id, for the form of a new one; empty for a kept one.
    pub service: String,
    /// The name that was typed, or is kept.
    pub name: String,
    /// What is wrong with it.
    pub name_fault: Option<String>,
    /// The service's fields.
    pub fields: Vec<FieldView>,
    /// Whether only one value can stand at a name there.
    pub holds_one_value: bool,
    /// Whether it is kept already: an empty secret then stays as it is.
    pub is_kept: bool,
}

/// One field.
#[derive(Clone, Debug)]
pub struct FieldView {
    /// Its name in the form, which is its id too.
    pub name: String,
    /// Its label.
    pub label: String,
    /// What was typed, or is kept; always empty for a secret.
    pub value: String,
    /// A few words more.
    pub hint: String,
    /// Whether it must be filled in.
    pub is_needed: bool,
    /// Whether it is a secret.
    pub is_secret: bool,
    /// Whether it takes several lines.
    pub has_lines: bool,
    /// What to choose from; empty for a text.
    pub choices: Vec<Choice>,
    /// What is wrong with it.
    pub fault: Option<String>,
}
