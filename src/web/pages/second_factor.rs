//! The visitor's second factor: set up, proved, recovery codes.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::Mark;
use crate::web::qr::QrDrawing;

/// The page at `/account/second-factor`.
#[derive(Clone, Debug, Template)]
#[template(path = "second_factor.html")]
pub struct SecondFactorPage {
    /// The frame.
    pub frame: Frame,
    /// How far the visitor has come.
    pub stage: Stage,
    /// What was wrong with the code that was typed.
    pub fault: Option<String>,
}

/// How far the visitor has come.
#[derive(Clone, Debug)]
pub enum Stage {
    /// The agent could not be asked.
    Unread {
        /// Why not.
        reason: String,
    },
    /// There is none: the code that root prints on the host begins it.
    None {
        /// The command that prints it.
        command: String,
    },
    /// There is one.
    Enrolled {
        /// Since when.
        since: String,
        /// How many recovery codes are left.
        recovery_left: u8,
    },
    /// A new seed waits for its first code.
    Prove {
        /// The seed to be scanned and to be typed; not shown again after a wrong code.
        seed: Option<SeedView>,
    },
    /// Recovery codes, shown once.
    Codes {
        /// Each of them.
        codes: Vec<String>,
    },
}

/// A seed, shown once.
#[derive(Clone, Debug)]
pub struct SeedView {
    /// To be scanned.
    pub qr: Option<QrDrawing>,
    /// To be typed: base32 in groups of four.
    pub text: String,
}
