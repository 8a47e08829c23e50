//! Forms for people who are not signed in, without a word in the store: the form's token is bound to a cookie of this
//! browser by an HMAC under the store's own key, so that a storm of strangers writes nothing and a restart loses no
//! open form (OWASP: Signed Double-Submit Cookie).

use std::time::Duration;

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use subtle::ConstantTimeEq as _;

use crate::base::clock::Timestamp;
use crate::base::encoding::{base64url, from_base64url};
use crate::base::rng::token;
use crate::deeds::Deeds;
use crate::web::cookies;

/// The cookie that a stranger's form is bound to: 128 random bits, until the browser ends. It opens nothing.
pub const COOKIE: &str = "__Host-rampart-form";

/// A stranger's form is taken this long after it was drawn.
const LIFE: Duration = Duration::from_hours(2);

/// What the tag is for.
const PLACE: &str = "forms of strangers";

/// A token for a form, and the cookie to set where the browser has none yet.
pub(super) struct FormToken {
    pub(super) csrf: String,
    cookie: Option<HeaderValue>,
}

impl FormToken {
    /// A token for the browser that sent `headers`.
    pub(super) fn issue(deeds: &Deeds, headers: &HeaderMap) -> Self {
        let fresh = || token(deeds.random.as_ref()).expose().clone();
        let known = browser(headers).map(ToOwned::to_owned);
        let is_new = known.is_none();
        let browser = known.unwrap_or_else(fresh);
        let issued = deeds.clock.now().unix().to_be_bytes();
        let bytes = [issued.as_slice(), &tag(deeds, &browser, issued)].concat();
        let cookie = is_new.then(|| cookies::set(COOKIE, &browser, None)).flatten();
        Self { csrf: base64url(&bytes), cookie }
    }

    /// The answer, with the cookie on it where it is new.
    pub(super) fn on(self, mut response: Response) -> Response {
        if let Some(cookie) = self.cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// Whether `csrf` is a token of ours, for this browser, and not too old.
pub(super) fn holds(deeds: &Deeds, headers: &HeaderMap, csrf: &str) -> bool {
    let (Some(browser), Some(bytes)) = (browser(headers), from_base64url(csrf)) else { return false };
    let Some((issued, given)) = bytes.split_first_chunk::<8>() else { return false };
    if !bool::from(tag(deeds, browser, *issued).ct_eq(given)) {
        return false;
    }
    deeds.clock.now().since(Timestamp::from_unix(i64::from_be_bytes(*issued))) < LIFE
}

fn tag(deeds: &Deeds, browser: &str, issued: [u8; 8]) -> Vec<u8> {
    deeds.store.tag(PLACE, &[issued.as_slice(), browser.as_bytes()].concat())
}

/// What the browser holds, if it has the shape of what we hand out.
fn browser(headers: &HeaderMap) -> Option<&str> {
    let own = |value: &&str| value.len() == 22 && from_base64url(value).is_some();
    cookies::read(headers, COOKIE).filter(own)
}
