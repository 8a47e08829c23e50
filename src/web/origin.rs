//! Whose request it is: the host name must be ours (421), and what changes anything must come from our own pages.

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::base::names::Fqdn;
use crate::web::error::PageError;
use crate::web::state::AppState;

/// The names and ports under which browsers reach the console.
#[derive(Clone, Debug)]
pub struct OwnNames {
    names: Vec<Fqdn>,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl OwnNames {
    /// The console called any of `names` on any of `ports`, over TLS.
    #[must_use]
    pub fn new(names: &[String], ports: &[u16]) -> Self {
        let mut hosts = Vec::new();
        for name in names {
            for port in ports {
                let name = name.to_ascii_lowercase();
                // A browser leaves the scheme's own port out.
                hosts.push(if *port == 443 { name } else { format!("{name}:{port}") });
            }
        }
        let origins = hosts.iter().map(|host| format!("https://{host}")).collect();
        let names = names.iter().filter_map(|name| Fqdn::parse(name).ok()).collect();
        Self { names, hosts, origins }
    }

    /// The names, without those that are addresses.
    pub(super) fn names(&self) -> &[Fqdn] {
        &self.names
    }

    fn has_host(&self, headers: &HeaderMap, uri_host: Option<&str>) -> bool {
        let mut named = headers.get_all(HOST).iter();
        // Two of them mean that somebody in front may have read the other one (RFC 9112, section 3.2).
        let (Some(named), None) = (named.next(), named.next()) else { return false };
        let is_ours = |host: &str| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        // Where the target names a host too, it counts and the header does not (RFC 9112, section 3.2.2).
        named.to_str().is_ok_and(is_ours) && uri_host.is_none_or(is_ours)
    }

    /// Whether a request that changes something comes from one of our own pages. Browsers say so in `Sec-Fetch-Site`
    /// (Fetch Metadata, W3C); those that do not yet send it send `Origin`. One that says neither is refused.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
        let is_ours = |origin: &[u8]| self.origins.iter().any(|own| own.as_bytes() == origin);
        match headers.get("sec-fetch-site") {
            // Under our own `Referrer-Policy: no-referrer` a form's origin is `null` (Fetch, section 3.2).
            Some(site) => site == "same-origin" && origin.is_none_or(|origin| origin == b"null" || is_ours(origin)),
            None => origin.is_some_and(is_ours),
        }
    }
}

/// Refuses requests for other host names, and changes that other sites ask for.
pub(super) async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    if !app.names.has_host(request.headers(), request.uri().authority().map(axum::http::uri::Authority::as_str)) {
        return PageError::WrongHost.into_response();
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !app.names.is_own(request.headers()) {
        return PageError::CrossSite.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn names() -> OwnNames {
        OwnNames::new(&["console.example".to_owned()], &[8443, 443])
    }

    #[test]
    fn only_our_own_names_and_ports_are_ours() {
        assert!(names().has_host(&headers(&[("host", "console.example:8443")]), None));
        assert!(names().has_host(&headers(&[("host", "CONSOLE.example")]), None));
        assert!(!names().has_host(&headers(&[("host", "console.example:80")]), None));
        assert!(!names().has_host(&headers(&[("host", "evil.example")]), None));
        assert!(!names().has_host(&headers(&[]), None));
        assert!(!names().has_host(&headers(&[]), Some("console.example")));
        assert!(names().has_host(&headers(&[("host", "console.example")]), Some("console.example")));
        assert!(!names().has_host(&headers(&[("host", "console.example")]), Some("evil.example")));
        assert!(!names().has_host(&headers(&[("host", "console.example"), ("host", "console.example")]), None));
    }

    #[test]
    fn a_change_must_come_from_our_own_page() {
        let cases: [(&[(&str, &str)], bool); 10] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://console.example")], false),
            (&[("origin", "https://console.example:8443")], true),
            (&[("origin", "https://console.example:9999")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], false),
            (&[], false),
        ];
        for (pairs, expected) in cases {
            let pairs: Vec<(&'static str, &str)> = pairs.to_vec();
            assert_eq!(names().is_own(&headers(&pairs)), expected, "{pairs:?}");
        }
    }
}
