//! One order, step by step.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{Link, Mark};

/// The page at `/certificates/orders/{id}`.
#[derive(Clone, Debug, Template)]
#[template(path = "order.html")]
pub struct OrderPage {
    /// The frame.
    pub frame: Frame,
    /// Its number.
    pub id: String,
    /// Its names.
    pub names: Vec<String>,
    /// How it stands.
    pub mark: Mark,
    /// The same in words.
    pub state: String,
    /// Who began it, when, at which CA, with which key.
    pub facts: Vec<(String, String)>,
    /// Its steps, in their order.
    pub steps: Vec<StepRow>,
    /// Whether it goes on: the page then listens for progress.
    pub live: bool,
    /// What went wrong.
    pub failure: Option<OrderFailure>,
    /// What each listener showed after the switch.
    pub proofs: Vec<ProofRow>,
}

/// One step. The event stream sends it as event `step` with JSON `{key, mark, word, at, words}` where `mark` is
/// [`Mark::class`]; event `over` (no data) asks the page to load itself again.
#[derive(Clone, Debug)]
pub struct StepRow {
    /// Its key, such as `challenge`.
    pub key: String,
    /// `Prove control over the name`.
    pub title: String,
    /// Done, failed, under way, or waiting.
    pub mark: Mark,
    /// `done`, `failed`, `under way`, `waiting`.
    pub word: String,
    /// When it ended or began; may be empty.
    pub at: String,
    /// What is known of it; may be empty.
    pub words: String,
}

/// What went wrong with an order.
#[derive(Clone, Debug)]
pub struct OrderFailure {
    /// Where: `at the CA`, `in DNS`, `on this host`.
    pub place: String,
    /// The other side's own words; may be empty.
    pub their_words: String,
    /// What to do next, in a sentence.
    pub next: String,
    /// When it is tried again by itself; may be empty.
    pub again: String,
    /// Where the form posts to that orders again; `None` for whoever may not.
    pub retry: Option<String>,
    /// Where to do it.
    pub onward: Option<Link>,
}

/// What one listener showed.
#[derive(Clone, Debug)]
pub struct ProofRow {
    /// Address and port.
    pub listener: String,
    /// The name asked for.
    pub name: String,
    /// The serial it served.
    pub serial: String,
    /// Whether that is the new one.
    pub mark: Mark,
    /// `the new serial`, `the former one`.
    pub words: String,
}
