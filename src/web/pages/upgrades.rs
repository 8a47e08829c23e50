//! Upgrades: pending packages, security ones apart.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{FindingView, Mark, WallHead};

/// The page at `/upgrades`.
#[derive(Clone, Debug, Template)]
#[template(path = "upgrades.html")]
pub struct UpgradesPage {
    /// The frame.
    pub frame: Frame,
    /// The verdict at the top.
    pub head: WallHead,
    /// Findings of this wall.
    pub findings: Vec<FindingView>,
    /// The packages, or why they could not be read.
    pub facts: Result<UpgradesView, String>,
}

/// The state of Debian's packages.
#[derive(Clone, Debug)]
pub struct UpgradesView {
    /// Single facts: release, age of the lists, reboot, automatic upgrades, version of FusionPBX.
    pub facts: Vec<FactRow>,
    /// `3 from the security archive, 14 in all`.
    pub words: String,
    /// Pending packages, security ones first.
    pub pending: Vec<PackageGroup>,
    /// Packages held back.
    pub held_back: Vec<String>,
    /// The command that would do it, to copy; empty if nothing is pending.
    pub commands: String,
}

/// One fact.
#[derive(Clone, Debug)]
pub struct FactRow {
    /// `Package lists`.
    pub name: String,
    /// `fetched 3 hours ago`.
    pub value: String,
    /// Whether it is a worry.
    pub mark: Mark,
}

/// Pending packages of one archive.
#[derive(Clone, Debug)]
pub struct PackageGroup {
    /// `3 security updates`.
    pub title: String,
    /// Whether that is a worry.
    pub mark: Mark,
    /// Whether the list is unfolded at first: only a short one is.
    pub open: bool,
    /// The packages by name; never empty.
    pub rows: Vec<PackageRow>,
}

/// One pending package.
#[derive(Clone, Debug)]
pub struct PackageRow {
    /// Its name.
    pub name: String,
    /// The installed version; empty if it would be new.
    pub installed: String,
    /// The version it would become.
    pub candidate: String,
}
