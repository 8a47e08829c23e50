//! Asks, before any handler runs, who comes and whether they may: each route of the table goes through here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::base::clock::Timestamp;
use crate::store::trail::Act;
use crate::web::auth::{self, NoReach, Visit};
use crate::web::error::PageError;
use crate::web::handlers::own_domain;
use crate::web::may::May;
use crate::web::router::RouteRow;
use crate::web::routes;
use crate::web::state::AppState;

/// A refusal is told to the trail and the log at most this often for one session and route, so that a loop fills
/// neither.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// What stands before one route.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) app: AppState,
    pub(super) route: RouteRow,
    pub(super) told: Refusals,
}

/// Lets the request through with its [`Visit`], or refuses it.
pub(super) async fn ask(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match gate.judge(request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal,
    }
}

impl Gate {
    async fn judge(&self, request: Request) -> Result<Request, Response> {
        if self.route.may == May::Anyone {
            return Ok(request);
        }
        let (mut parts, body) = request.into_parts();
        let mut visit = auth::visit(&parts, &self.app).await.map_err(PageError::into_response)?;
        if !visit.may(self.route.may) {
            return Err(self.refuse(&visit).await);
        }
        if self.route.may != May::SignedIn {
            visit.reach = match auth::reach(&self.app, visit.domain.as_ref().map(|(id, _)| *id)).await {
                Ok(reach) => reach,
                Err(why) => return Err(self.unreachable(&visit, why).await),
            };
        }
        parts.extensions.insert(visit);
        Ok(Request::from_parts(parts, body))
    }

    /// What a tenant's own operator gets while nothing can be said of the domain: no page that might show another's.
    async fn unreachable(&self, visit: &Visit, why: NoReach) -> Response {
        if self.route.path.starts_with("/api/") {
            let (status, sentence) = own_domain::words(why);
            return (status, axum::Json(serde_json::json!({ "error": sentence }))).into_response();
        }
        own_domain::page(&self.app, visit, why).await.unwrap_or_else(PageError::into_response)
    }

    async fn refuse(&self, visit: &Visit) -> Response {
        if self.route.path == routes::WALLS {
            // Everyone begins at `/`; whoever may not see it is led to what they may.
            return Redirect::to(visit.home()).into_response();
        }
        let now = self.app.deeds.clock.now();
        let session = visit.session.id().map_or(0, |id| id.0);
        if self.told.is_news((session, self.route.method.to_string(), self.route.path), now) {
            let subject = format!("{} {}", self.route.method, self.route.path);
            let reason = format!("the role {} may not", visit.role);
            tracing::warn!(operator = visit.name, route = subject, "A request was refused: {reason}");
            let act = Act { act: "access.refused", subject: &subject, ..Act::default() };
            if let Err(error) = self.app.deeds.refused(&visit.actor(), act, &reason).await {
                return PageError::from(error).into_response();
            }
        }
        PageError::NotForRole.into_response()
    }
}

/// A session, a method and a path.
type Refused = (i128, String, &'static str);

/// The refusals of the last minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<Mutex<HashMap<Refused, Timestamp>>>);

impl Refusals {
    /// Whether this one was not told within the last minute.
    fn is_news(&self, refused: Refused, now: Timestamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now.since(*at) < TOLD_EVERY);
        if told.contains_key(&refused) {
            return false;
        }
        told.insert(refused, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_news_once_a_minute_for_each_session_and_route() {
        let told = Refusals::default();
        let now = Timestamp::from_unix(1_800_000_000);
        let get = |session| (session, "GET".to_owned(), "/ssh");

        assert!(told.is_news(get(1), now));
        assert!(!told.is_news(get(1), now.plus(Duration::from_secs(59))));
        assert!(told.is_news(get(2), now));
        assert!(told.is_news((1, "POST".to_owned(), "/ssh"), now));
        assert!(told.is_news(get(1), now.plus(TOLD_EVERY)));
    }
}
