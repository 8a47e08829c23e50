//! What pages show, as JSON, for programs that hold a session; and whether the console is well.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::audit::facts::Source;
use crate::audit::registry::Report;
use crate::base::chain::Chain;
use crate::base::ids::OrderId;
use crate::store::orders::OrderState;
use crate::web::auth::Visit;
use crate::web::caller::Caller;
use crate::web::error::PageError;
use crate::web::state::AppState;
use crate::web::stranger::FormToken;
use crate::web::{auth, session};
use tower_sessions::Session;

/// A token for forms, and who is signed in. A stranger gets a token that belongs to the browser, and no session.
pub(crate) async fn session(
    State(app): State<AppState>,
    caller: Caller,
    session: Session,
) -> Result<Response, PageError> {
    if let Some(visitor) = auth::visitor(&session, &app).await? {
        let csrf = session::csrf(&session, app.deeds.random.as_ref()).await?;
        let body = json!({ "csrf": csrf, "operator": visitor.name, "role": visitor.role.word() });
        return Ok(Json(body).into_response());
    }
    if let Some(csrf) = session::known_csrf(&session).await? {
        // Somebody who owes the code of a second factor.
        return Ok(Json(json!({ "csrf": csrf, "operator": null, "role": null })).into_response());
    }
    app.deeds.store.ping().await?;
    let token = FormToken::issue(&app.deeds, &caller.headers);
    let body = Json(json!({ "csrf": token.csrf, "operator": null, "role": null })).into_response();
    Ok(token.on(body))
}

/// The walls with their findings, in the rows of `rampart check --format json`.
pub(crate) async fn walls(State(app): State<AppState>, _visit: Visit) -> Response {
    let walls = app.walls.borrow().clone();
    let facts = &walls.facts;
    let sources = json!({
        "agent": state(&facts.agent), "ssh": state(&facts.ssh), "packages": state(&facts.packages),
        "kept": state(&facts.kept), "served": state(&facts.served), "fusionpbx": state(&facts.fusionpbx),
    });
    let Report { walls, findings } = &walls.report;
    Json(json!({ "walls": walls, "findings": findings, "sources": sources })).into_response()
}

/// Whether and when a source was read.
fn state<T>(source: &Source<T>) -> serde_json::Value {
    match source {
        Source::NotYet => json!({ "state": "not-yet" }),
        Source::Known { at, .. } => json!({ "state": "known", "at": at.rfc3339() }),
        Source::Unknown { at, reason } => json!({ "state": "unknown", "at": at.rfc3339(), "reason": reason }),
    }
}

/// The global password settings, with what a change has to name.
pub(crate) async fn policy(State(app): State<AppState>, _visit: Visit) -> Response {
    let unavailable =
        |reason: String| (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": reason }))).into_response();
    let fusionpbx = match &app.fusionpbx {
        Ok(fusionpbx) => fusionpbx,
        Err(reason) => return unavailable(reason.clone()),
    };
    match fusionpbx.global_policy().await {
        Ok(readings) => {
            let rows = readings.iter().filter(|reading| reading.is_shown()).map(|reading| {
                let row = reading.row();
                json!({
                    "key": reading.key.to_string(), "value": reading.value(),
                    "row": row.map(|row| row.id), "stored": row.map(|row| &row.stored),
                    "xmin": row.map(|row| &row.xmin), "enabled_rows": reading.enabled_rows(),
                })
            });
            Json(json!({ "settings": rows.collect::<Vec<_>>() })).into_response()
        }
        Err(error) => unavailable(Chain(&error).to_string()),
    }
}

/// One order and its story.
pub(crate) async fn order(
    State(app): State<AppState>,
    _visit: Visit,
    Path(id): Path<OrderId>,
) -> Result<Response, PageError> {
    let order = app.deeds.store.order(id).await?.ok_or(PageError::NotFound)?;
    let certificate = app.deeds.store.certificate(order.certificate).await?.ok_or(PageError::NotFound)?;
    let steps = app.deeds.store.steps(id, 0).await?;
    let state = match order.state {
        OrderState::Queued => "queued",
        OrderState::Running => "running",
        OrderState::Done => "done",
        OrderState::Failed => "failed",
    };
    Ok(Json(json!({
        "id": id, "state": state, "names": certificate.names,
        "issuer": certificate.in_force.as_ref().map(|in_force| &in_force.issuer),
        "serial": certificate.in_force.as_ref().map(|in_force| &in_force.serial),
        "served_serial": order.served_serial, "proofs": order.proofs,
        "failure": order.failure.map(|failure| json!({ "place": failure.place, "words": failure.words })),
        "steps": steps.into_iter().map(|step| json!({ "at": step.at.rfc3339(), "words": step.words })).collect::<Vec<_>>(),
    }))
    .into_response())
}

/// Whether the console and its store answer: 204, or 503. Says nothing else to strangers.
pub(crate) async fn health(State(app): State<AppState>) -> StatusCode {
    match app.deeds.store.ping().await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
