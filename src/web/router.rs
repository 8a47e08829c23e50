//! Every route with its guard beside it: a handler that takes a `Visit` needs an operator's session; the few that do
//! not are named as open.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::web::handlers::{
    api, certificates, events, order, passwords, policy_report, setup, sign_in, ssh, trail, unbuilt, upgrades, walls,
};
use crate::web::state::AppState;
use crate::web::{assets, body, error, headers, origin, routes, session};

/// A page that is not drawn after this long is given up; only event streams go on longer, after their first byte.
const DEADLINE: Duration = Duration::from_secs(30);

/// The whole console.
pub fn router(app: AppState) -> Router {
    house(app, open().merge(for_operators()))
}

/// Everything that stands around every route, here around the routes `inside`.
pub fn house(app: AppState, inside: Router<AppState>) -> Router {
    let sessions = session::layer(app.deeds.store.clone(), app.deeds.clock.clone());
    inside
        .layer(from_fn(session::mark))
        .layer(sessions)
        .layer(from_fn(session::guard))
        // Below here nothing touches a session.
        .route(routes::STATIC, get(assets::get))
        .route(routes::HEALTH, get(api::health))
        .route(routes::POLICY_REPORT, post(policy_report::post))
        .layer(DefaultBodyLimit::max(body::MOST_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, DEADLINE))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(body::guard))
        .layer(from_fn_with_state(app.clone(), origin::guard))
        .layer(from_fn(body::guard_head))
        .layer(from_fn_with_state(app.clone(), error::draw))
        .layer(from_fn_with_state(app.clone(), headers::guard))
        .with_state(app)
}

/// What strangers may reach.
fn open() -> Router<AppState> {
    Router::new()
        .route(routes::SIGN_IN, get(sign_in::get).post(sign_in::post))
        .route(routes::SETUP, get(setup::get).post(setup::post))
        .route(routes::API_SESSION, get(api::session))
}

/// What needs an operator's session: each of these handlers takes a `Visit`.
fn for_operators() -> Router<AppState> {
    Router::new()
        .route(routes::SIGN_OUT, post(sign_in::sign_out))
        .route(routes::WALLS, get(walls::get))
        .route(routes::LOOK_AGAIN, post(walls::look_again))
        .route(routes::PASSWORDS, get(passwords::get))
        .route(routes::PASSWORD_SETTINGS, post(passwords::save))
        .route(routes::PASSWORD_UNDO, post(passwords::undo))
        .route(routes::CERTIFICATES, get(certificates::get))
        .route(routes::CERTIFICATE_ACCOUNT, post(certificates::register))
        .route(routes::CERTIFICATE_ORDERS, post(certificates::order))
        .route(routes::ORDER, get(order::get))
        .route(routes::ORDER_EVENTS, get(events::get))
        .route(routes::RENEW, post(certificates::renew))
        .route(routes::SSH, get(ssh::get))
        .route(routes::UPGRADES, get(upgrades::get))
        .route(routes::FIREWALL, get(unbuilt::firewall))
        .route(routes::XML_RPC, get(unbuilt::xml_rpc))
        .route(routes::INTRUSION, get(unbuilt::intrusion))
        .route(routes::TRAIL, get(trail::get))
        .route(routes::API_WALLS, get(api::walls))
        .route(routes::API_POLICY, get(api::policy))
        .route(routes::API_ORDER, get(api::order))
}

/// A panic ends one request, not the console; the page and the log get no detail of it but its place.
fn panicked(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    tracing::error!("A request ended in a panic; the line above says where");
    axum::response::IntoResponse::into_response(StatusCode::INTERNAL_SERVER_ERROR)
}
