//! Sign-in.

use askama::Template;

use crate::web::frame::Frame;

/// The form at `/sign-in`; posts `csrf`, `name`, `password` and perhaps `next` there.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// The frame, without an operator.
    pub frame: Frame,
    /// The name that was typed.
    pub name: String,
    /// The page of ours to go on to, if it is not the first one.
    pub next: Option<String>,
    /// Why it was refused, without saying which half was wrong.
    pub fault: Option<String>,
    /// Whether no operator exists yet, so that nobody can sign in.
    pub nobody_yet: bool,
}
