//! The one place where an error becomes a status, a heading and a sentence. The cause goes to the log under a
//! reference number, never to the page.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{error, warn};

use crate::base::chain::Chain;
use crate::base::clock::spoken;
use crate::base::rng::Random;
use crate::store::StoreError;
use crate::web::frame::Frame;
use crate::web::next;
use crate::web::pages::fault::FaultPage;
use crate::web::parts::Link;
use crate::web::state::AppState;
use crate::web::{door, routes, view};

/// Why a page could not be drawn as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignInFirst,
    /// The visitor's role does not reach so far.
    #[error("the visitor's role may not")]
    NotForRole,
    /// There is no such page, or no such row.
    #[error("there is no such page")]
    NotFound,
    /// The form lacks the session's token: the session is over, or the page was kept too long.
    #[error("the form is from another session")]
    StaleForm,
    /// Another site asked for it.
    #[error("the request came from another site")]
    CrossSite,
    /// The request is for another host name.
    #[error("the request is for another host")]
    WrongHost,
    /// The form cannot be read.
    #[error("the form cannot be read: {0}")]
    BadForm(String),
    /// The body is over 64 KiB.
    #[error("the request is too large")]
    TooLarge,
    /// Too many tries; after so long the next one is looked at.
    #[error("too many tries")]
    TooMany(Duration),
    /// Too many event streams in one session.
    #[error("too many streams in one session")]
    TooManyStreams,
    /// Our own store failed.
    #[error("Rampart's own store failed")]
    Store(#[from] StoreError),
    /// The session could not be read or written.
    #[error("the session could not be kept")]
    Session(#[from] tower_sessions::session::Error),
    /// The session could not be written when all else was done.
    #[error("the session could not be kept; the line above says why")]
    SessionLost,
    /// A template failed.
    #[error("the page could not be drawn")]
    Template(#[from] askama::Error),
}

/// What is carried out of a handler for [`draw`] to make a page of.
#[derive(Clone)]
struct Fault(Arc<PageError>);

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = words(&self).0;
        let mut response = status.into_response();
        match &self {
            Self::TooMany(wait) => drop(response.headers_mut().insert(RETRY_AFTER, door::retry_after(*wait))),
            Self::TooManyStreams => drop(response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"))),
            _ => {}
        }
        response.extensions_mut().insert(Fault(Arc::new(self)));
        response
    }
}

/// Draws a page for every answer that has none: our own errors, and the router's 404, 405 and 413.
pub(super) async fn draw(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let target = request.uri().path_and_query().filter(|_| reads).map(ToString::to_string).unwrap_or_default();
    let response = next.run(request).await;
    let status = response.status();
    let fault = response.extensions().get::<Fault>().map(|fault| fault.0.clone());
    let is_bare = is_bare(&response);
    if fault.is_none() && !(is_bare && (status.is_client_error() || status.is_server_error())) {
        return response;
    }
    if let Some(PageError::SignInFirst) = fault.as_deref()
        && !is_api
    {
        let mut onward = (StatusCode::SEE_OTHER, [(LOCATION, next::sign_in_for(&target))]).into_response();
        for cookie in response.headers().get_all(SET_COOKIE) {
            onward.headers_mut().append(SET_COOKIE, cookie.clone());
        }
        return onward;
    }
    let random = app.deeds.random.as_ref();
    let reference = match fault.as_deref() {
        Some(fault) => log(fault, random),
        None if status.is_server_error() => {
            let reference = reference(random);
            error!(reference, "A request ended in {status}; a line above may say why");
            reference
        }
        None => String::new(),
    };
    let words = fault.as_deref().map_or_else(|| words_for(status), words);
    page(&app, words, &reference, &response, is_api)
}

/// Whether an answer has no page: none at all, or the one line that axum writes where an address cannot be read.
fn is_bare(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_none_or(|kind| kind.starts_with(b"text/plain"))
}

fn page(
    app: &AppState,
    (status, heading, sentence): (StatusCode, &str, &str),
    reference: &str,
    former: &Response,
    is_api: bool,
) -> Response {
    let fault = former.extensions().get::<Fault>();
    let is_stale = fault.is_none_or(|fault| !matches!(*fault.0, PageError::NotForRole));
    let body = if is_api {
        let body = serde_json::json!({ "error": sentence, "reference": reference });
        (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    } else {
        let frame = Frame { title: heading.to_owned(), ..view::bare_frame(app) };
        let page = FaultPage {
            frame,
            status: status.as_u16(),
            heading: heading.to_owned(),
            sentence: sentence.to_owned(),
            steps: steps(status, is_stale, former.headers()),
            reference: reference.to_owned(),
            onward: Some(Link { href: routes::WALLS.to_owned(), words: "To the walls".to_owned() }),
        };
        let text = askama::Template::render(&page).unwrap_or_else(|_| format!("{heading}. {sentence}"));
        (status, axum::response::Html(text)).into_response()
    };
    let (mut parts, body) = body.into_parts();
    // What the former answer said in its headers still holds: a cookie, Allow, Retry-After.
    for (name, value) in former.headers() {
        if *name != CONTENT_TYPE && *name != axum::http::header::CONTENT_LENGTH {
            parts.headers.append(name, value.clone());
        }
    }
    Response::from_parts(parts, body)
}

/// Logs what the operator cannot mend from the page. Answers the reference, empty if nothing was logged.
fn log(fault: &PageError, random: &dyn Random) -> String {
    let reference = reference(random);
    let cause = Chain(fault);
    match fault {
        PageError::Store(_) | PageError::Session(_) | PageError::SessionLost | PageError::Template(_) => {
            error!(reference, "A page failed: {cause}");
        }
        PageError::CrossSite | PageError::WrongHost | PageError::BadForm(_) => {
            warn!(reference, "A request was refused: {cause}");
        }
        _ => return String::new(),
    }
    reference
}

/// What a page and a line of the log have in common.
fn reference(random: &dyn Random) -> String {
    let mut bytes = [0_u8; 4];
    random.fill(&mut bytes);
    crate::base::encoding::hex(&bytes)
}

fn words(fault: &PageError) -> (StatusCode, &'static str, &'static str) {
    match fault {
        PageError::SignInFirst => {
            (StatusCode::UNAUTHORIZED, "Sign in first", "This needs a session, and there is none or it is over.")
        }
        PageError::NotForRole => (
            StatusCode::FORBIDDEN,
            "Not with this role",
            "Your account's role does not reach this. Nothing was changed. An operator can change the role.",
        ),
        PageError::NotFound => words_for(StatusCode::NOT_FOUND),
        PageError::StaleForm => (
            StatusCode::FORBIDDEN,
            "This form is too old",
            "It belongs to a session that is over, or was opened before you signed in. Nothing was changed.",
        ),
        PageError::CrossSite => (
            StatusCode::FORBIDDEN,
            "Not from one of our pages",
            "The browser says that another site sent this. Nothing was changed.",
        ),
        PageError::WrongHost => (
            StatusCode::MISDIRECTED_REQUEST,
            "Another name",
            "Rampart does not answer under this host name. Its own names stand in [console] names of rampart.toml.",
        ),
        PageError::BadForm(_) => words_for(StatusCode::BAD_REQUEST),
        PageError::TooLarge => words_for(StatusCode::PAYLOAD_TOO_LARGE),
        PageError::TooMany(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many tries",
            "There were too many tries, or too many at once. Nothing was checked.",
        ),
        PageError::TooManyStreams => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many pages follow orders",
            "This session follows two orders already. The page itself is up to date each time it is loaded.",
        ),
        PageError::Store(_) | PageError::Session(_) | PageError::SessionLost => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Rampart cannot reach its own store",
            "The file with Rampart's own state does not answer. Nothing was changed in FusionPBX or on the host.",
        ),
        PageError::Template(_) => words_for(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn words_for(status: StatusCode) -> (StatusCode, &'static str, &'static str) {
    let (heading, sentence) = match status {
        StatusCode::NOT_FOUND => {
            ("This page is not here", "There is no page under this address, or what it showed is gone.")
        }
        StatusCode::METHOD_NOT_ALLOWED => ("Not in this way", "This address does not take that kind of request."),
        StatusCode::PAYLOAD_TOO_LARGE => ("Too large", "A request may have at most 64 KiB. Nothing was read of it."),
        StatusCode::LENGTH_REQUIRED => ("No length", "A request must say how long it is. Nothing was read of it."),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            "Too much before the request",
            "Its header lines or cookies are too many or too long. Clear the cookies of this host name.",
        ),
        StatusCode::REQUEST_TIMEOUT => ("Too slow", "The request did not arrive in time."),
        status if status.is_server_error() => {
            ("Something broke", "Rampart made a mistake. The log of the service says which.")
        }
        _ => ("This request cannot be read", "Something in it is not as it should be. Nothing was changed."),
    };
    (status, heading, sentence)
}

fn steps(status: StatusCode, is_stale: bool, headers: &HeaderMap) -> Vec<String> {
    if let Some(wait) = headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok()) {
        return vec![format!("Wait {}, then try again.", spoken(Duration::from_secs(wait)))];
    }
    let steps: &[&str] = match status {
        StatusCode::FORBIDDEN if is_stale => &["Go back, load the page again, and send the form once more."],
        StatusCode::SERVICE_UNAVAILABLE => &[
            "Look whether the disk is full and whether the state directory still belongs to Rampart's user.",
            "The log of the service has the cause under the reference.",
        ],
        _ => &[],
    };
    steps.iter().map(|&step| step.to_owned()).collect()
}
