//! Who calls at the door: the address, what the browser says of itself, what its cookies say.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::response::Response;
use tokio::time::Instant;

use crate::base::chain::printable;
use crate::base::secret::Secret;
use crate::store::StoreError;
use crate::store::devices::{DEVICE_LIFETIME, device_digest};
use crate::web::cookies;
use crate::web::state::AppState;

/// The cookie of a known device: 128 random bits, for 90 days. It opens nothing; it keeps a place for its operator.
pub const DEVICE_COOKIE: &str = "__Host-rampart-device";

/// Of what a browser says of itself, so many characters are kept.
const MOST_LETTERS: usize = 160;

/// One call, from its arrival on. Stands first among a handler's arguments: what comes after it takes time.
pub(super) struct Caller {
    pub(super) arrived: Instant,
    pub(super) address: Option<IpAddr>,
    pub(super) headers: HeaderMap,
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        let arrived = Instant::now();
        let address = app.edge.in_front.client(parts);
        Ok(Self { arrived, address, headers: parts.headers.clone() })
    }
}

impl Caller {
    /// The address as the trail has it.
    pub(super) fn address(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// What the browser says of itself, printable and cut.
    pub(super) fn browser(&self) -> String {
        let said = self.headers.get(USER_AGENT).map(|said| String::from_utf8_lossy(said.as_bytes()).into_owned());
        let said: String = said.unwrap_or_default().chars().take(MOST_LETTERS).collect();
        printable(&said)
    }

    /// What the cookie of a known device holds, whether we know it or not.
    pub(super) fn device(&self) -> Option<Secret<String>> {
        let is_own = |value: &&str| value.len() == 22;
        cookies::read(&self.headers, DEVICE_COOKIE).filter(is_own).map(|value| Secret::new(value.to_owned()))
    }

    /// The digest of the device's cookie, if the device is one of the operator called `name`.
    ///
    /// # Errors
    /// Our own store failed.
    pub(super) async fn device_of(&self, app: &AppState, name: &str) -> Result<Option<String>, StoreError> {
        let Some(device) = self.device() else { return Ok(None) };
        let digest = device_digest(device.expose());
        let is_theirs = app.deeds.store.is_device_of(&digest, name, app.deeds.clock.now()).await?;
        Ok(is_theirs.then_some(digest))
    }
}

/// Puts the device's cookie on the answer, for 90 days more.
pub(super) fn remember_device(response: &mut Response, device: &Secret<String>) {
    if let Some(cookie) = cookies::set(DEVICE_COOKIE, device.expose(), Some(DEVICE_LIFETIME.as_secs())) {
        response.headers_mut().append(axum::http::header::SET_COOKIE, cookie);
    }
}
