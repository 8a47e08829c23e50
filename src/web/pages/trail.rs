//! The trail: who did what, when, from where.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{Pager, Search, TrailRow};

/// The page at `/trail`.
#[derive(Clone, Debug, Template)]
#[template(path = "trail.html")]
pub struct TrailPage {
    /// The frame.
    pub frame: Frame,
    /// The search box.
    pub search: Search,
    /// One page of entries, newest first.
    pub rows: Vec<TrailRow>,
    /// Where in the list this page is.
    pub pager: Pager,
}
