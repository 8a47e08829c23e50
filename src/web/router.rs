//! The console's routes as one table: method, path, who may, handler. A row cannot be written without its permission,
//! and the router itself asks it before the handler runs (`guard.rs`).

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{self, MethodRouter};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::web::guard::{self, Gate, Refusals};
use crate::web::handlers::{
    account, api, ca_accounts, certificates, coverage_plan, credential_export, credentials, dns, dns_credential,
    events, firewall, inventory, invitation, operators, order, passwords, phones, policy_preset, policy_preview,
    policy_report, rotate, rotation, second_factor, setup, sign_in, sign_in_code, ssh, standing, switch_certificate,
    trail, unbuilt, upgrades, walls, xml_rpc,
};
use crate::web::may::May;
use crate::web::state::AppState;
use crate::web::{assets, body, error, headers, origin, routes, session};

/// A page that is not drawn after this long is given up; only event streams go on longer, after their first byte.
const DEADLINE: Duration = Duration::from_secs(30);

/// One route as data: what is asked before its handler runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRow {
    /// `GET`, which answers `HEAD` too, or `POST`.
    pub method: Method,
    /// As the router has it: `/certificates/{id}/renew`.
    pub path: &'static str,
    /// Who may.
    pub may: May,
    /// Whether the handler may touch a session: the few that do not are files and the sign of life.
    pub has_session: bool,
}

/// A route with its handler.
struct Row {
    route: RouteRow,
    handlers: MethodRouter<AppState>,
}

impl Row {
    /// A route that has no session.
    fn without_session(mut self) -> Self {
        self.route.has_session = false;
        self
    }
}

fn row(method: Method, path: &'static str, may: May, handlers: MethodRouter<AppState>) -> Row {
    Row { route: RouteRow { method, path, may, has_session: true }, handlers }
}

fn get<T: 'static>(path: &'static str, may: May, handler: impl Handler<T, AppState>) -> Row {
    row(Method::GET, path, may, routing::get(handler))
}

fn post<T: 'static>(path: &'static str, may: May, handler: impl Handler<T, AppState>) -> Row {
    row(Method::POST, path, may, routing::post(handler))
}

/// The table.
fn rows() -> Vec<Row> {
    [open_rows(), own_rows(), wall_rows(), password_rows(), certificate_rows(), dns_rows(), operator_rows()]
        .into_iter()
        .flatten()
        .collect()
}

/// What needs no session of an operator.
fn open_rows() -> Vec<Row> {
    vec![
        get(routes::STATIC, May::Anyone, assets::get).without_session(),
        get(routes::HEALTH, May::Anyone, api::health).without_session(),
        post(routes::POLICY_REPORT, May::Anyone, policy_report::post).without_session(),
        get(routes::SIGN_IN, May::Anyone, sign_in::get),
        post(routes::SIGN_IN, May::Anyone, sign_in::post),
        get(routes::SIGN_IN_CODE, May::Anyone, sign_in_code::get),
        post(routes::SIGN_IN_CODE, May::Anyone, sign_in_code::post),
        get(routes::SETUP, May::Anyone, setup::get),
        post(routes::SETUP, May::Anyone, setup::post),
        get(routes::INVITATION, May::Anyone, invitation::get),
        post(routes::INVITATION, May::Anyone, invitation::post),
        get(routes::API_SESSION, May::Anyone, api::session),
    ]
}

/// The own session and account.
fn own_rows() -> Vec<Row> {
    vec![
        post(routes::SIGN_OUT, May::SignedIn, sign_in::sign_out),
        get(routes::ACCOUNT, May::SignedIn, account::get),
        post(routes::ACCOUNT_PASSWORD, May::SignedIn, account::change_password),
        post(routes::ACCOUNT_SESSION_END, May::SignedIn, account::end_session),
        post(routes::ACCOUNT_SESSIONS_END, May::SignedIn, account::end_others),
        post(routes::ACCOUNT_DEVICE_FORGET, May::SignedIn, account::forget_device),
        get(routes::SECOND_FACTOR, May::SignedIn, second_factor::get),
        post(routes::SECOND_FACTOR, May::SignedIn, second_factor::begin),
        post(routes::SECOND_FACTOR_PROOF, May::SignedIn, second_factor::finish),
        post(routes::RECOVERY, May::SignedIn, second_factor::renew_recovery),
    ]
}

/// Walls, the trail, and what every role sees of them.
fn wall_rows() -> Vec<Row> {
    vec![
        get(routes::WALLS, May::SeeWalls, walls::get),
        post(routes::LOOK_AGAIN, May::LookAgain, walls::look_again),
        get(routes::SSH, May::SeeWalls, ssh::get),
        get(routes::UPGRADES, May::SeeWalls, upgrades::get),
        get(routes::FIREWALL, May::SeeWalls, firewall::get),
        get(routes::XML_RPC, May::SeeWalls, xml_rpc::get),
        post(routes::XML_RPC, May::ChangeSwitch, xml_rpc::post),
        get(routes::INTRUSION, May::SeeWalls, unbuilt::intrusion),
        get(routes::TRAIL, May::SeeTrail, trail::get),
        get(routes::TRAIL_EXPORT, May::ExportTrail, trail::export),
        get(routes::API_WALLS, May::SeeWalls, api::walls),
        get(routes::API_POLICY, May::SeePolicy, api::policy),
    ]
}

/// The policy, and new secrets.
fn password_rows() -> Vec<Row> {
    vec![
        get(routes::PASSWORDS, May::SeePolicy, passwords::get),
        post(routes::PASSWORD_SETTINGS, May::ChangePolicy, passwords::save),
        post(routes::PASSWORD_UNDO, May::ChangePolicy, passwords::undo),
        get(routes::PASSWORD_PRESET, May::SeeWalls, policy_preset::get),
        post(routes::PASSWORD_PRESET, May::ChangePolicy, policy_preset::apply),
        get(routes::PASSWORD_PREVIEW, May::SeePolicy, policy_preview::get),
        get(routes::ROTATE, May::RotateSecrets, rotate::get),
        post(routes::ROTATE, May::RotateSecrets, rotate::post),
        get(routes::ROTATION, May::RotateSecrets, rotation::get),
        post(routes::ROTATION_RUN, May::RotateSecrets, rotation::run),
        post(routes::ROTATION_SHOW, May::RotateSecrets, rotation::show),
        post(routes::ROTATION_CONFIRM, May::RotateSecrets, rotation::confirm),
        post(routes::ROTATION_UNDO, May::RotateSecrets, rotation::undo),
        post(routes::ROTATION_PASS, May::RotateSecrets, rotation::pass),
        post(routes::ROTATION_RESYNC, May::RotateSecrets, rotation::resync),
        get(routes::CREDENTIALS, May::SeeCredentials, credentials::get),
        post(routes::CREDENTIALS_AUDIT, May::LookAgain, credentials::audit),
        get(routes::CREDENTIALS_EXPORT, May::SeeCredentials, credential_export::get),
    ]
}

/// Certificates and their orders.
fn certificate_rows() -> Vec<Row> {
    vec![
        get(routes::CERTIFICATES, May::SeeCertificates, certificates::get),
        get(routes::CA_ACCOUNTS, May::SeeWalls, ca_accounts::get),
        post(routes::CA_ACCOUNTS, May::RegisterAtCa, ca_accounts::post),
        get(routes::COVERAGE_PLAN, May::SeeWalls, coverage_plan::get),
        post(routes::CERTIFICATE_ACCOUNT, May::RegisterAtCa, certificates::register),
        post(routes::CERTIFICATE_ORDERS, May::OrderCertificate, certificates::order),
        post(routes::STANDING_END, May::OrderCertificate, standing::end),
        get(routes::ORDER, May::SeeCertificates, order::get),
        get(routes::ORDER_EVENTS, May::SeeCertificates, events::get),
        get(routes::PHONES, May::SeeWalls, phones::get),
        get(routes::INVENTORY, May::SeeWalls, inventory::get),
        get(routes::SWITCH_CERTIFICATE, May::SeeWalls, switch_certificate::get),
        post(routes::SWITCH_CERTIFICATE, May::OrderCertificate, switch_certificate::post),
        post(routes::RENEW, May::RenewCertificate, certificates::renew),
        get(routes::API_ORDER, May::SeeCertificates, api::order),
    ]
}

/// How names are proved.
fn dns_rows() -> Vec<Row> {
    vec![
        get(routes::DNS, May::ManageDns, dns::get),
        get(routes::DNS_NEW, May::ManageDns, dns_credential::new),
        post(routes::DNS_CREDENTIALS, May::ManageDns, dns_credential::add),
        get(routes::DNS_CREDENTIAL, May::ManageDns, dns_credential::get),
        post(routes::DNS_CREDENTIAL, May::ManageDns, dns_credential::change),
        post(routes::DNS_CREDENTIAL_DELETE, May::ManageDns, dns_credential::delete),
        post(routes::DNS_ZONES, May::ManageDns, dns::approve),
        post(routes::DNS_ZONE_REMOVE, May::ManageDns, dns::remove),
        post(routes::DNS_ZONE_TEST, May::ManageDns, dns::test),
    ]
}

/// Who has an account.
fn operator_rows() -> Vec<Row> {
    vec![
        get(routes::OPERATORS, May::ManageOperators, operators::get),
        post(routes::OPERATORS, May::ManageOperators, operators::invite),
        post(routes::OPERATOR_ROLE, May::ManageOperators, operators::role),
        post(routes::OPERATOR_DISABLE, May::ManageOperators, operators::disable),
        post(routes::OPERATOR_ENABLE, May::ManageOperators, operators::enable),
        post(routes::OPERATOR_SESSIONS, May::ManageOperators, operators::end_sessions),
        post(routes::OPERATOR_INVITATION, May::ManageOperators, operators::invite_again),
    ]
}

/// Every route of the console, as data.
#[must_use]
pub fn table() -> Vec<RouteRow> {
    rows().into_iter().map(|row| row.route).collect()
}

/// The whole console.
pub fn router(app: AppState) -> Router {
    let told = Refusals::default();
    let (mut with_session, mut bare) = (Router::new(), Router::new());
    for Row { route, handlers } in rows() {
        let (path, has_session) = (route.path, route.has_session);
        let gate = Gate { app: app.clone(), route, told: told.clone() };
        let handlers = handlers.route_layer(from_fn_with_state(gate, guard::ask));
        if has_session {
            with_session = with_session.route(path, handlers);
        } else {
            bare = bare.route(path, handlers);
        }
    }
    house(app, with_session, bare)
}

/// What stands around every route, here around these: those with a session, and those without.
pub fn house(app: AppState, with_session: Router<AppState>, bare: Router<AppState>) -> Router {
    let sessions = session::layer(app.deeds.store.clone(), app.deeds.clock.clone());
    with_session
        .layer(from_fn(session::mark))
        .layer(sessions)
        .layer(from_fn(session::guard))
        // From here on nothing touches a session.
        .merge(bare)
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

/// A panic ends one request, not the console; the page and the log get no detail of it but its place.
fn panicked(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    tracing::error!("A request ended in a panic; the line above says where");
    axum::response::IntoResponse::into_response(StatusCode::INTERNAL_SERVER_ERROR)
}
