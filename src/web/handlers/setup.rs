//! The first operator, by the one-time link that the terminal showed.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use tower_sessions::Session;

use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::deeds::operators::OperatorError;
use crate::deeds::password::{HashError, NewPassword, PasswordFault, SHORTEST};
use crate::policy::own_password::ContextWords;
use crate::web::caller::Caller;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::frame::Frame;
use crate::web::handlers::{draw, sign_in};
use crate::web::pages::setup::SetupPage;
use crate::web::state::AppState;
use crate::web::stranger::FormToken;
use crate::web::{door, view};

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SetupForm {
    name: String,
    password: Secret<String>,
    again: Secret<String>,
}

#[derive(Default)]
struct Faults {
    name: Option<String>,
    password: Option<String>,
    again: Option<String>,
}

impl SetupForm {
    fn parse(&self, words: &ContextWords) -> Result<(OperatorName, NewPassword), Faults> {
        let mut faults = Faults::default();
        let name = OperatorName::parse(&self.name).map_err(|error| faults.name = Some(error.to_string())).ok();
        let password = NewPassword::parse(self.password.clone(), &words.with(&self.name));
        let password = password.map_err(|error| faults.password = Some(error.to_string())).ok();
        if !bool::from(self.password.expose().as_bytes().ct_eq(self.again.expose().as_bytes())) {
            faults.again = Some(PasswordFault::Differ.to_string());
            return Err(faults);
        }
        name.zip(password).ok_or(faults)
    }
}

/// The form, if the link is open.
pub(crate) async fn get(
    State(app): State<AppState>,
    Path(token): Path<String>,
    caller: Caller,
) -> Result<Response, PageError> {
    if !app.deeds.store.setup_link_is_open(&token, app.deeds.clock.now()).await? {
        return Err(PageError::NotFound);
    }
    form(&app, &caller, &token, "", Faults::default())
}

/// Adds the operator, uses the link up, and signs in.
pub(crate) async fn post(
    State(app): State<AppState>,
    Path(token): Path<String>,
    caller: Caller,
    session: Session,
    Guarded(sent): Guarded<SetupForm>,
) -> Result<Response, PageError> {
    app.door.admit_newcomer(caller.address).map_err(|turned_away| PageError::TooMany(turned_away.wait))?;
    let refused = |faults| {
        let page = form(&app, &caller, &token, &sent.name, faults)?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let (name, password) = match sent.parse(&app.context_words) {
        Ok(parsed) => parsed,
        Err(faults) => return refused(faults),
    };
    match app.deeds.set_up(&token, &name, password, caller.address()).await {
        Ok(proved) => sign_in::begin(&app, &caller, &session, &proved).await,
        Err(OperatorError::Link) => Err(PageError::NotFound),
        Err(OperatorError::Store(error)) => Err(error.into()),
        Err(OperatorError::Hash(HashError::Busy)) => Err(PageError::TooMany(door::BUSY)),
        Err(error) => refused(Faults { name: Some(error.to_string()), ..Faults::default() }),
    }
}

fn form(app: &AppState, caller: &Caller, token: &str, name: &str, faults: Faults) -> Result<Response, PageError> {
    let form_token = FormToken::issue(&app.deeds, &caller.headers);
    let csrf = form_token.csrf.clone();
    let page = draw(&SetupPage {
        frame: Frame { title: "Set up Rampart".to_owned(), csrf, ..view::bare_frame(app) },
        action: format!("/setup/{token}"),
        name: name.to_owned(),
        shortest: u32::try_from(SHORTEST).unwrap_or(u32::MAX),
        valid_for: "30 minutes from when it was shown".to_owned(),
        name_fault: faults.name,
        password_fault: faults.password,
        again_fault: faults.again,
    })?;
    Ok(form_token.on(page))
}
