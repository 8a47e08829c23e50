//! Asking for the code of an act that reaches root. The act's own handler calls here when a code is wanted.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::base::chain::{Chain, printable};
use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::deeds::step_up::{StepUp, StepUpError};
use crate::host::AgentError;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::step_up::StepUpPage;
use crate::web::state::AppState;
use crate::web::{session, view};

/// What is typed beside a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Nothing,
    Secret,
    /// The last one had this fault.
    Again(&'static str),
}

/// An act that waits for its code.
pub(super) struct Pending<'a> {
    /// The heading.
    pub(super) title: String,
    /// What it allows and changes.
    pub(super) plan: Vec<String>,
    /// Where the form posts to.
    pub(super) action: String,
    /// What was sent, to be sent again.
    pub(super) fields: Vec<(&'a str, String)>,
    /// The words of the button.
    pub(super) button: String,
    /// Whether a new secret is typed beside the code.
    pub(super) secret: Typed,
    /// Where to go instead, and the slug of that page.
    pub(super) back: (&'a str, &'a str),
}

/// What the visitor brings: the code of the form, if it had one.
pub(super) fn brought(visit: &Visit, code: Option<&Secret<String>>) -> Result<StepUp, PageError> {
    // Only names that keep the rule were ever taken.
    let operator = OperatorName::parse(&visit.name).map_err(|_| PageError::NotFound)?;
    let session = session::mark_of(&visit.session).ok_or(PageError::SignInFirst)?;
    let code = code.filter(|code| !code.expose().trim().is_empty()).cloned();
    Ok(StepUp { operator, session, code })
}

/// Draws the page that asks for the code, with what was wrong with the last one.
pub(super) async fn ask(
    app: &AppState,
    visit: &Visit,
    pending: Pending<'_>,
    error: &StepUpError,
) -> Result<Response, PageError> {
    let operator = OperatorName::parse(&visit.name).map_err(|_| PageError::NotFound)?;
    let (status, fault, enrolled) = match error {
        StepUpError::CodeNeeded => {
            let facts = app.issuing.agent.factor(&operator).await;
            (StatusCode::OK, None, facts.is_ok_and(|facts| facts.since.is_some()))
        }
        StepUpError::NotEnrolled => (StatusCode::FORBIDDEN, None, false),
        StepUpError::WrongCode => (StatusCode::UNPROCESSABLE_ENTITY, Some(error.to_string()), true),
        StepUpError::TooManyCodes { .. } => (StatusCode::TOO_MANY_REQUESTS, Some(error.to_string()), true),
        StepUpError::Agent(AgentError::Refused(refusal)) => {
            (StatusCode::CONFLICT, Some(format!("The agent refused: {refusal}")), true)
        }
        StepUpError::Agent(error) => (StatusCode::SERVICE_UNAVAILABLE, Some(Chain(error).to_string()), true),
        StepUpError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, Some(error.to_string()), true),
    };
    let (wants_secret, secret_fault) = match pending.secret {
        Typed::Nothing => (false, None),
        Typed::Secret => (true, None),
        Typed::Again(fault) => (true, Some(fault.to_owned())),
    };
    let status = if secret_fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    let page = draw(&StepUpPage {
        frame: view::frame(app, visit, &pending.title, pending.back.1).await?,
        title: pending.title,
        plan: pending.plan.iter().map(|line| printable(line)).collect(),
        action: pending.action,
        fields: pending.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        button: pending.button,
        enrolled,
        wants_secret,
        secret_fault,
        fault: fault.map(|fault| printable(&fault)),
        back: pending.back.0.to_owned(),
    })?;
    Ok((status, page).into_response())
}
