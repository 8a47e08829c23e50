//! Certificates, as a tenant's own operator sees them: those of one domain.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::pages::certificates::{CertificateRow, OrderRow};
use crate::web::parts::Mark;

/// The page at `/certificates` for the role tenant.
#[derive(Clone, Debug, Template)]
#[template(path = "own_certificates.html")]
pub struct OwnCertificatesPage {
    /// The frame.
    pub frame: Frame,
    /// The domain's name.
    pub domain: String,
    /// Why no certificate can belong to the domain; empty where one can.
    pub none_can: String,
    /// Its certificates.
    pub certificates: Vec<CertificateRow>,
    /// Their orders, newest first.
    pub orders: Vec<OrderRow>,
}
