//! What to order for tenants without a certificate.

use axum::extract::State;
use axum::response::Response;

use crate::audit::finding::Wall;
use crate::base::chain::printable;
use crate::deeds::coverage::CoveragePlan;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::certificates::tenants;
use crate::web::handlers::draw;
use crate::web::may::May;
use crate::web::pages::coverage_plan::{CoveragePlanPage, CoveragePlanView, PlannedRow};
use crate::web::state::AppState;
use crate::web::view;

/// Orders on the page.
const SHOWN: usize = 100;

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let plan = match tenants(&walls) {
        Ok(tenants) => Ok(view_of(app.deeds.plan_coverage(&app.issuing, tenants).await?, &visit)),
        Err(reason) => Err(reason),
    };
    draw(&CoveragePlanPage {
        frame: view::frame(&app, &visit, "What to order", Wall::Certificates.slug()).await?,
        plan,
    })
}

fn view_of(made: CoveragePlan, visit: &Visit) -> CoveragePlanView {
    let CoveragePlan { plan, unnameable } = made;
    let missing: usize = plan.orders.iter().map(|order| order.tenants.len()).sum();
    let words = match plan.ends() {
        None => format!("Nothing to order; {} tenants are covered.", plan.covered),
        Some(at) => format!(
            "{} orders cover {missing} tenants, the last one not before {}; {} tenants are covered already.",
            plan.orders.len(),
            at.minutes(),
            plan.covered
        ),
    };
    let outside = plan.outside.iter().map(|name| (name.to_string(), "it lies in no approved zone".to_owned()));
    let unnameable =
        unnameable.iter().map(|name| (printable(name), "it is no name that a certificate can hold".to_owned()));
    CoveragePlanView {
        words,
        more: plan.orders.len().saturating_sub(SHOWN),
        not_possible: outside.chain(unnameable).take(SHOWN).collect(),
        can_order: visit.may(May::OrderCertificate),
        orders: plan
            .orders
            .iter()
            .take(SHOWN)
            .map(|order| PlannedRow {
                names: order.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
                tenants: format!("{} tenants", order.tenants.len()),
                at: order.at.minutes(),
            })
            .collect(),
    }
}
