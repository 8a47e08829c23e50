//! The cookie and what a session holds: the operator, the CSRF token, what to say once.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{Entry, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Error as SessionError, Id};
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use crate::base::clock::{Clock, Timestamp};
use crate::base::encoding::sha256_hex;
use crate::base::ids::OperatorId;
use crate::deeds::Deeds;
use crate::deeds::sign_in::Proved;
use crate::store::Store;
use crate::store::sessions::{ADDRESS_KEY, BROWSER_KEY, OPERATOR_KEY, SINCE_KEY, Sessions};
use crate::web::error::PageError;
use crate::wire::grant::SessionMark;

/// The cookie's name: `__Host-` binds it to this name, this path and TLS (RFC 6265bis section 4.1.3.2).
pub const COOKIE: &str = "__Host-rampart";

/// Mends what the layer itself leaves out. A session that could not be kept is a store that does not answer, where it
/// only says 500 without a word; and a browser passes over the end of a `__Host-` cookie that is not marked secure.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Entry::Occupied(mut cookies) = response.headers_mut().entry(SET_COOKIE) {
        for cookie in cookies.iter_mut().filter(|cookie| cookie.as_bytes().starts_with(ENDED.as_bytes())) {
            *cookie = HeaderValue::from_static(FORGET);
        }
    }
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR && response.extensions().get::<Answered>().is_none() {
        return PageError::SessionLost.into_response();
    }
    response
}

/// Stands on every answer that has passed the session's layer.
#[derive(Clone, Copy)]
struct Answered;

/// Marks what handlers answer, so that [`guard`] can tell it from what the layer says for itself.
pub(super) async fn mark(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Answered);
    response
}

/// How the layer says that a cookie is over, and how browsers heed it.
const ENDED: &str = "__Host-rampart=;";
const FORGET: &str = "__Host-rampart=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict";

const CSRF_KEY: &str = "csrf";
const SEEN_KEY: &str = "seen";
const AWAITED_KEY: &str = "awaited";

/// A code is owed for this long after the password.
const AWAITED_FOR: Duration = Duration::from_mins(5);

/// A session is touched at most this often, in seconds.
const TOUCH_SECONDS: i64 = 60;

/// The layer that reads and writes the cookie.
#[must_use]
pub fn layer(store: Store, clock: Arc<dyn Clock>) -> SessionManagerLayer<Sessions> {
    SessionManagerLayer::new(Sessions::new(store, clock))
        .with_name(COOKIE)
        .with_path("/")
        .with_secure(true)
        .with_http_only(true)
        .with_same_site(SameSite::Strict)
        .with_expiry(Expiry::OnSessionEnd)
}

/// The session's CSRF token. It is drawn from the session's id, which the store does not hold either: whoever reads the
/// store can forge no form. A session that nothing was kept of yet is kept from now on.
///
/// # Errors
/// Our own store failed.
pub(super) async fn csrf(session: &Session) -> Result<String, SessionError> {
    if let Some(token) = known_csrf(session).await? {
        return Ok(token);
    }
    session.insert(CSRF_KEY, true).await?;
    if session.id().is_none() {
        // The id is given when the session is first kept.
        session.save().await?;
    }
    Ok(session.id().map(token_of).unwrap_or_default())
}

/// The session's CSRF token, if a page of it has asked for one.
///
/// # Errors
/// Our own store failed.
pub(super) async fn known_csrf(session: &Session) -> Result<Option<String>, SessionError> {
    // Read first: the id of a cookie counts only once its session was found.
    let is_given = session.get::<bool>(CSRF_KEY).await? == Some(true);
    Ok(session.id().filter(|_| is_given).map(token_of))
}

fn token_of(id: Id) -> String {
    sha256_hex(format!("csrf {id}").as_bytes())
}

/// Who has just signed in, and with what.
pub(super) struct SignedIn {
    pub(super) operator: OperatorId,
    pub(super) address: Option<String>,
    pub(super) browser: String,
}

/// Makes the session the operator's, under a new id and with a new CSRF token. Only here a session comes into being.
///
/// # Errors
/// Our own store failed.
pub(super) async fn begin(session: &Session, signed_in: SignedIn, deeds: &Deeds) -> Result<(), SessionError> {
    let now = deeds.clock.now();
    session.clear().await;
    session.cycle_id().await?;
    session.insert(OPERATOR_KEY, signed_in.operator.0).await?;
    session.insert(SINCE_KEY, now.unix()).await?;
    session.insert(SEEN_KEY, now.unix()).await?;
    session.insert(BROWSER_KEY, signed_in.browser).await?;
    if let Some(address) = signed_in.address {
        session.insert(ADDRESS_KEY, address).await?;
    }
    csrf(session).await?;
    Ok(())
}

/// Keeps that this browser has shown a right password and owes a code, under a new id. It opens nothing else.
///
/// # Errors
/// Our own store failed.
pub(super) async fn await_code(session: &Session, proved: &Proved, deeds: &Deeds) -> Result<(), SessionError> {
    session.clear().await;
    session.cycle_id().await?;
    session.insert(AWAITED_KEY, (proved.operator.0, &proved.name, deeds.clock.now().unix())).await?;
    csrf(session).await?;
    Ok(())
}

/// Who owes a code, if that is not too long ago.
///
/// # Errors
/// Our own store failed.
pub(super) async fn awaited(session: &Session, now: Timestamp) -> Result<Option<Proved>, SessionError> {
    let awaited = session.get::<(i64, String, i64)>(AWAITED_KEY).await?;
    let is_fresh = |at: i64| now.since(Timestamp::from_unix(at)) < AWAITED_FOR;
    Ok(awaited.filter(|(_, _, at)| is_fresh(*at)).map(|(operator, name, _)| Proved {
        operator: OperatorId(operator),
        name,
        second_factor: true,
    }))
}

/// Goes on with the session under a new id and with a new CSRF token, as after a password was proved again.
///
/// # Errors
/// Our own store failed.
pub(super) async fn renew(session: &Session) -> Result<(), SessionError> {
    // The token follows from the id.
    session.cycle_id().await
}

/// Ends the session on the server.
///
/// # Errors
/// Our own store failed.
pub(super) async fn end(session: &Session) -> Result<(), SessionError> {
    session.flush().await
}

/// The name under which the agent knows the session; `None` before it is kept.
pub(super) fn mark_of(session: &Session) -> Option<SessionMark> {
    let id = session.id()?.0.to_be_bytes();
    // Not the digest that the store keeps: whoever reads one half learns nothing of the other.
    sha256_hex(&[b"session of the console: ".as_slice(), &id].concat()).parse().ok()
}

/// Who the session belongs to.
///
/// # Errors
/// Our own store failed.
pub(super) async fn operator(session: &Session) -> Result<Option<OperatorId>, SessionError> {
    Ok(session.get::<i64>(OPERATOR_KEY).await?.map(OperatorId))
}

/// Notes that the session is in use, at most once a minute.
///
/// # Errors
/// Our own store failed.
pub(super) async fn touch(session: &Session, now: Timestamp) -> Result<(), SessionError> {
    let seen = session.get::<i64>(SEEN_KEY).await?.unwrap_or(0);
    if now.unix().saturating_sub(seen) >= TOUCH_SECONDS {
        session.insert(SEEN_KEY, now.unix()).await?;
    }
    Ok(())
}
