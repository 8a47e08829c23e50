//! The first operator, by the one-time link that the terminal showed.

use askama::Template;

use crate::web::frame::Frame;

/// The form at `/setup/{token}`; posts `csrf`, `name`, `password`, `again` back to the same address.
#[derive(Clone, Debug, Template)]
#[template(path = "setup.html")]
pub struct SetupPage {
    /// The frame, without an operator.
    pub frame: Frame,
    /// Where the form posts to: the page's own address, with the token.
    pub action: String,
    /// The name that was typed.
    pub name: String,
    /// The shortest password that is taken, in characters.
    pub shortest: u32,
    /// How long the link still works: `28 minutes`.
    pub valid_for: String,
    /// What is wrong with the name.
    pub name_fault: Option<String>,
    /// What is wrong with the password.
    pub password_fault: Option<String>,
    /// What is wrong with its repetition.
    pub again_fault: Option<String>,
}
