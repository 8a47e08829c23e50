//! What pages show, as JSON, for programs that hold a session; and whether the console is well.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::audit::facts::Source;
use crate::audit::registry::Report;
use crate::base::chain::Chain;
use crate::base::ids::{OrderId, TenantId};
use crate::base::role::Reach;
use crate::fusionpbx::overrides::OverridesWanted;
use crate::fusionpbx::{FusionPbx, FusionPbxError, Level};
use crate::store::orders::OrderState;
use crate::web::auth::Visit;
use crate::web::caller::Caller;
use crate::web::error::PageError;
use crate::web::handlers::order::{is_for, told};
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
        let csrf = session::csrf(&session).await?;
        let body = json!({ "csrf": csrf, "operator": visitor.name, "role": visitor.post.role().word() });
        return Ok(Json(body).into_response());
    }
    if let Some(csrf) = session::known_csrf(&session).await? {
        // Somebody who owes the code of a second factor.
        return Ok(Json(json!({ "csrf": csrf, "operator": null, "role": null })).into_response());
    }
    // A token that no form could be sent with is worth nothing: without the store, say so now.
    app.door.somebody_can_sign_in(&app.deeds.store).await?;
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
        "switch": state(&facts.switch),
        "firewall": state(&facts.firewall),
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
pub(crate) async fn policy(State(app): State<AppState>, visit: Visit) -> Response {
    let unavailable =
        |reason: String| (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": reason }))).into_response();
    let fusionpbx = match &app.fusionpbx {
        Ok(fusionpbx) => fusionpbx,
        Err(reason) => return unavailable(reason.clone()),
    };
    if let Some(tenant) = visit.reach.tenant() {
        return match own_policy(fusionpbx, &visit.reach, tenant).await {
            Ok(policy) => Json(policy).into_response(),
            Err(error) => {
                tracing::warn!("A tenant's settings could not be read: {}", Chain(&error));
                unavailable("FusionPBX's database does not answer".to_owned())
            }
        };
    }
    match fusionpbx.global_policy().await {
        Ok(readings) => {
            let rows = readings.iter().filter(|reading| reading.is_shown()).map(|reading| {
                let row = reading.row();
                json!({
                    "key": reading.key.to_string(), "value": reading.value(),
                    "row": row.map(|row| row.id), "stored": row.map(|row| &row.stored),
                    "xmin": row.map(|row| &row.xmin), "enabled_rows": reading.enabled_rows(),
                    "enforcement": reading.treatment().enforcement.word(),
                })
            });
            Json(json!({ "settings": rows.collect::<Vec<_>>() })).into_response()
        }
        Err(error) => unavailable(Chain(&error).to_string()),
    }
}

/// What holds for one tenant, and the rows it has for itself, with what a change has to name.
async fn own_policy(
    fusionpbx: &FusionPbx,
    reach: &Reach,
    tenant: TenantId,
) -> Result<serde_json::Value, FusionPbxError> {
    let wanted = OverridesWanted { limit: u16::MAX, ..OverridesWanted::default() };
    let own = fusionpbx.overrides(reach, &fusionpbx.global_policy().await?, &wanted).await?;
    let settings = fusionpbx.effective_policy(tenant, None).await?;
    let settings = settings.iter().map(|one| {
        let is_own = matches!(one.value, Some((_, Level::Domain)));
        json!({ "key": one.key.to_string(), "value": one.value.as_ref().map(|(value, _)| value), "own": is_own })
    });
    let rows = own.overrides.iter().map(|one| {
        json!({
            "scope": one.tenant.id, "key": one.key.to_string(), "row": one.row.id, "stored": one.row.stored,
            "xmin": one.row.xmin,
        })
    });
    Ok(json!({ "settings": settings.collect::<Vec<_>>(), "overrides": rows.collect::<Vec<_>>() }))
}

/// One order and its story.
pub(crate) async fn order(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<OrderId>,
) -> Result<Response, PageError> {
    let order = app.deeds.store.order(&visit.reach, id).await?.ok_or(PageError::NotFound)?;
    let certificate =
        app.deeds.store.certificate(&visit.reach, order.certificate).await?.ok_or(PageError::NotFound)?;
    let steps = app.deeds.store.steps(&visit.reach, id, 0).await?;
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
        "failure": order.failure.map(|failure| {
            let words = if is_for(&visit.reach, &failure.place) { failure.words } else { String::new() };
            json!({ "place": failure.place, "words": words })
        }),
        "steps": steps.iter().map(|step| {
            json!({ "at": step.at.rfc3339(), "words": told(&step.words, &visit.reach) })
        }).collect::<Vec<_>>(),
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
