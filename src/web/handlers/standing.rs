//! Standing orders: what the agent may do by itself, and ending it.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::audit::finding::Wall;
use crate::audit::walls::Walls;
use crate::base::chain::printable;
use crate::base::ids::CertificateId;
use crate::base::secret::Secret;
use crate::deeds::step_up::StepUpError;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::step_up::{self, Pending};
use crate::web::pages::certificates::StandingRow;
use crate::web::state::AppState;
use crate::web::{flash, routes, session, view};
use crate::wire::grant::StandingOrder;

/// What the button sends.
#[derive(Deserialize)]
pub(crate) struct EndFields {
    certificate: CertificateId,
    #[serde(default)]
    code: Option<Secret<String>>,
}

/// Ends the standing order for a certificate.
pub(crate) async fn end(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<EndFields>,
) -> Result<Response, PageError> {
    let agent = &app.issuing.agent;
    let order = match agent.standing_orders().await {
        Ok(orders) => orders.into_iter().map(|placed| placed.order).find(|order| is_for(order, sent.certificate)),
        Err(error) => {
            let pending = pending(&sent, &format!("certificate {}", sent.certificate));
            return step_up::ask(&app, &visit, pending, &StepUpError::from(error)).await;
        }
    };
    let order = order.ok_or(PageError::NotFound)?;
    let words = order.to_string();
    let brought = step_up::brought(&visit, sent.code.as_ref())?;
    match app.deeds.end_keeping(agent, &visit.actor(), order, brought).await {
        Ok(()) => {
            session::renew(&visit.session).await?;
            app.look_again.notify_one();
            flash::done(&visit.session, format!("Ended: {words}"), routes::CERTIFICATES).await
        }
        Err(StepUpError::Store(error)) => Err(error.into()),
        Err(error) => step_up::ask(&app, &visit, pending(&sent, &words), &error).await,
    }
}

/// The orders that the last look saw.
pub(super) fn rows(walls: &Walls) -> Result<Vec<StandingRow>, String> {
    let (facts, _) = view::known(&walls.facts.kept)?;
    let rows = facts.standing.iter().map(|placed| {
        let StandingOrder::Certificate { certificate, .. } = &placed.order;
        StandingRow {
            certificate: certificate.to_string(),
            words: printable(&placed.order.to_string()),
            by: printable(&placed.by),
            since: placed.at.minutes(),
        }
    });
    Ok(rows.collect())
}

fn is_for(order: &StandingOrder, wanted: CertificateId) -> bool {
    let StandingOrder::Certificate { certificate, .. } = order;
    *certificate == wanted
}

fn pending(sent: &EndFields, words: &str) -> Pending<'static> {
    Pending {
        title: "End a standing order".to_owned(),
        plan: vec![
            format!("The agent will no longer keep by itself: {words}."),
            "What nginx serves now stays. It is not renewed until somebody orders it anew.".to_owned(),
        ],
        action: routes::STANDING_END.to_owned(),
        fields: vec![("certificate", sent.certificate.to_string())],
        button: "End the standing order".to_owned(),
        secret: step_up::Typed::Nothing,
        back: (routes::CERTIFICATES, Wall::Certificates.slug()),
    }
}
