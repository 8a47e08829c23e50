//! Signing in and out.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;
use tracing::warn;

use crate::base::secret::Secret;
use crate::deeds::sign_in::SignInError;
use crate::web::auth::{Client, Visit};
use crate::web::client_address::UNKNOWN;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::frame::Frame;
use crate::web::handlers::draw;
use crate::web::pages::sign_in::SignInPage;
use crate::web::state::AppState;
use crate::web::{auth, next, routes, session, view};

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SignInForm {
    name: String,
    password: Secret<String>,
    /// The page to go on to; read as [`next::page`] reads it.
    #[serde(default)]
    next: String,
}

/// What the address asks.
#[derive(Deserialize)]
pub(crate) struct SignInAsk {
    #[serde(default)]
    next: String,
}

/// The form.
pub(crate) async fn get(
    State(app): State<AppState>,
    Query(ask): Query<SignInAsk>,
    session: Session,
) -> Result<Response, PageError> {
    // Asked as `Visit` asks: a disabled operator would be sent in a circle.
    if auth::visitor(&session, &app).await?.is_some() {
        return Ok(onward(&ask.next));
    }
    form(&app, &session, Typed { name: "", next: &ask.next, fault: None }).await
}

/// Checks name and password; the session gets a new id.
pub(crate) async fn post(
    State(app): State<AppState>,
    Client(address): Client,
    session: Session,
    Guarded(form_sent): Guarded<SignInForm>,
) -> Result<Response, PageError> {
    if !app.sign_in_limit.allows(address.unwrap_or(UNKNOWN)) {
        return Err(PageError::TooMany);
    }
    let address = address.map(|address| address.to_string());
    match app.deeds.sign_in(&form_sent.name, form_sent.password, address.clone()).await {
        Ok(operator) => {
            session::begin(&session, operator, address, app.deeds.clock.now()).await?;
            Ok(onward(&form_sent.next))
        }
        Err(SignInError::Busy) => Err(PageError::TooMany),
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(error @ (SignInError::Wrong | SignInError::Damaged)) => {
            warn!(client = address, "A sign-in was refused: {error}");
            // A stranger learns nothing else, whatever the cause.
            let words = "The name or the password is not right.".to_owned();
            let typed = Typed { name: &form_sent.name, next: &form_sent.next, fault: Some(words) };
            let page = form(&app, &session, typed).await?;
            Ok((StatusCode::UNAUTHORIZED, page).into_response())
        }
    }
}

/// Ends the session.
pub(crate) async fn sign_out(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    app.deeds.sign_out(&visit.actor()).await?;
    session::end(&visit.session).await?;
    Ok(Redirect::to(routes::SIGN_IN).into_response())
}

/// A form that is only a button.
#[derive(Deserialize)]
pub(crate) struct NoFields {}

/// To the page that was asked for first, or to the walls: never out of the console.
fn onward(next: &str) -> Response {
    Redirect::to(next::page(next).unwrap_or(routes::WALLS)).into_response()
}

/// What the form is drawn with.
struct Typed<'a> {
    name: &'a str,
    next: &'a str,
    fault: Option<String>,
}

async fn form(app: &AppState, session: &Session, typed: Typed<'_>) -> Result<Response, PageError> {
    let csrf = session::csrf(session, app.deeds.random.as_ref()).await?;
    let frame = Frame { title: "Sign in".to_owned(), csrf, ..view::bare_frame(app) };
    let nobody_yet = app.deeds.store.count_operators().await? == 0;
    draw(&SignInPage {
        frame,
        name: typed.name.to_owned(),
        next: next::page(typed.next).map(ToOwned::to_owned),
        fault: typed.fault,
        nobody_yet,
    })
}
