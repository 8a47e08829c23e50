//! Accounts: who has one, what for, and changing that.

use axum::extract::{Path, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::base::chain::{Chain, printable};
use crate::base::clock::Timestamp;
use crate::base::ids::{OperatorId, TenantId};
use crate::base::names::OperatorName;
use crate::base::role::{Post, Role};
use crate::base::secret::Secret;
use crate::deeds::operators::OperatorError;
use crate::deeds::roster::RosterError;
use crate::fusionpbx::tenants::TenantsWanted;
use crate::store::roster::Account;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::handlers::sign_in::NoFields;
use crate::web::pages::operators::{AccountRow, InviteForm, InvitedPage, OperatorsPage, RoleForm};
use crate::web::parts::{Choice, Mark};
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// Tenants that the forms offer to pick from.
const OFFERED: u16 = 200;

/// What the form that invites sends.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct InviteFields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    domain: String,
}

/// What the form that changes a role sends.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct RoleFields {
    #[serde(default)]
    role: String,
    #[serde(default)]
    domain: String,
}

/// What is wrong with role and domain.
#[derive(Clone, Default)]
struct RoleFaults {
    role: Option<String>,
    domain: Option<String>,
}

/// A form that comes back: whose, what was typed, and what is wrong with it.
#[derive(Default)]
struct Refused {
    /// `None` for the form that invites.
    account: Option<OperatorId>,
    name: String,
    name_fault: Option<String>,
    typed: RoleFields,
    faults: RoleFaults,
}

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    page(&app, &visit, None).await
}

/// Adds an account and shows the link that sets its password.
pub(crate) async fn invite(
    State(app): State<AppState>,
    visit: Visit,
    headers: HeaderMap,
    Guarded(sent): Guarded<InviteFields>,
) -> Result<Response, PageError> {
    let typed = RoleFields { role: sent.role.clone(), domain: sent.domain.clone() };
    let refused = |name_fault, faults| Refused {
        name: sent.name.clone(),
        name_fault,
        typed: typed.clone(),
        faults,
        ..Refused::default()
    };
    let name = OperatorName::parse(&sent.name);
    let post = post(&app, &typed).await;
    let (name, post) = match (name, post) {
        (Ok(name), Ok(post)) => (name, post),
        (name, post) => {
            let name_fault = name.err().map(|error| error.to_string());
            return again(&app, &visit, refused(name_fault, post.err().unwrap_or_default())).await;
        }
    };
    match app.deeds.invite(&visit.actor(), &name, &post).await {
        Ok(token) => invited(&app, &visit, &headers, name.as_str(), &token).await,
        Err(OperatorError::Store(error)) => Err(error.into()),
        Err(error) => again(&app, &visit, refused(Some(error.to_string()), RoleFaults::default())).await,
    }
}

/// Makes another link for an invited account.
pub(crate) async fn invite_again(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<OperatorId>,
    headers: HeaderMap,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    let name = app.deeds.store.post_of(id).await?.map(|(name, _)| name).unwrap_or_default();
    match app.deeds.invite_again(&visit.actor(), id).await {
        Ok(token) => invited(&app, &visit, &headers, &name, &token).await,
        Err(error) => answer(&visit, Err(error)).await,
    }
}

/// Changes what an account is for.
pub(crate) async fn role(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<OperatorId>,
    Guarded(sent): Guarded<RoleFields>,
) -> Result<Response, PageError> {
    let refused = |faults| Refused { account: Some(id), typed: sent.clone(), faults, ..Refused::default() };
    let post = match post(&app, &sent).await {
        Ok(post) => post,
        Err(faults) => return again(&app, &visit, refused(faults)).await,
    };
    match app.deeds.change_post(&visit.actor(), id, &post).await {
        Err(error @ RosterError::LastOperator) => {
            again(&app, &visit, refused(RoleFaults { role: Some(error.to_string()), domain: None })).await
        }
        outcome => answer(&visit, outcome.map(|()| format!("The role is {post} now"))).await,
    }
}

/// Shuts an account out.
pub(crate) async fn disable(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<OperatorId>,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    let outcome = app.deeds.disable_account(&visit.actor(), id).await;
    answer(&visit, outcome.map(|()| "The account is disabled, and its sessions are over".to_owned())).await
}

/// Lets an account in again.
pub(crate) async fn enable(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<OperatorId>,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    let outcome = app.deeds.enable_account(&visit.actor(), id).await;
    answer(&visit, outcome.map(|()| "The account may sign in again".to_owned())).await
}

/// Ends every session of an account.
pub(crate) async fn end_sessions(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<OperatorId>,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    let outcome = app.deeds.end_sessions(&visit.actor(), id).await;
    answer(&visit, outcome.map(|ended| format!("Sessions that are over now: {ended}"))).await
}

async fn answer(visit: &Visit, outcome: Result<String, RosterError>) -> Result<Response, PageError> {
    match outcome {
        Ok(words) => flash::done(&visit.session, words, routes::OPERATORS).await,
        Err(RosterError::Unknown) => Err(PageError::NotFound),
        Err(RosterError::Store(error)) => Err(error.into()),
        Err(error @ (RosterError::LastOperator | RosterError::NotInvited)) => {
            flash::failed(&visit.session, format!("Nothing was changed: {error}."), routes::OPERATORS).await
        }
    }
}

/// The link stands in this one answer and nowhere else.
async fn invited(
    app: &AppState,
    visit: &Visit,
    headers: &HeaderMap,
    name: &str,
    token: &Secret<String>,
) -> Result<Response, PageError> {
    // It was compared with our own names before any handler ran.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    draw(&InvitedPage {
        frame: view::frame(app, visit, "Invited", "operators").await?,
        name: printable(name),
        link: format!("https://{host}{}", routes::invitation(token.expose())),
        valid_for: "24 hours".to_owned(),
    })
}

/// The role that was asked for, with the tenant of that name.
async fn post(app: &AppState, sent: &RoleFields) -> Result<Post, RoleFaults> {
    let role: Role = match sent.role.parse() {
        Ok(role) => role,
        Err(error) => return Err(RoleFaults { role: Some(format!("{error}")), domain: None }),
    };
    let domain = if role == Role::Tenant { Some(tenant(app, sent.domain.trim()).await) } else { None };
    let domain = domain.transpose().map_err(|fault| RoleFaults { role: None, domain: Some(fault) })?;
    Post::of(role, domain)
        .ok_or_else(|| RoleFaults { role: None, domain: Some("A tenant needs a domain.".to_owned()) })
}

/// FusionPBX's tenant called `name`.
async fn tenant(app: &AppState, name: &str) -> Result<(TenantId, String), String> {
    if name.is_empty() {
        return Err("Pick the tenant's domain.".to_owned());
    }
    let fusionpbx = app.fusionpbx.as_ref().map_err(|reason| format!("FusionPBX cannot be asked: {reason}."))?;
    let found = fusionpbx.tenants_called(name).await.map_err(|error| Chain(&error).to_string())?;
    match found.as_slice() {
        [one] => Ok((one.id, one.name.clone())),
        [] => Err("FusionPBX has no enabled tenant of that name.".to_owned()),
        _ => Err("FusionPBX has several tenants of that name.".to_owned()),
    }
}

async fn again(app: &AppState, visit: &Visit, refused: Refused) -> Result<Response, PageError> {
    let page = page(app, visit, Some(refused)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn page(app: &AppState, visit: &Visit, refused: Option<Refused>) -> Result<Response, PageError> {
    let accounts = app.deeds.store.roster().await?;
    let of_invite = refused.as_ref().filter(|refused| refused.account.is_none());
    let role = RoleForm {
        action: routes::OPERATORS.to_owned(),
        roles: roles(of_invite.map_or("", |refused| &refused.typed.role)),
        domain: of_invite.map(|refused| refused.typed.domain.clone()).unwrap_or_default(),
        role_fault: of_invite.and_then(|refused| refused.faults.role.clone()),
        domain_fault: of_invite.and_then(|refused| refused.faults.domain.clone()),
    };
    draw(&OperatorsPage {
        frame: view::frame(app, visit, "Operators", "operators").await?,
        accounts: accounts.iter().map(|account| account_row(account, visit, refused.as_ref())).collect(),
        invite: InviteForm {
            name: of_invite.map(|refused| refused.name.clone()).unwrap_or_default(),
            name_fault: of_invite.and_then(|refused| refused.name_fault.clone()),
            role,
        },
        tenants: offered(app).await,
        roles: Role::ALL.iter().map(|role| (role.word().to_owned(), role.purpose().to_owned())).collect(),
    })
}

async fn offered(app: &AppState) -> Result<Vec<String>, String> {
    let fusionpbx = app.fusionpbx.as_ref().map_err(Clone::clone)?;
    let wanted = TenantsWanted { limit: OFFERED, ..TenantsWanted::default() };
    let page = fusionpbx.tenants(&wanted).await.map_err(|error| Chain(&error).to_string())?;
    Ok(page.tenants.into_iter().filter(|tenant| tenant.enabled).map(|tenant| tenant.name).collect())
}

fn account_row(account: &Account, visit: &Visit, refused: Option<&Refused>) -> AccountRow {
    let refused = refused.filter(|refused| refused.account == Some(account.id));
    let role = account.post.role().word();
    let domain = account.post.domain().map(|(_, name)| name.to_owned()).unwrap_or_default();
    let is_in = account.disabled.is_none();
    let (mark, state) = match (account.disabled, account.invited) {
        (Some(since), _) => (Mark::Plain, format!("disabled {}", since.minutes())),
        (None, true) => (Mark::Busy, "invited, no password yet".to_owned()),
        (None, false) => (Mark::Pass, "may sign in".to_owned()),
    };
    let to = |act: &str| routes::operator(account.id, act);
    AccountRow {
        anchor: format!("account-{}", account.id),
        name: printable(&account.name),
        is_own: account.name == visit.name,
        role: account.post.to_string(),
        since: account.created.minutes(),
        last_sign_in: account.last_sign_in.map_or_else(|| "never".to_owned(), Timestamp::minutes),
        sessions: account.sessions,
        mark,
        state,
        change: RoleForm {
            action: to("role"),
            roles: roles(refused.map_or(role, |refused| &refused.typed.role)),
            domain: refused.map_or(domain, |refused| refused.typed.domain.clone()),
            role_fault: refused.and_then(|refused| refused.faults.role.clone()),
            domain_fault: refused.and_then(|refused| refused.faults.domain.clone()),
        },
        disable: is_in.then(|| to("disable")),
        enable: (!is_in).then(|| to("enable")),
        end_sessions: (account.sessions > 0).then(|| to("end-sessions")),
        invite_again: (is_in && account.invited).then(|| to("invitation")),
    }
}

/// The roles to choose from; the least of them unless one is chosen.
fn roles(chosen: &str) -> Vec<Choice> {
    let is_known = chosen.parse::<Role>().is_ok();
    let choice = |role: &Role| Choice {
        value: role.word().to_owned(),
        label: role.word().to_owned(),
        chosen: if is_known { role.word() == chosen } else { *role == Role::Viewer },
    };
    Role::ALL.iter().map(choice).collect()
}
