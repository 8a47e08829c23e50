//! Whoever was invited sets a password, by the one-time link.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::base::chain::printable;
use crate::base::secret::Secret;
use crate::deeds::operators::OperatorError;
use crate::deeds::password::{HashError, NewPassword, PasswordFault};
use crate::policy::own_password::ContextWords;
use crate::web::caller::Caller;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::frame::Frame;
use crate::web::handlers::draw;
use crate::web::pages::invitation::InvitationPage;
use crate::web::state::AppState;
use crate::web::stranger::FormToken;
use crate::web::{door, routes, view};

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
    fn parse(&self, words: &ContextWords) -> Result<NewPassword, Faults> {
        let mut faults = Faults::default();
        let password = NewPassword::parse(self.password.clone(), words);
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
    caller: Caller,
) -> Result<Response, PageError> {
    form(&app, &caller, &token, Faults::default()).await
}

/// Sets the password and uses the link up. Signing in comes after it, as for everyone.
pub(crate) async fn post(
    State(app): State<AppState>,
    Path(token): Path<String>,
    caller: Caller,
    Guarded(sent): Guarded<InvitationForm>,
) -> Result<Response, PageError> {
    app.door.admit_newcomer(caller.address).map_err(|turned_away| PageError::TooMany(turned_away.wait))?;
    let name = app.deeds.store.invited(&token, app.deeds.clock.now()).await?.ok_or(PageError::NotFound)?;
    let password = match sent.parse(&app.context_words.with(&name)) {
        Ok(password) => password,
        Err(faults) => {
            let page = form(&app, &caller, &token, faults).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    match app.deeds.accept_invitation(&token, password, caller.address()).await {
        Ok(_) => Ok(Redirect::to(routes::SIGN_IN).into_response()),
        Err(OperatorError::Store(error)) => Err(error.into()),
        Err(OperatorError::Hash(HashError::Busy)) => Err(PageError::TooMany(door::BUSY)),
        Err(_) => Err(PageError::NotFound),
    }
}

async fn form(app: &AppState, caller: &Caller, token: &str, faults: Faults) -> Result<Response, PageError> {
    let name = app.deeds.store.invited(token, app.deeds.clock.now()).await?.ok_or(PageError::NotFound)?;
    let form_token = FormToken::issue(&app.deeds, &caller.headers);
    let csrf = form_token.csrf.clone();
    let page = draw(&InvitationPage {
        frame: Frame { title: "Set your password".to_owned(), csrf, ..view::bare_frame(app) },
        action: routes::invitation(token),
        name: printable(&name),
        shortest: 15,
        password_fault: faults.password,
        again_fault: faults.again,
    })?;
    Ok(form_token.on(page))
}
