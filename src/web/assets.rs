//! The stylesheet, the script and the icon, built into the program.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use crate::base::encoding::{sha256_hex, sha384_base64};
use crate::web::error::PageError;
use crate::web::frame::Assets;

struct Asset {
    name: &'static str,
    kind: &'static str,
    body: &'static str,
}

const CSS: Asset =
    Asset { name: "rampart.css", kind: "text/css; charset=utf-8", body: include_str!("../../static/rampart.css") };
const JS: Asset = Asset {
    name: "rampart.js",
    kind: "text/javascript; charset=utf-8",
    body: include_str!("../../static/rampart.js"),
};
const ICON: Asset = Asset {
    name: "favicon.svg",
    kind: "image/svg+xml; charset=utf-8",
    body: include_str!("../../static/favicon.svg"),
};

/// Where the files lie, each with the digest of its content, so that a browser may keep it for ever; and what a browser
/// compares before it uses one.
pub(super) fn addresses() -> Assets {
    let address = |asset: &Asset| {
        let digest = sha256_hex(asset.body.as_bytes());
        format!("/static/{}?v={}", asset.name, digest.get(..12).unwrap_or_default())
    };
    let digest = |asset: &Asset| format!("sha384-{}", sha384_base64(asset.body.as_bytes()));
    Assets {
        css: address(&CSS),
        css_digest: digest(&CSS),
        js: address(&JS),
        js_digest: digest(&JS),
        icon: address(&ICON),
    }
}

/// One file.
pub(super) async fn get(Path(file): Path<String>) -> Result<Response, PageError> {
    let asset = [CSS, JS, ICON].into_iter().find(|asset| asset.name == file).ok_or(PageError::NotFound)?;
    let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.body).into_response())
}
