//! What to order for tenants without a certificate.

use askama::Template;

use crate::web::frame::Frame;

/// The page at `/certificates/plan`.
#[derive(Clone, Debug, Template)]
#[template(path = "coverage_plan.html")]
pub struct CoveragePlanPage {
    /// The frame.
    pub frame: Frame,
    /// The plan, or why there is none.
    pub plan: Result<CoveragePlanView, String>,
}

/// A plan.
#[derive(Clone, Debug)]
pub struct CoveragePlanView {
    /// `12 orders cover 40 tenants, the last one at …`.
    pub words: String,
    /// The first orders.
    pub orders: Vec<PlannedRow>,
    /// How many more there are.
    pub more: usize,
    /// Tenants for whom nothing can be ordered, each with the reason.
    pub not_possible: Vec<(String, String)>,
    /// Whether the visitor may order.
    pub can_order: bool,
}

/// One planned order.
#[derive(Clone, Debug)]
pub struct PlannedRow {
    /// Its names, with spaces between.
    pub names: String,
    /// `3 tenants`.
    pub tenants: String,
    /// Not before then.
    pub at: String,
}
