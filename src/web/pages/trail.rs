//! The trail: who did what, when, from where.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{Choice, Mark, Pager, TrailRow};

/// The page at `/trail`.
#[derive(Clone, Debug, Template)]
#[template(path = "trail.html")]
pub struct TrailPage {
    /// The frame.
    pub frame: Frame,
    /// Whether the trail was whole when it was last checked.
    pub state: TrailState,
    /// Where the export lies, for those who may have it.
    pub export: Option<String>,
    /// What is searched for.
    pub find: TrailFind,
    /// One page of entries, newest first.
    pub rows: Vec<TrailRow>,
    /// Where in the list this page is.
    pub pager: Pager,
}

/// Whether the trail was whole when it was last checked.
#[derive(Clone, Debug)]
pub struct TrailState {
    /// How many records there are.
    pub records: String,
    /// The verdict.
    pub mark: Mark,
    /// The verdict in words, with its time.
    pub words: String,
    /// What is wrong, or why it is not known.
    pub details: Vec<String>,
}

/// The search.
#[derive(Clone, Debug)]
pub struct TrailFind {
    /// What the text is looked for in.
    pub label: String,
    /// The text that was typed.
    pub typed: String,
    /// Kinds of acts to choose from.
    pub acts: Vec<Choice>,
    /// Outcomes to choose from.
    pub outcomes: Vec<Choice>,
}
