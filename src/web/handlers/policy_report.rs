//! What browsers report when a page asks for something that the content security policy forbids (W3C CSP 3, section
//! 5.5). A page of ours never should: each report is a fault of ours, an extension, or somebody at work.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tracing::warn;

use crate::base::chain::printable;
use crate::web::state::AppState;

/// The longest report that is read, in bytes.
const LONGEST: usize = 8 * 1024;

/// The most of one word that is logged, in letters.
const MOST_LETTERS: usize = 200;

/// So many reports in one minute: from everybody together, since each is a line in the log.
const MOST: u32 = 20;

/// How many reports were heard in the present minute, and when that began.
#[derive(Debug, Default)]
pub(crate) struct ReportLimit(Mutex<(Duration, u32)>);

impl ReportLimit {
    fn allows(&self, now: Duration) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(minute.0) >= Duration::from_mins(1) {
            *minute = (now, 0);
        }
        minute.1 = minute.1.saturating_add(1);
        minute.1 <= MOST
    }
}

#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "csp-report")]
    report: Report,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    effective_directive: Option<String>,
    /// What older browsers send instead.
    violated_directive: Option<String>,
    #[serde(default)]
    blocked_uri: String,
    #[serde(default)]
    document_uri: String,
}

/// Writes a line in the log, and changes nothing. Needs no session: the page that broke may have none.
pub(crate) async fn post(State(app): State<AppState>, body: Bytes) -> StatusCode {
    if !app.edge.reports.allows(app.deeds.clock.running()) {
        return StatusCode::TOO_MANY_REQUESTS;
    }
    if body.len() > LONGEST {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    let Ok(Sent { report }) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    warn!(
        policy.directive = short(&report.effective_directive.or(report.violated_directive).unwrap_or_default()),
        policy.blocked = short(&without_path(&report.blocked_uri)),
        policy.page = short(&first_step(&report.document_uri)),
        "A browser reports that a page broke the content security policy"
    );
    StatusCode::NO_CONTENT
}

fn short(text: &str) -> String {
    printable(&text.chars().take(MOST_LETTERS).collect::<String>())
}

/// Scheme and host of an address; a word such as `inline` as it is. A path may hold a secret of another site.
fn without_path(address: &str) -> String {
    address.split('/').take(3).collect::<Vec<_>>().join("/").split(['?', '#']).take(1).collect()
}

/// Which page it was, by the first step of its path: the rest may be the token of a link.
fn first_step(address: &str) -> String {
    format!("/{}", address.split('/').nth(3).unwrap_or_default().split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_reports_a_minute_are_heard() {
        let limit = ReportLimit::default();
        let at = Duration::from_secs;

        assert!((0..20).all(|second| limit.allows(at(second))));
        assert!(!limit.allows(at(59)));
        assert!(limit.allows(at(60)) && limit.allows(at(61)));
    }

    #[test]
    fn neither_a_link_nor_another_sites_path_is_logged() {
        assert_eq!(first_step("https://console.example/setup/secret-token?x=1"), "/setup");
        assert_eq!(first_step("https://console.example?x=secret"), "/");
        assert_eq!(without_path("https://evil.example/secret?token=1"), "https://evil.example");
        assert_eq!(without_path("https://evil.example?token=1"), "https://evil.example");
        assert_eq!(without_path("inline"), "inline");
        assert_eq!(short("a\nb"), "a\\u{a}b");
    }
}
