//! XML RPC and the event socket: what is known of them, and the forms that change them.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::{FindingView, TrailRow, WallHead};

/// The page at `/xml-rpc`.
#[derive(Clone, Debug, Template)]
#[template(path = "xml_rpc.html")]
pub struct XmlRpcPage {
    /// The frame.
    pub frame: Frame,
    /// The verdict at the top.
    pub head: WallHead,
    /// Findings of this wall.
    pub findings: Vec<FindingView>,
    /// What is known, or why nothing is.
    pub facts: Result<SwitchView, String>,
    /// The forms; `None` for who may not change anything, or while nothing is known.
    pub forms: Option<SwitchForms>,
    /// What was changed here.
    pub history: Vec<TrailRow>,
}

/// What is known of FreeSWITCH.
#[derive(Clone, Debug)]
pub struct SwitchView {
    /// Where from, and when.
    pub source: String,
    /// A table for each part.
    pub groups: Vec<SwitchGroup>,
}

/// One part.
#[derive(Clone, Debug)]
pub struct SwitchGroup {
    /// Its heading.
    pub title: String,
    /// What and how; or why it could not be read.
    pub rows: Result<Vec<(String, String)>, String>,
}

/// The forms, filled with what holds now or with what was typed.
#[derive(Clone, Debug)]
pub struct SwitchForms {
    /// XML RPC's port.
    pub port: String,
    /// Its realm.
    pub realm: String,
    /// Its user.
    pub user: String,
    /// What was wrong with what was sent.
    pub fault: Option<String>,
    /// Whether the module is loaded; `None` if nobody knows.
    pub is_loaded: Option<bool>,
    /// Whether it is loaded at the start; `None` if nobody knows.
    pub at_start: Option<bool>,
    /// What FusionPBX must be told where the module's line is changed.
    pub modules_sql: String,
}

/// What a change made: drawn once, in answer to the form.
#[derive(Clone, Debug, Template)]
#[template(path = "xml_rpc_done.html")]
pub struct XmlRpcDonePage {
    /// The frame.
    pub frame: Frame,
    /// What was done.
    pub done: String,
    /// The new password, if one was made.
    pub secret: Option<String>,
    /// What else to know.
    pub notes: Vec<String>,
    /// Commands that restart what must be, or tell FusionPBX.
    pub commands: String,
}
