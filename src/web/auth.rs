//! Who asks. A [`Visit`] is made by the guard that stands before each route of the table.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tower_sessions::Session;

use crate::base::chain::Chain;
use crate::base::ids::{OperatorId, TenantId};
use crate::base::role::{Reach, Role};
use crate::fusionpbx::tenants::OwnDomainState;
use crate::store::operators::Visitor;
use crate::store::trail::Actor;
use crate::web::error::PageError;
use crate::web::may::May;
use crate::web::state::AppState;
use crate::web::{routes, session};

/// The operator behind a request, and the session. Made by the guard before each route, never by a handler.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) operator: OperatorId,
    pub(super) name: String,
    pub(super) role: Role,
    /// The one domain that the account is bound to, and its name as last seen; `None` but for a tenant's.
    pub(super) domain: Option<(TenantId, String)>,
    /// How far the visit reaches. Nothing else in `web` makes one: a tenant's begins with nothing, and the guard fills it
    /// in for the routes that need it.
    pub(super) reach: Reach,
    pub(super) address: Option<IpAddr>,
    pub(super) session: Session,
    pub(super) csrf: String,
}

impl Visit {
    /// The operator as the trail names them.
    pub(super) fn actor(&self) -> Actor {
        Actor { name: self.name.clone(), address: self.address.map(|address| address.to_string()) }
    }

    /// Whether the visitor may do that.
    pub(super) const fn may(&self, act: May) -> bool {
        self.role.may(act)
    }

    /// The page the visitor begins with.
    pub(super) const fn home(&self) -> &'static str {
        if self.may(May::SeeWalls) { routes::WALLS } else { routes::PASSWORDS }
    }
}

/// Who is behind a request. Asked each time: what a role may no longer do, and a disabled account, are over at once.
///
/// # Errors
/// Nobody is signed in, or our own store failed.
pub(super) async fn visit(parts: &Parts, app: &AppState) -> Result<Visit, PageError> {
    let session = parts.extensions.get::<Session>().cloned().ok_or(PageError::SignInFirst)?;
    let visitor = visitor(&session, app).await?.ok_or(PageError::SignInFirst)?;
    session::touch(&session, app.deeds.clock.now()).await?;
    let csrf = session::csrf(&session).await?;
    let address = app.edge.in_front.client(parts);
    let Visitor { id: operator, name, post } = visitor;
    let (role, domain) = (post.role(), post.domain().map(|(id, name)| (id, name.to_owned())));
    let reach = if domain.is_none() { Reach::Everything } else { Reach::Nothing };
    Ok(Visit { operator, name, role, domain, reach, address, session, csrf })
}

/// Why a tenant's own operator reaches nothing now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoReach {
    /// FusionPBX cannot be asked.
    NotTested,
    /// The domain is switched off in FusionPBX.
    Disabled,
    /// The domain is not in FusionPBX any more.
    Gone,
}

/// How far an account reaches that is bound to `domain`. FusionPBX is asked each time: the id binds, while name and
/// state may change.
pub(super) async fn reach(app: &AppState, domain: Option<TenantId>) -> Result<Reach, NoReach> {
    let Some(domain) = domain else { return Ok(Reach::Everything) };
    let Ok(fusionpbx) = &app.fusionpbx else { return Err(NoReach::NotTested) };
    match fusionpbx.own_domain(domain).await {
        Ok(OwnDomainState::Here(domain)) => Ok(Reach::Domain(domain)),
        Ok(OwnDomainState::Disabled) => Err(NoReach::Disabled),
        Ok(OwnDomainState::Gone) => Err(NoReach::Gone),
        Err(error) => {
            tracing::warn!("A tenant's domain could not be looked up: {}", Chain(&error));
            Err(NoReach::NotTested)
        }
    }
}

/// The account that a session belongs to, unless it is disabled or gone.
///
/// # Errors
/// Our own store failed.
pub(super) async fn visitor(session: &Session, app: &AppState) -> Result<Option<Visitor>, PageError> {
    let Some(operator) = session::operator(session).await? else { return Ok(None) };
    Ok(app.deeds.store.visitor(operator).await?)
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, PageError> {
        // A handler that takes a visit on a route that is open to strangers gets none.
        parts.extensions.get::<Self>().cloned().ok_or(PageError::SignInFirst)
    }
}
