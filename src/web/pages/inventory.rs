//! Every certificate of the host: files, listeners, tools, and how long each lives.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::Mark;
use crate::web::timeline::Timeline;

/// The page at `/certificates/inventory`.
#[derive(Clone, Debug, Template)]
#[template(path = "inventory.html")]
pub struct InventoryPage {
    /// The frame.
    pub frame: Frame,
    /// What was found, or why nothing is known.
    pub found: Result<Found, String>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// When.
    pub age: String,
    /// The lifetimes.
    pub timeline: Timeline,
    /// What ends soon, or has ended, worst first.
    pub ending: Vec<Ending>,
    /// What each listener serves.
    pub listeners: Vec<ListenerRow>,
    /// How many listeners do not speak TLS.
    pub plain: String,
    /// The files.
    pub files: Vec<FileRow>,
    /// Whether more were found than are shown.
    pub cut: bool,
    /// Tools that renew certificates here.
    pub tools: Vec<ToolRow>,
}

/// A certificate that ends soon.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Its names.
    pub names: String,
    /// Where it is.
    pub place: String,
    /// `4 d left`.
    pub words: String,
    /// How bad that is.
    pub mark: Mark,
}

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenerRow {
    /// Address and port.
    pub address: String,
    /// The names of what it serves to a client without a name.
    pub names: String,
    /// Who signed it.
    pub issuer: String,
    /// Until when.
    pub until: String,
    /// How it stands.
    pub mark: Mark,
    /// In words.
    pub words: String,
    /// The file that holds the same certificate.
    pub file: String,
    /// `TLS 1.3`, and how many certificates were sent.
    pub protocol: String,
}

/// One file.
#[derive(Clone, Debug)]
pub struct FileRow {
    /// An element id.
    pub anchor: String,
    /// Where it lies.
    pub path: String,
    /// Who uses it.
    pub used_by: String,
    /// Its names, or why it has none.
    pub names: String,
    /// Who signed it, and its kind of key.
    pub issuer: String,
    /// From when to when.
    pub dates: String,
    /// How it stands.
    pub mark: Mark,
    /// In words.
    pub words: String,
    /// Who can read its key.
    pub key: String,
    /// Whether the key is closed to others and fits.
    pub key_mark: Mark,
    /// The listeners that serve it.
    pub served_at: String,
}

/// One tool.
#[derive(Clone, Debug)]
pub struct ToolRow {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub directory: String,
    /// What it keeps.
    pub kept: String,
    /// What starts it.
    pub timers: String,
}
