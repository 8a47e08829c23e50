//! Whoever was invited sets a password, by the one-time link.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use tower_sessions::Session;

use crate::base::chain::printable;
use crate::base::secret::Secret;
use crate::deeds::operators::OperatorError;
use crate::deeds::password::{HashError, NewPassword, PasswordFault};
use crate::web::auth::Client;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::frame::Frame;
use crate::web::handlers::draw;
use crate::web::pages::invitation::InvitationPage;
use crate::web::state::AppState;
use crate::web::{routes, session, view};

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct InvitationForm {
    password: Secret<String>,
    again: Secret<String>,
}

#[derive(Default)]
struct Faults {
    password: Option<String>,
    again: Option<String>,
}

impl InvitationForm {
    fn parse(&self) -> Result<NewPassword, Faults> {
        let mut faults = Faults::default();
        let password = NewPassword::parse(self.password.clone());
        let password = password.map_err(|error| faults.password = Some(error.to_string())).ok();
        if !bool::from(self.password.expose().as_bytes().ct_eq(self.again.expose().as_bytes())) {
            faults.again = Some(PasswordFault::Differ.to_string());
            return Err(faults);
        }
        password.ok_or(faults)
    }
}

/// The form, if the link is open.
pub(crate) async fn get(
    State(app): State<AppState>,
    Path(token): Path<String>,
    session: Session,
) -> Result<Response, PageError> {
    form(&app, &session, &token, Faults::default()).await
}

/// Sets the password and uses the link up. Signing in comes after it, as for everyone.
pub(crate) async fn post(
    State(app): State<AppState>,
    Path(token): Path<String>,
    Client(address): Client,
    session: Session,
    Guarded(sent): Guarded<InvitationForm>,
) -> Result<Response, PageError> {
    if !address.is_none_or(|address| app.sign_in_limit.allows(address)) {
        return Err(PageError::TooMany);
    }
    let password = match sent.parse() {
        Ok(password) => password,
        Err(faults) => {
            let page = form(&app, &session, &token, faults).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let address = address.map(|address| address.to_string());
    match app.deeds.accept_invitation(&token, password, address).await {
        Ok(_) => Ok(Redirect::to(routes::SIGN_IN).into_response()),
        Err(OperatorError::Store(error)) => Err(error.into()),
        Err(OperatorError::Hash(HashError::Busy)) => Err(PageError::TooMany),
        Err(_) => Err(PageError::NotFound),
    }
}

async fn form(app: &AppState, session: &Session, token: &str, faults: Faults) -> Result<Response, PageError> {
    let name = app.deeds.store.invited(token, app.deeds.clock.now()).await?.ok_or(PageError::NotFound)?;
    let csrf = session::csrf(session, app.deeds.random.as_ref()).await?;
    draw(&InvitationPage {
        frame: Frame { title: "Set your password".to_owned(), csrf, ..view::bare_frame(app) },
        action: routes::invitation(token),
        name: printable(&name),
        shortest: 15,
        password_fault: faults.password,
        again_fault: faults.again,
    })
}
