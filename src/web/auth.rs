//! Who asks. A handler that takes a [`Visit`] cannot be reached without a session of an operator.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tower_sessions::Session;

use crate::store::trail::Actor;
use crate::web::error::PageError;
use crate::web::session;
use crate::web::state::AppState;

/// The operator behind a request, and the session.
pub(super) struct Visit {
    pub(super) name: String,
    pub(super) address: Option<IpAddr>,
    pub(super) session: Session,
    pub(super) csrf: String,
}

impl Visit {
    /// The operator as the trail names them.
    pub(super) fn actor(&self) -> Actor {
        Actor { name: self.name.clone(), address: self.address.map(|address| address.to_string()) }
    }
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, PageError> {
        let session = parts.extensions.get::<Session>().cloned().ok_or(PageError::SignInFirst)?;
        let operator = session::operator(&session).await?.ok_or(PageError::SignInFirst)?;
        // Asked each time: a disabled operator's session is over at once.
        let name = app.deeds.store.operator_name(operator).await?.ok_or(PageError::SignInFirst)?;
        session::touch(&session, app.deeds.clock.now()).await?;
        let csrf = session::csrf(&session, app.deeds.random.as_ref()).await?;
        let address = app.edge.in_front.client(parts);
        Ok(Self { name, address, session, csrf })
    }
}

/// The address a request came from, where it is known.
pub(super) struct Client(pub(super) Option<IpAddr>);

impl FromRequestParts<AppState> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Self(app.edge.in_front.client(parts)))
    }
}
