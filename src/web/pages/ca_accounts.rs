//! Accounts at certificate authorities.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::Mark;

/// The page at `/certificates/accounts`.
#[derive(Clone, Debug, Template)]
#[template(path = "ca_accounts.html")]
pub struct CaAccountsPage {
    /// The frame.
    pub frame: Frame,
    /// The accounts, oldest first.
    pub accounts: Vec<CaAccountRow>,
    /// The form for another one; `None` for whoever may not.
    pub form: Option<CaAccountForm>,
}

/// One account.
#[derive(Clone, Debug)]
pub struct CaAccountRow {
    /// Its number.
    pub id: String,
    /// The CA's directory.
    pub directory: String,
    /// The account's address at the CA.
    pub url: String,
    /// In use, or ended.
    pub mark: Mark,
    /// `in use since 2026-11-22 18:40 UTC`.
    pub words: String,
    /// The contact; may be empty.
    pub contact: String,
    /// The external account that it is bound to; may be empty.
    pub binding: String,
    /// Whether it can be changed by the visitor.
    pub can_change: bool,
}

/// The form for another account; posts `csrf`, `act` (`add`), `directory`, `contact`, `kid`, `key`, `root`, `terms` to
/// `/certificates/accounts`.
#[derive(Clone, Debug)]
pub struct CaAccountForm {
    /// What was typed as the directory.
    pub directory: String,
    /// The contact.
    pub contact: String,
    /// The name of an external account.
    pub kid: String,
    /// The root of a private CA.
    pub root: String,
    /// What is wrong.
    pub fault: Option<String>,
}
