//! SSH: sshd's effective settings, judged.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{FindingView, WallHead};

/// The page at `/ssh`.
#[derive(Clone, Debug, Template)]
#[template(path = "ssh.html")]
pub struct SshPage {
    /// The frame.
    pub frame: Frame,
    /// The verdict at the top.
    pub head: WallHead,
    /// Findings of this wall.
    pub findings: Vec<FindingView>,
    /// The settings, or why they could not be read.
    pub facts: Result<SshFactsView, String>,
}

/// sshd's settings.
#[derive(Clone, Debug)]
pub struct SshFactsView {
    /// `OpenSSH_9.2p1 …`.
    pub version: String,
    /// `sshd -T`, read at this time.
    pub source: String,
    /// One table for each kind of visitor.
    pub contexts: Vec<SshContextView>,
}

/// The settings for one kind of visitor.
#[derive(Clone, Debug)]
pub struct SshContextView {
    /// `everyone`, `root from 203.0.113.5`.
    pub visitor: String,
    /// `as for everyone, but for 2 settings`; may be empty.
    pub words: String,
    /// Whether it is unfolded at first.
    pub open: bool,
    /// Key and value.
    pub settings: Vec<(String, String)>,
}
