//! Setting up and renewing one's own second factor. Seeds and codes come from the agent, are drawn once, and are kept
//! nowhere in the console.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::base::chain::{Chain, printable};
use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::deeds::step_up::StepUpError;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::second_factor::{SecondFactorPage, SeedView, Stage};
use crate::web::qr::QrDrawing;
use crate::web::state::AppState;
use crate::web::{session, view};
use crate::wire::answer::EnrolmentBegun;
use crate::wire::carried::Carried;

/// What each of the forms sends.
#[derive(Deserialize)]
pub(crate) struct CodeForm {
    code: Secret<String>,
}

/// How it stands.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    page(&app, &visit, standing(&app, &visit).await?, None).await
}

/// Makes a new seed and shows it.
pub(crate) async fn begin(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(CodeForm { code }): Guarded<CodeForm>,
) -> Result<Response, PageError> {
    let operator = own_name(&visit)?;
    match app.deeds.begin_factor(&app.issuing.agent, &visit.actor(), &operator, code).await {
        Ok(begun) => page(&app, &visit, Stage::Prove { seed: Some(seed(&begun)) }, None).await,
        Err(error) => refused(&app, &visit, None, error).await,
    }
}

/// Puts the new seed in force and shows recovery codes.
pub(crate) async fn finish(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(CodeForm { code }): Guarded<CodeForm>,
) -> Result<Response, PageError> {
    let operator = own_name(&visit)?;
    match app.deeds.finish_factor(&app.issuing.agent, &visit.actor(), (visit.operator, &operator), code).await {
        Ok(codes) => shown_once(&app, &visit, codes).await,
        // Nothing waits any more: it was begun too long ago, or finished elsewhere.
        Err(StepUpError::NotEnrolled) => {
            let fault = "Too much time has passed. Begin again: the enrolment code still works.".to_owned();
            let stage = standing(&app, &visit).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&app, &visit, stage, Some(fault)).await?).into_response())
        }
        Err(error) => refused(&app, &visit, Some(Stage::Prove { seed: None }), error).await,
    }
}

/// Makes new recovery codes and shows them.
pub(crate) async fn renew_recovery(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(CodeForm { code }): Guarded<CodeForm>,
) -> Result<Response, PageError> {
    let operator = own_name(&visit)?;
    match app.deeds.renew_recovery(&app.issuing.agent, &visit.actor(), &operator, code).await {
        Ok(codes) => shown_once(&app, &visit, codes).await,
        Err(error) => refused(&app, &visit, None, error).await,
    }
}

async fn shown_once(app: &AppState, visit: &Visit, codes: Vec<Carried>) -> Result<Response, PageError> {
    session::renew(&visit.session).await?;
    let csrf = session::csrf(&visit.session).await?;
    let codes = codes.iter().map(|code| code.expose().clone()).collect();
    page(app, &Visit { csrf, ..visit.clone() }, Stage::Codes { codes }, None).await
}

async fn refused(
    app: &AppState,
    visit: &Visit,
    stage: Option<Stage>,
    error: StepUpError,
) -> Result<Response, PageError> {
    let status = match &error {
        StepUpError::WrongCode | StepUpError::CodeNeeded => StatusCode::UNPROCESSABLE_ENTITY,
        StepUpError::TooManyCodes { .. } => StatusCode::TOO_MANY_REQUESTS,
        StepUpError::NotEnrolled => StatusCode::CONFLICT,
        StepUpError::Agent(_) => StatusCode::SERVICE_UNAVAILABLE,
        StepUpError::Store(_) => {
            let StepUpError::Store(error) = error else { return Err(PageError::NotFound) };
            return Err(error.into());
        }
    };
    let stage = match stage {
        Some(stage) => stage,
        None => standing(app, visit).await?,
    };
    let fault = printable(&Chain(&error).to_string());
    Ok((status, page(app, visit, stage, Some(fault)).await?).into_response())
}

/// How the visitor's factor stands, as the agent says it now.
async fn standing(app: &AppState, visit: &Visit) -> Result<Stage, PageError> {
    let operator = own_name(visit)?;
    Ok(match app.issuing.agent.factor(&operator).await {
        Err(error) => Stage::Unread { reason: printable(&Chain(&error).to_string()) },
        Ok(facts) => match facts.since {
            Some(since) => Stage::Enrolled { since: since.minutes(), recovery_left: facts.recovery_left },
            None => Stage::None { command: format!("rampart-agent enrol {operator}") },
        },
    })
}

async fn page(app: &AppState, visit: &Visit, stage: Stage, fault: Option<String>) -> Result<Response, PageError> {
    let frame = view::frame(app, visit, "Second factor", "account").await?;
    draw(&SecondFactorPage { frame, stage, fault })
}

fn seed(begun: &EnrolmentBegun) -> SeedView {
    let letters: Vec<char> = begun.secret.expose().chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    SeedView { qr: QrDrawing::of(begun.uri.expose()), text: groups.join(" ") }
}

/// Only names that keep the rule were ever taken.
fn own_name(visit: &Visit) -> Result<OperatorName, PageError> {
    OperatorName::parse(&visit.name).map_err(|_| PageError::NotFound)
}
