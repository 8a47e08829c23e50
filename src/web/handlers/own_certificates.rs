//! Certificates for a tenant's own operator: nothing but those of one domain.

use axum::response::Response;

use crate::audit::finding::Wall;
use crate::base::chain::printable;
use crate::base::role::OwnDomain;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::certificates::{CertificateRow, OrderRow};
use crate::web::pages::own_certificates::OwnCertificatesPage;
use crate::web::state::AppState;
use crate::web::view;

/// The page, of rows that were read within the visitor's reach.
pub(super) async fn page(
    app: &AppState,
    visit: &Visit,
    domain: &OwnDomain,
    certificates: Vec<CertificateRow>,
    orders: Vec<OrderRow>,
) -> Result<Response, PageError> {
    let none_can = match &domain.host {
        Some(_) => "",
        None => {
            "The domain's name is no host name, or another domain is called the same: no certificate can be told to be yours."
        }
    };
    draw(&OwnCertificatesPage {
        frame: view::frame(app, visit, Wall::Certificates.title(), Wall::Certificates.slug()).await?,
        domain: printable(&domain.name),
        none_can: none_can.to_owned(),
        certificates,
        orders,
    })
}
