//! Whoever was invited sets a password.

use askama::Template;

use crate::web::frame::Frame;

/// The form at `/invitation/{token}`; posts `csrf`, `password`, `again` back to the same address.
#[derive(Clone, Debug, Template)]
#[template(path = "invitation.html")]
pub struct InvitationPage {
    /// The frame, without an operator.
    pub frame: Frame,
    /// Where the form posts to: the page's own address, with the token.
    pub action: String,
    /// Who is invited.
    pub name: String,
    /// The shortest password that is taken, in characters.
    pub shortest: u32,
    /// What is wrong with the password.
    pub password_fault: Option<String>,
    /// What is wrong with its repetition.
    pub again_fault: Option<String>,
}
