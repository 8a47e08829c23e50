//! FreeSWITCH's certificate: what is served, what waits, and the forms that order one and restart profiles.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::pages::xml_rpc::SwitchView;
use crate::web::parts::{Choice, Mark};

/// The page at `/certificates/freeswitch`.
#[derive(Clone, Debug, Template)]
#[template(path = "switch_certificate.html")]
pub struct SwitchCertificatePage {
    /// The frame.
    pub frame: Frame,
    /// What is known, or why nothing is.
    pub facts: Result<SwitchView, String>,
    /// What each TLS listener serves.
    pub listeners: Vec<SwitchListener>,
    /// Why a certificate that lies there is not served yet; empty if nothing waits.
    pub pending: String,
    /// The profiles, with what a restart would drop.
    pub profiles: Vec<SwitchProfile>,
    /// Whether the visitor may restart profiles and order.
    pub may_change: bool,
    /// The order form, or why nothing can be ordered.
    pub order: Result<SwitchOrderForm, String>,
}

/// One listener.
#[derive(Clone, Debug)]
pub struct SwitchListener {
    /// Address and port.
    pub address: String,
    /// Whether it serves what lies on the disk.
    pub mark: Mark,
    /// In words.
    pub words: String,
    /// Its names.
    pub names: String,
    /// Until when it is valid; empty if nothing was served.
    pub until: String,
}

/// One profile.
#[derive(Clone, Debug)]
pub struct SwitchProfile {
    /// Its name.
    pub name: String,
    /// `on, port 5061`, or how to turn it on.
    pub tls: String,
    /// The same of secure WebSocket.
    pub wss: String,
    /// `3 call legs are up`.
    pub calls: String,
    /// Whether a restart would drop calls.
    pub has_calls: bool,
}

/// The order form.
#[derive(Clone, Debug)]
pub struct SwitchOrderForm {
    /// The names, one a line.
    pub names: String,
    /// What was wrong with them.
    pub fault: Option<String>,
    /// Kinds of key.
    pub keys: Vec<Choice>,
}
