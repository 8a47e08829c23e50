//! The security headers that stand on every answer, errors and static files too (MDN HTTP Observatory; ASVS 3.4).

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::web::state::AppState;

/// Nothing is loaded, framed, sent or embedded but from and to ourselves, and no script makes markup or script of text.
/// `report-uri` and not `report-to`: a browser heeds the newer one only under a certificate that it trusts, and then
/// passes over the older.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp-report";

const OTHERS: [(&str, &str); 5] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("x-permitted-cross-domain-policies", "none"),
];

/// The host names for which browsers may be told to use TLS only (RFC 6797): empty until `app` has seen that each is
/// the console's alone and served under a certificate that is publicly trusted.
#[derive(Clone, Debug, Default)]
pub struct TlsOnly(Arc<RwLock<Told>>);

#[derive(Debug, Default)]
struct Told {
    names: BTreeSet<String>,
    subdomains: bool,
}

impl TlsOnly {
    /// From now on for these names only; with `subdomains`, for every name below them too.
    pub fn set(&self, names: BTreeSet<String>, subdomains: bool) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Told { names, subdomains };
    }

    /// A year: ASVS 3.4.1.
    fn header(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let host = request.get(HOST)?.to_str().ok()?.to_ascii_lowercase();
        let name = host.split(':').next().unwrap_or_default();
        let told = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let words = if told.subdomains { "max-age=31536000; includeSubDomains" } else { "max-age=31536000" };
        told.names.contains(name).then(|| HeaderValue::from_static(words))
    }
}

/// Puts the headers on whatever comes back. A page is never kept by a browser or a proxy, unless the handler has said
/// otherwise; text says in which letters it is written (ASVS 4.1.1).
pub(super) async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let tls_only = app.edge.tls_only.header(request.headers());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for (name, value) in OTHERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(words) = tls_only {
        headers.insert(STRICT_TRANSPORT_SECURITY, words);
    }
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, host.parse().unwrap())])
    }

    /// ASVS 3.4.1.
    #[test]
    fn tls_only_is_said_for_a_year_and_for_the_names_it_was_seen_to_hold_for() {
        let tls_only = TlsOnly::default();
        assert_eq!(tls_only.header(&asked("console.example")), None);

        tls_only.set(BTreeSet::from(["console.example".to_owned()]), false);

        assert_eq!(tls_only.header(&asked("CONSOLE.example:8443")).unwrap(), "max-age=31536000");
        assert_eq!(tls_only.header(&asked("pbx.example")), None);
        tls_only.set(BTreeSet::from(["console.example".to_owned()]), true);
        assert_eq!(tls_only.header(&asked("console.example")).unwrap(), "max-age=31536000; includeSubDomains");
    }
}
