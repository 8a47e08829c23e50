//! A rotation, batch by batch.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::Mark;

/// The page at `/passwords/rotations/{id}`.
#[derive(Clone, Debug, Template)]
#[template(path = "rotation.html")]
pub struct RotationPage {
    /// The frame.
    pub frame: Frame,
    /// Its number.
    pub id: String,
    /// Who began it, and when.
    pub made: String,
    /// Its batches, in order.
    pub batches: Vec<BatchView>,
    /// New secrets, on the one answer that shows them.
    pub shown: Vec<ShownSecret>,
}

/// A batch.
#[derive(Clone, Debug)]
pub struct BatchView {
    /// An element id: `batch-2`.
    pub anchor: String,
    /// `Batch 2`.
    pub title: String,
    /// How it stands.
    pub mark: Mark,
    /// The same in words.
    pub state: String,
    /// What it is about: `extension 101 of north.example.test`.
    pub items: Vec<String>,
    /// What is to be done next, in a sentence; may be empty.
    pub next: String,
    /// The value of the hidden field `batch`.
    pub id: String,
    /// The buttons: where each posts to, its label, whether it is the main one.
    pub buttons: Vec<(String, String, bool)>,
}

/// A new secret.
#[derive(Clone, Debug)]
pub struct ShownSecret {
    /// `extension 101`.
    pub what: String,
    /// Whose.
    pub tenant: String,
    /// The secret.
    pub secret: String,
}
