//! The start page: all walls at once.

use askama::Template;

use crate::web::fortress::Fortress;
use crate::web::frame::Frame;
use crate::web::parts::{FindingGroup, Link, Mark};

/// The page at `/`.
#[derive(Clone, Debug, Template)]
#[template(path = "walls.html")]
pub struct WallsPage {
    /// The frame.
    pub frame: Frame,
    /// Whether the visitor may ask for a fresh look.
    pub may_look_again: bool,
    /// The verdict over everything in one sentence: `4 findings need you; 3 walls could not be tested.`
    pub summary: String,
    /// Where to begin: the worst finding that fails.
    pub worst: Option<Link>,
    /// The drawing.
    pub fortress: Fortress,
    /// The same as the drawing, as a list, outermost wall first.
    pub walls: Vec<WallRow>,
    /// The score with its working.
    pub score: Score,
    /// All findings by outcome: fail, not tested, accepted, pass.
    pub groups: Vec<FindingGroup>,
    /// The next certificates to expire, or why that is not known.
    pub expiring: Result<Vec<ExpiringRow>, String>,
    /// Pending updates, or why that is not known.
    pub updates: Result<UpdatesCard, String>,
    /// Tenants without a certificate, or why that is not known.
    pub uncovered: Result<UncoveredCard, String>,
}

/// One wall in the list.
#[derive(Clone, Debug)]
pub struct WallRow {
    /// Its name.
    pub title: String,
    /// Its page.
    pub href: String,
    /// Its verdict.
    pub mark: Mark,
    /// `2 fail, 1 not tested`.
    pub words: String,
}

/// The score and how it came about.
#[derive(Clone, Debug)]
pub struct Score {
    /// The number, or `–` if too little could be tested to say one.
    pub value: String,
    /// What the number means: `of 100; judged on 3 of 7 walls`.
    pub words: String,
    /// The working, line by line.
    pub working: Vec<ScoreLine>,
}

/// One line of the score's working.
#[derive(Clone, Debug)]
pub struct ScoreLine {
    /// What is counted: `Start`, a check, a wall.
    pub words: String,
    /// `100`, `−12`, `not counted`.
    pub points: String,
}

/// A certificate that expires soon.
#[derive(Clone, Debug)]
pub struct ExpiringRow {
    /// Its first name.
    pub name: String,
    /// `in 12 days`.
    pub left: String,
    /// The day.
    pub on: String,
    /// Whether that is a worry.
    pub mark: Mark,
}

/// Pending updates in short.
#[derive(Clone, Debug)]
pub struct UpdatesCard {
    /// How many come from the security archive.
    pub security: u32,
    /// How many in all.
    pub all: u32,
    /// `package lists fetched 3 hours ago`.
    pub age: String,
    /// Whether that is a worry.
    pub mark: Mark,
}

/// Tenants without a certificate in short.
#[derive(Clone, Debug)]
pub struct UncoveredCard {
    /// Tenants without a certificate that covers them.
    pub without: u32,
    /// All enabled tenants.
    pub all: u32,
    /// The first of them.
    pub first: Vec<String>,
    /// `and 9 others`; empty if those are all.
    pub more: String,
}
