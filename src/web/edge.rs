//! What stands between browsers and the handlers, as far as it is set or remembered.

use crate::web::client_address::InFront;
use crate::web::handlers::policy_report::ReportLimit;
use crate::web::headers::TlsOnly;

/// What stands between browsers and the handlers.
#[derive(Debug, Default)]
pub struct Edge {
    /// Who may speak to the console: browsers, or nginx for them.
    pub in_front: InFront,
    /// The names that browsers are told to reach over TLS only.
    pub tls_only: TlsOnly,
    /// Turns away reports of broken policies that come too fast.
    pub(super) reports: ReportLimit,
}

impl Edge {
    /// The edge with this in front of the console.
    #[must_use]
    pub fn behind(in_front: InFront) -> Self {
        Self { in_front, ..Self::default() }
    }
}
