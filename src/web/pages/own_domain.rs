//! What a tenant's own operator sees while there is nothing to show of the domain.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::parts::Mark;

/// The page in place of any other.
#[derive(Clone, Debug, Template)]
#[template(path = "own_domain.html")]
pub struct OwnDomainPage {
    /// The frame.
    pub frame: Frame,
    /// The domain's name as last seen.
    pub domain: String,
    /// How it stands.
    pub mark: Mark,
    /// The same in a word: `not tested`, `switched off`, `gone`.
    pub word: String,
    /// Why there is nothing to see.
    pub sentence: String,
}
