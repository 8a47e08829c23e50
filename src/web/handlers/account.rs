//! The operator's own account: password, sessions, known devices.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::base::clock::{Timestamp, spoken};
use crate::base::secret::Secret;
use crate::deeds::account::{ChangeError, Own};
use crate::deeds::password::{NewPassword, PasswordFault, SHORTEST};
use crate::store::devices::{DeviceRow, device_digest};
use crate::store::sessions::{SessionRow, digest};
use crate::web::auth::Visit;
use crate::web::browser_words::browser_words;
use crate::web::caller::Caller;
use crate::web::csrf::Guarded;
use crate::web::door;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::handlers::sign_in::NoFields;
use crate::web::pages::account::{AccountPage, DeviceView, PasswordForm, SessionView};
use crate::web::state::AppState;
use crate::web::{flash, routes, session, view};

/// What the form for a new password sends.
#[derive(Deserialize)]
pub(crate) struct ChangeForm {
    present: Secret<String>,
    password: Secret<String>,
    again: Secret<String>,
}

/// Which session is meant.
#[derive(Deserialize)]
pub(crate) struct SessionForm {
    session: String,
}

/// Which device is meant.
#[derive(Deserialize)]
pub(crate) struct DeviceForm {
    device: String,
}

impl ChangeForm {
    fn parse(&self, app: &AppState, visit: &Visit) -> Result<NewPassword, PasswordForm> {
        let words = app.context_words.with(&visit.name);
        let mut faults = PasswordForm::default();
        let password = NewPassword::parse(self.password.clone(), &words);
        let password = password.map_err(|fault| faults.password_fault = Some(fault.to_string())).ok();
        if !bool::from(self.password.expose().as_bytes().ct_eq(self.again.expose().as_bytes())) {
            faults.again_fault = Some(PasswordFault::Differ.to_string());
            return Err(faults);
        }
        password.ok_or(faults)
    }
}

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit, caller: Caller) -> Result<Response, PageError> {
    page(&app, &visit, &caller, PasswordForm::default()).await
}

/// Changes the password, ends every other session, and goes on with this one under a new id.
pub(crate) async fn change_password(
    State(app): State<AppState>,
    visit: Visit,
    caller: Caller,
    Guarded(sent): Guarded<ChangeForm>,
) -> Result<Response, PageError> {
    let fresh = match sent.parse(&app, &visit) {
        Ok(fresh) => fresh,
        Err(faults) => return refused(&app, &visit, &caller, faults).await,
    };
    let wrong = |words: String| PasswordForm { present_fault: Some(words), ..PasswordForm::default() };
    let admission = match app.door.admit_operator(visit.operator) {
        Ok(admission) => admission,
        Err(turned_away) => {
            let wait = std::time::Duration::from_secs(door::whole_seconds(turned_away.wait));
            let words = format!("Too many tries. Nothing was looked at; the next one will be in {}.", spoken(wait));
            let page = page(&app, &visit, &caller, wrong(words)).await?;
            let header = [(RETRY_AFTER, door::retry_after(turned_away.wait))];
            return Ok((StatusCode::TOO_MANY_REQUESTS, header, page).into_response());
        }
    };
    let (actor, kept) = (visit.actor(), this_session(&visit)?);
    let own = Own { actor: &actor, operator: visit.operator, session: &kept };
    match app.deeds.change_password(&own, sent.present, fresh).await {
        Ok(ended) => {
            admission.passed();
            session::renew(&visit.session).await?;
            let words = format!("Your password is changed, and {} ended", others(ended));
            flash::done(&visit.session, words, routes::ACCOUNT).await
        }
        Err(error @ ChangeError::Wrong) => {
            admission.failed();
            refused(&app, &visit, &caller, wrong(error.to_string())).await
        }
        Err(ChangeError::Store(error)) => {
            admission.uncounted();
            Err(error.into())
        }
        Err(ChangeError::Busy | ChangeError::Failed) => {
            admission.uncounted();
            Err(PageError::TooMany(door::BUSY))
        }
    }
}

/// Ends one of the operator's sessions.
pub(crate) async fn end_session(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<SessionForm>,
) -> Result<Response, PageError> {
    let (actor, kept) = (visit.actor(), this_session(&visit)?);
    let own = Own { actor: &actor, operator: visit.operator, session: &kept };
    if app.deeds.end_session(&own, &sent.session).await? {
        return flash::done(&visit.session, "The session is ended", routes::ACCOUNT).await;
    }
    flash::failed(&visit.session, "That session is over already", routes::ACCOUNT).await
}

/// Ends all of the operator's sessions but this one.
pub(crate) async fn end_others(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    let (actor, kept) = (visit.actor(), this_session(&visit)?);
    let own = Own { actor: &actor, operator: visit.operator, session: &kept };
    let ended = app.deeds.end_other_sessions(&own).await?;
    flash::done(&visit.session, format!("{} ended", others(ended)), routes::ACCOUNT).await
}

/// Forgets one of the operator's known devices.
pub(crate) async fn forget_device(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<DeviceForm>,
) -> Result<Response, PageError> {
    let (actor, kept) = (visit.actor(), this_session(&visit)?);
    let own = Own { actor: &actor, operator: visit.operator, session: &kept };
    if app.deeds.forget_device(&own, &sent.device).await? {
        return flash::done(&visit.session, "The device is forgotten", routes::ACCOUNT).await;
    }
    flash::failed(&visit.session, "That device is forgotten already", routes::ACCOUNT).await
}

/// `no other session`, `1 other session`, `2 other sessions`.
fn others(ended: u64) -> String {
    match ended {
        0 => "no other session".to_owned(),
        1 => "1 other session".to_owned(),
        many => format!("{many} other sessions"),
    }
}

fn this_session(visit: &Visit) -> Result<String, PageError> {
    visit.session.id().map(|id| digest(&id)).ok_or(PageError::SignInFirst)
}

async fn refused(
    app: &AppState,
    visit: &Visit,
    caller: &Caller,
    faults: PasswordForm,
) -> Result<Response, PageError> {
    let page = page(app, visit, caller, faults).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn page(app: &AppState, visit: &Visit, caller: &Caller, password: PasswordForm) -> Result<Response, PageError> {
    let (store, now) = (&app.deeds.store, app.deeds.clock.now());
    let this = this_session(visit)?;
    let device = caller.device().map(|device| device_digest(device.expose()));
    let sessions = store.sessions_of(visit.operator, now).await?;
    let devices = store.devices_of(visit.operator, now).await?;
    let sessions: Vec<SessionView> = sessions.iter().map(|row| session_view(row, &this, now)).collect();
    draw(&AccountPage {
        frame: view::frame(app, visit, "Your account", "account").await?,
        password: PasswordForm { shortest: SHORTEST, ..password },
        has_others: sessions.iter().any(|session| !session.is_this),
        sessions,
        devices: devices.iter().map(|row| device_view(row, device.as_deref(), now)).collect(),
    })
}

fn session_view(row: &SessionRow, this: &str, now: Timestamp) -> SessionView {
    SessionView {
        handle: row.handle().to_owned(),
        browser: browser_words(&row.browser),
        address: row.address.clone().unwrap_or_default(),
        since: row.since.minutes(),
        seen: format!("{} ago", spoken(now.since(row.seen))),
        is_this: row.digest == this,
    }
}

fn device_view(row: &DeviceRow, this: Option<&str>, now: Timestamp) -> DeviceView {
    DeviceView {
        handle: row.handle.clone(),
        browser: browser_words(&row.browser),
        made: row.made.minutes(),
        used: format!("{} ago", spoken(now.since(row.used))),
        is_this: this.is_some_and(|digest| digest.starts_with(&row.handle)),
    }
}
