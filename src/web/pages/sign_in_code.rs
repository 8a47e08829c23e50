//! The second step of a sign-in.

use askama::Template;

use crate::web::frame::Frame;

/// The form at `/sign-in/code`; posts `csrf` and `code` there.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in_code.html")]
pub struct SignInCodePage {
    /// The frame, without an operator.
    pub frame: Frame,
    /// Whose password was right.
    pub name: String,
    /// What was wrong with the code.
    pub fault: Option<String>,
}
