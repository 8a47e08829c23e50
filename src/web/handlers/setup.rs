//! The first operator, by the one-time link that the terminal showed.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use tower_sessions::Session;

use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::deeds::operators::OperatorError;
use crate::deeds::password::{HashError, NewPassword, PasswordFault};
use crate::web::auth::Client;
use crate::web::client_address::UNKNOWN;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::frame::Frame;
use crate::web::handlers::draw;
use crate::web::pages::setup::SetupPage;
use crate::web::state::AppState;
use crate::web::{routes, session, view};

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
    fn parse(&self) -> Result<(OperatorName, NewPassword), Faults> {
        let mut faults = Faults::default();
        let name = OperatorName::parse(&self.name).map_err(|error| faults.name = Some(error.to_string())).ok();
        let password = NewPassword::parse(self.password.clone());
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
    session: Session,
) -> Result<Response, PageError> {
    if !app.deeds.store.setup_link_is_open(&token, app.deeds.clock.now()).await? {
        return Err(PageError::NotFound);
    }
    form(&app, &session, &token, "", Faults::default()).await
}

/// Adds the operator, uses the link up, and signs in.
pub(crate) async fn post(
    State(app): State<AppState>,
    Path(token): Path<String>,
    Client(address): Client,
    session: Session,
    Guarded(sent): Guarded<SetupForm>,
) -> Result<Response, PageError> {
    if !app.sign_in_limit.allows(address.unwrap_or(UNKNOWN)) {
        return Err(PageError::TooMany);
    }
    let refused = |faults| async {
        let page = form(&app, &session, &token, &sent.name, faults).await?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let (name, password) = match sent.parse() {
        Ok(parsed) => parsed,
        Err(faults) => return refused(faults).await,
    };
    let address = address.map(|address| address.to_string());
    match app.deeds.set_up(&token, &name, password, address.clone()).await {
        Ok(operator) => {
            session::begin(&session, operator, address, app.deeds.clock.now()).await?;
            Ok(Redirect::to(routes::WALLS).into_response())
        }
        Err(OperatorError::Link) => Err(PageError::NotFound),
        Err(OperatorError::Store(error)) => Err(error.into()),
        Err(OperatorError::Hash(HashError::Busy)) => Err(PageError::TooMany),
        Err(error) => refused(Faults { name: Some(error.to_string()), ..Faults::default() }).await,
    }
}

async fn form(
    app: &AppState,
    session: &Session,
    token: &str,
    name: &str,
    faults: Faults,
) -> Result<Response, PageError> {
    let csrf = session::csrf(session, app.deeds.random.as_ref()).await?;
    draw(&SetupPage {
        frame: Frame { title: "Set up Rampart".to_owned(), csrf, ..view::bare_frame(app) },
        action: format!("/setup/{token}"),
        name: name.to_owned(),
        shortest: 15,
        valid_for: "30 minutes from when it was shown".to_owned(),
        name_fault: faults.name,
        password_fault: faults.password,
        again_fault: faults.again,
    })
}
