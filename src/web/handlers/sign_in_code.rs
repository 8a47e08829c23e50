//! The second step of a sign-in: the password was right, and a code of the second factor is still owed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;
use tracing::warn;

use crate::base::chain::{Chain, printable};
use crate::base::clock::spoken;
use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::deeds::sign_in::Proved;
use crate::deeds::step_up::StepUpError;
use crate::store::trail::Actor;
use crate::web::caller::Caller;
use crate::web::csrf::Guarded;
use crate::web::door::{self, Refused, Try};
use crate::web::error::PageError;
use crate::web::frame::Frame;
use crate::web::handlers::draw;
use crate::web::handlers::sign_in::complete;
use crate::web::pages::sign_in_code::SignInCodePage;
use crate::web::state::AppState;
use crate::web::{routes, session, view};

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct CodeForm {
    code: Secret<String>,
}

/// The form, for whoever has just shown a right password.
pub(crate) async fn get(State(app): State<AppState>, session: Session) -> Result<Response, PageError> {
    let Some(proved) = awaited(&app, &session).await? else { return Ok(anew()) };
    form(&app, &session, &proved, None).await
}

/// Has the code checked, inside the limits that hold for passwords.
pub(crate) async fn post(
    State(app): State<AppState>,
    caller: Caller,
    session: Session,
    Guarded(CodeForm { code }): Guarded<CodeForm>,
) -> Result<Response, PageError> {
    let Some(proved) = awaited(&app, &session).await? else { return Ok(anew()) };
    let device = caller.device_of(&app, &proved.name).await?;
    let attempt = Try { address: caller.address, name: &proved.name, device: device.as_deref() };
    let admission = match app.door.admit(attempt) {
        Ok(admission) => admission,
        Err(turned_away) => {
            app.door.write_down(caller.address, Refused::Limit, Some(&proved.name));
            let wait = std::time::Duration::from_secs(door::whole_seconds(turned_away.wait));
            let words = format!("Too many tries. The next one will be looked at in {}.", spoken(wait));
            let page = form(&app, &session, &proved, Some(words)).await?;
            let retry = door::retry_after(turned_away.wait);
            return Ok((StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, retry)], page).into_response());
        }
    };
    let actor = Actor { name: printable(&proved.name), address: caller.address() };
    let operator = OperatorName::parse(&proved.name).map_err(|_| PageError::NotFound)?;
    match app.deeds.check_sign_in_code(&app.issuing.agent, &actor, &operator, code).await {
        Ok(_) => complete(&app, &caller, &session, (proved, admission)).await,
        Err(StepUpError::Store(error)) => {
            admission.uncounted();
            Err(error.into())
        }
        Err(error @ (StepUpError::WrongCode | StepUpError::TooManyCodes { .. })) => {
            admission.failed();
            app.door.write_down(caller.address, Refused::Code, Some(&proved.name));
            warn!(client = caller.address(), "A code of a second factor was refused");
            let page = form(&app, &session, &proved, Some(error.to_string())).await?;
            app.door.wait_for_floor(caller.arrived).await;
            Ok((StatusCode::UNAUTHORIZED, page).into_response())
        }
        Err(error) => {
            admission.uncounted();
            let words = format!("The code could not be checked: {}.", printable(&Chain(&error).to_string()));
            let page = form(&app, &session, &proved, Some(words)).await?;
            Ok((StatusCode::SERVICE_UNAVAILABLE, page).into_response())
        }
    }
}

/// Who owes a code in this session, unless the account was disabled meanwhile.
async fn awaited(app: &AppState, session: &Session) -> Result<Option<Proved>, PageError> {
    let Some(proved) = session::awaited(session, app.deeds.clock.now()).await? else { return Ok(None) };
    Ok(app.deeds.store.visitor(proved.operator).await?.map(|_| proved))
}

fn anew() -> Response {
    Redirect::to(routes::SIGN_IN).into_response()
}

async fn form(
    app: &AppState,
    session: &Session,
    proved: &Proved,
    fault: Option<String>,
) -> Result<Response, PageError> {
    let csrf = session::csrf(session).await?;
    let frame = Frame { title: "Second factor".to_owned(), csrf, ..view::bare_frame(app) };
    draw(&SignInCodePage { frame, name: printable(&proved.name), fault })
}
