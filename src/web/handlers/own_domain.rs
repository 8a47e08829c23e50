//! What a tenant's own operator sees while the domain cannot be looked up, is switched off, or is gone.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::base::chain::printable;
use crate::web::auth::{NoReach, Visit};
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::own_domain::OwnDomainPage;
use crate::web::parts::Mark;
use crate::web::state::AppState;
use crate::web::view;

/// The page.
pub(crate) async fn page(app: &AppState, visit: &Visit, why: NoReach) -> Result<Response, PageError> {
    let (status, sentence) = words(why);
    let name = visit.domain.as_ref().map(|(_, name)| printable(name)).unwrap_or_default();
    let page = draw(&OwnDomainPage {
        frame: view::frame(app, visit, "Your domain", "").await?,
        domain: name,
        mark: Mark::NotTested,
        word: match why {
            NoReach::NotTested => "not tested",
            NoReach::Disabled => "switched off",
            NoReach::Gone => "gone",
        }
        .to_owned(),
        sentence: sentence.to_owned(),
    })?;
    Ok((status, page).into_response())
}

/// The status and the sentence for it.
pub(crate) const fn words(why: NoReach) -> (StatusCode, &'static str) {
    match why {
        NoReach::NotTested => (
            StatusCode::SERVICE_UNAVAILABLE,
            "FusionPBX's database does not answer, so nothing about your domain can be shown or changed now.",
        ),
        NoReach::Disabled => (
            StatusCode::FORBIDDEN,
            "Your domain is switched off in FusionPBX. While it is, there is nothing here for you to see.",
        ),
        NoReach::Gone => (
            StatusCode::FORBIDDEN,
            "The domain that your account belongs to is not in FusionPBX any more. An operator can say what became of it.",
        ),
    }
}
