//! What is shown instead of a page that could not be.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::Link;

/// An error: a plain sentence, what to do, and a reference number under which the log has the cause.
#[derive(Clone, Debug, Template)]
#[template(path = "fault.html")]
pub struct FaultPage {
    /// The frame, with or without an operator.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// The heading: `This page is not here`.
    pub heading: String,
    /// What happened, in a sentence.
    pub sentence: String,
    /// What the operator can do, a sentence each.
    pub steps: Vec<String>,
    /// The number under which the log has the cause; empty if nothing was logged.
    pub reference: String,
    /// Where to go from here.
    pub onward: Option<Link>,
}
