//! What stands around every page: name, walls, who is signed in, what just happened.

use crate::web::parts::Mark;

/// The frame that every page extends (`templates/base.html`).
#[derive(Clone, Debug)]
pub struct Frame {
    /// The page's name, in the browser's tab and nowhere else.
    pub title: String,
    /// Which entry of the navigation is here: a wall's slug, `walls`, `trail`, or empty.
    pub slug: String,
    /// Who is signed in. `None` draws the page without navigation.
    pub operator: Option<String>,
    /// The session's CSRF token, for the hidden field `csrf` of every form.
    pub csrf: String,
    /// What the last action did, said once.
    pub flash: Option<Flash>,
    /// The name of the host that is judged.
    pub host: String,
    /// The page that the visitor begins with.
    pub home: String,
    /// Whether the navigation leads to all walls at once.
    pub sees_walls: bool,
    /// Whether the navigation leads to the operators.
    pub manages_operators: bool,
    /// The walls that the visitor may see, outermost first.
    pub walls: Vec<NavWall>,
    /// `looked 2 minutes ago`, or that nothing was looked at yet.
    pub facts_age: String,
    /// Whether this is the demo's invented town.
    pub demo: bool,
    /// Where the stylesheet, the script and the icon lie.
    pub assets: Assets,
}

/// One wall in the navigation.
#[derive(Clone, Debug)]
pub struct NavWall {
    /// Its slug, as [`Frame::slug`] has it.
    pub slug: String,
    /// Its name.
    pub title: String,
    /// Its page.
    pub href: String,
    /// Its verdict.
    pub mark: Mark,
}

/// What the last action did.
#[derive(Clone, Debug)]
pub struct Flash {
    /// How it went.
    pub mark: Mark,
    /// In a sentence.
    pub text: String,
}

/// Addresses of the static files, with the digest of their content in the query.
#[derive(Clone, Debug)]
pub struct Assets {
    /// `/static/rampart.css?v=…`
    pub css: String,
    /// The stylesheet's digest, `sha384-…` (W3C Subresource Integrity).
    pub css_digest: String,
    /// `/static/rampart.js?v=…`
    pub js: String,
    /// The script's digest, `sha384-…`.
    pub js_digest: String,
    /// `/static/favicon.svg?v=…`
    pub icon: String,
}
