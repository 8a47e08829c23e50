//! The last step before an act that reaches root: what it does, and the code that allows it.

use askama::Template;

use crate::web::frame::Frame;

/// Drawn instead of an answer to a form whose act needs a code; posts everything once more, with `code`.
#[derive(Clone, Debug, Template)]
#[template(path = "step_up.html")]
pub struct StepUpPage {
    /// The frame.
    pub frame: Frame,
    /// What is about to be done, as a heading.
    pub title: String,
    /// What it allows and changes, a line each.
    pub plan: Vec<String>,
    /// Where the form posts to.
    pub action: String,
    /// What was sent before, name and value, to be sent again.
    pub fields: Vec<(String, String)>,
    /// The words of the button.
    pub button: String,
    /// Whether the operator has a second factor; without one only the way to set one up is shown.
    pub enrolled: bool,
    /// Whether a new secret is typed beside the code.
    pub wants_secret: bool,
    /// What was wrong with that.
    pub secret_fault: Option<String>,
    /// What was wrong with the code.
    pub fault: Option<String>,
    /// Where to go instead.
    pub back: String,
}
