//! Who has an account, and what it is for.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{Choice, Mark};

/// The page at `/operators`.
#[derive(Clone, Debug, Template)]
#[template(path = "operators.html")]
pub struct OperatorsPage {
    /// The frame.
    pub frame: Frame,
    /// The accounts, by name.
    pub accounts: Vec<AccountRow>,
    /// The form that invites; posts `csrf`, `name`, `role`, `domain` to `/operators`.
    pub invite: InviteForm,
    /// Names of tenants to pick from, or why there are none.
    pub tenants: Result<Vec<String>, String>,
    /// What each role may: its word, and a sentence.
    pub roles: Vec<(String, String)>,
}

/// One account.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// An element id, unique on the page: `account-7`.
    pub anchor: String,
    /// The name used to sign in.
    pub name: String,
    /// Whether it is the visitor's own.
    pub is_own: bool,
    /// The role, with the domain of a tenant: `tenant of north.example.test`.
    pub role: String,
    /// When it was added.
    pub since: String,
    /// When somebody last signed in with it: `2026-11-22 18:40 UTC`, `never`.
    pub last_sign_in: String,
    /// How many sessions it has.
    pub sessions: u32,
    /// How it stands.
    pub mark: Mark,
    /// The same in words: `may sign in`, `invited, no password yet`, `disabled`.
    pub state: String,
    /// The form that changes its role.
    pub change: RoleForm,
    /// Where the button posts to that shuts it out; `None` where it is already.
    pub disable: Option<String>,
    /// Where the button posts to that lets it in again.
    pub enable: Option<String>,
    /// Where the button posts to that ends its sessions; `None` where there are none.
    pub end_sessions: Option<String>,
    /// Where the button posts to that makes another link.
    pub invite_again: Option<String>,
}

/// The form that changes a role; posts `csrf`, `role`, `domain`.
#[derive(Clone, Debug)]
pub struct RoleForm {
    /// Where it posts to.
    pub action: String,
    /// The roles.
    pub roles: Vec<Choice>,
    /// The domain that was typed, or is there.
    pub domain: String,
    /// What is wrong with the role.
    pub role_fault: Option<String>,
    /// What is wrong with the domain.
    pub domain_fault: Option<String>,
}

/// The form that invites.
#[derive(Clone, Debug)]
pub struct InviteForm {
    /// The name that was typed.
    pub name: String,
    /// What is wrong with it.
    pub name_fault: Option<String>,
    /// Role and domain.
    pub role: RoleForm,
}

/// The page that shows an invitation's link, once.
#[derive(Clone, Debug, Template)]
#[template(path = "invited.html")]
pub struct InvitedPage {
    /// The frame.
    pub frame: Frame,
    /// Who is invited.
    pub name: String,
    /// The link in full.
    pub link: String,
    /// How long it works: `24 hours`.
    pub valid_for: String,
}
