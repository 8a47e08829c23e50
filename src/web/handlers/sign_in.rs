//! Signing in and out.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;
use tracing::warn;

use crate::base::clock::spoken;
use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::deeds::password::Lane;
use crate::deeds::second_factor::FactorState;
use crate::deeds::sign_in::{Proved, SignInError};
use crate::web::auth::Visit;
use crate::web::caller::{Caller, remember_device};
use crate::web::csrf::Guarded;
use crate::web::door::{self, Admission, Note, Refused, Try, TurnedAway};
use crate::web::error::PageError;
use crate::web::frame::Frame;
use crate::web::handlers::draw;
use crate::web::pages::sign_in::SignInPage;
use crate::web::state::AppState;
use crate::web::stranger::FormToken;
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
    caller: Caller,
    session: Session,
) -> Result<Response, PageError> {
    // Asked as `Visit` asks: a disabled operator would be sent in a circle.
    if auth::visitor(&session, &app).await?.is_some() {
        return Ok(onward(&ask.next));
    }
    let nobody_yet = !app.door.somebody_can_sign_in(&app.deeds.store).await?;
    form(&app, &caller, Drawn { typed: Typed { name: "", next: &ask.next }, fault: None, nobody_yet })
}

/// The first step: checks name and password. Nothing is looked at before the limits have been asked.
pub(crate) async fn post(
    State(app): State<AppState>,
    caller: Caller,
    session: Session,
    Guarded(sent): Guarded<SignInForm>,
) -> Result<Response, PageError> {
    let typed = Typed { name: &sent.name, next: &sent.next };
    let device = caller.device_of(&app, &sent.name).await?;
    let attempt = Try { address: caller.address, name: &sent.name, device: device.as_deref() };
    let admission = match app.door.admit(attempt) {
        Ok(admission) => admission,
        Err(turned_away) => return turn_away(&app, &caller, typed, turned_away),
    };
    let Ok(place) = app.door.place(&admission) else {
        admission.uncounted();
        return Err(PageError::TooMany(door::BUSY));
    };
    let lane = if admission.is_known() { Lane::Known } else { Lane::Stranger };
    let outcome = app.deeds.sign_in(&sent.name, sent.password, lane, caller.address()).await;
    drop(place);
    match outcome {
        Ok(proved) => after_password(&app, &caller, &session, (proved, admission), typed.next).await,
        Err(SignInError::Busy) => {
            admission.uncounted();
            Err(PageError::TooMany(door::BUSY))
        }
        Err(SignInError::Store(error)) => {
            admission.uncounted();
            Err(error.into())
        }
        Err(SignInError::Wrong { known }) => {
            admission.failed();
            app.door.write_down(caller.address, Refused::Password, known.as_deref());
            refused(&app, &caller, typed, &SignInError::Wrong { known: None }).await
        }
        Err(damaged @ SignInError::Damaged) => refused(&app, &caller, typed, &damaged).await,
    }
}

/// The password was right. Whoever has a second factor owes a code now; without the agent nobody can tell whether it is
/// right, and whoever is known to have one does not get in.
async fn after_password(
    app: &AppState,
    caller: &Caller,
    session: &Session,
    (mut proved, admission): (Proved, Admission),
    next: &str,
) -> Result<Response, PageError> {
    let operator = OperatorName::parse(&proved.name).map_err(|_| PageError::NotFound)?;
    let noted = app.deeds.store.factor_since(proved.operator).await?.is_some();
    match app.deeds.factor_state(&app.issuing.agent, &operator, noted).await {
        FactorState::None => {
            next::keep(session, next).await?;
            complete(app, caller, session, (proved, admission)).await
        }
        FactorState::Enrolled => {
            // Neither a failure nor the end of failures: only the code ends them.
            admission.uncounted();
            proved.second_factor = true;
            session::await_code(session, &proved, &app.deeds).await?;
            next::keep(session, next).await?;
            Ok(Redirect::to(routes::SIGN_IN_CODE).into_response())
        }
        FactorState::Unknown => {
            admission.uncounted();
            let words = "Your second factor cannot be checked now: the agent on the host does not answer, or has lost it. \
                         Root on the host can look at rampart-agent, or run `rampart operator reset`.";
            let fault = Some(words.to_owned());
            let page =
                form(app, caller, Drawn { typed: Typed { name: &proved.name, next }, fault, nobody_yet: false })?;
            Ok((StatusCode::SERVICE_UNAVAILABLE, page).into_response())
        }
    }
}

/// Every factor was right: the session begins, under a new id, and the browser is a known device from now on.
pub(super) async fn complete(
    app: &AppState,
    caller: &Caller,
    session: &Session,
    (proved, admission): (Proved, Admission),
) -> Result<Response, PageError> {
    let begun = begin(app, caller, session, &proved).await;
    // A store that does not answer is not the operator's failure.
    if begun.is_ok() {
        admission.passed();
    } else {
        admission.uncounted();
    }
    begun
}

/// Begins the session of somebody whose every factor was right.
pub(super) async fn begin(
    app: &AppState,
    caller: &Caller,
    session: &Session,
    proved: &Proved,
) -> Result<Response, PageError> {
    let browser = caller.browser();
    let device = app.deeds.signed_in(proved, caller.address(), caller.device(), &browser).await?;
    let signed_in = session::SignedIn { operator: proved.operator, address: caller.address(), browser };
    let mut response = Redirect::to(&next::kept(session).await?).into_response();
    session::begin(session, signed_in, &app.deeds).await?;
    remember_device(&mut response, &device);
    Ok(response)
}

/// The same answer, at the same time, whatever was wrong.
async fn refused(
    app: &AppState,
    caller: &Caller,
    typed: Typed<'_>,
    error: &SignInError,
) -> Result<Response, PageError> {
    warn!(client = caller.address(), "A sign-in was refused: {error}");
    let words = "The name or the password is not right.".to_owned();
    let page = form(app, caller, Drawn { typed, fault: Some(words), nobody_yet: false })?;
    app.door.wait_for_floor(caller.arrived).await;
    Ok((StatusCode::UNAUTHORIZED, page).into_response())
}

/// Says when the next try will be looked at. Costs no hash and nothing of the store.
fn turn_away(
    app: &AppState,
    caller: &Caller,
    typed: Typed<'_>,
    TurnedAway { wait, limit }: TurnedAway,
) -> Result<Response, PageError> {
    app.door.write_down(caller.address, Refused::Limit, None);
    let note = Note { address: caller.address(), name: typed.name.to_owned() };
    if app.door.note(limit, &note) {
        warn!(client = note.address, "A sign-in was not looked at: {}", limit.words());
    }
    let seconds = std::time::Duration::from_secs(door::whole_seconds(wait));
    let words = format!("Too many tries. Nothing was looked at; the next one will be in {}.", spoken(seconds));
    let page = form(app, caller, Drawn { typed, fault: Some(words), nobody_yet: false })?;
    Ok((StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, door::retry_after(wait))], page).into_response())
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

/// What was typed, but for the password, and where it leads.
#[derive(Clone, Copy)]
struct Typed<'a> {
    name: &'a str,
    next: &'a str,
}

/// What the form is drawn with.
struct Drawn<'a> {
    typed: Typed<'a>,
    fault: Option<String>,
    nobody_yet: bool,
}

fn form(app: &AppState, caller: &Caller, drawn: Drawn<'_>) -> Result<Response, PageError> {
    let token = FormToken::issue(&app.deeds, &caller.headers);
    let frame = Frame { title: "Sign in".to_owned(), csrf: token.csrf.clone(), ..view::bare_frame(app) };
    let Drawn { typed, fault, nobody_yet } = drawn;
    let next = next::page(typed.next).map(ToOwned::to_owned);
    Ok(token.on(draw(&SignInPage { frame, name: typed.name.to_owned(), next, fault, nobody_yet })?))
}
