//! What a request may weigh and how long it may take to arrive, before any route hears of it.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{CONNECTION, COOKIE, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// The largest body of a request: 64 KiB.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// A body that is not here after this long is given up.
const DEADLINE: Duration = Duration::from_secs(30);

/// The most cookies of one request. Ours is one; under one name with FusionPBX a few of its own may come too.
const MOST_COOKIES: usize = 64;

/// The most that all header lines of one request may hold together, in bytes.
const MOST_HEADER_BYTES: usize = 16 * 1024;

/// Answers what is wrong with the head: 411 or 431. Stands before everything else, so that nothing answers such a request
/// and keeps its connection. No browser sends a request in chunks and nginx never passes one on: an end that two programs
/// could see in two places is not looked for.
pub(super) async fn guard_head(request: Request, next: Next) -> Response {
    if is_overloaded(request.headers()) {
        return refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if request.headers().contains_key(TRANSFER_ENCODING) {
        return refused(StatusCode::LENGTH_REQUIRED);
    }
    next.run(request).await
}

/// Takes the whole body in, or answers what is wrong with it: 408 or 413.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, Body::empty())).await;
    }
    if body.size_hint().lower() > MOST_BYTES as u64 {
        return refused(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match tokio::time::timeout(DEADLINE, Limited::new(body, MOST_BYTES).collect()).await {
        Ok(Ok(whole)) => next.run(Request::from_parts(parts, Body::from(whole.to_bytes()))).await,
        Ok(Err(error)) if error.is::<LengthLimitError>() => refused(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => refused(StatusCode::BAD_REQUEST),
        Err(_) => refused(StatusCode::REQUEST_TIMEOUT),
    }
}

/// The connection ends with the answer: what else is on its way there belongs to the refused request.
fn refused(status: StatusCode) -> Response {
    (status, [(CONNECTION, HeaderValue::from_static("close"))]).into_response()
}

fn is_overloaded(headers: &HeaderMap) -> bool {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let cookies: usize =
        headers.get_all(COOKIE).iter().map(|line| line.as_bytes().split(|&byte| byte == b';').count()).sum();
    bytes > MOST_HEADER_BYTES || cookies > MOST_COOKIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_cookies_are_too_many_however_they_are_written() {
        let line = |text: String| HeaderMap::from_iter([(COOKIE, text.parse().unwrap())]);
        let mut lines = HeaderMap::new();
        for nth in 0..65 {
            lines.append(COOKIE, format!("c{nth}=1").parse().unwrap());
        }

        assert!(!is_overloaded(&line("c=1; ".repeat(63) + "c=1")));
        assert!(is_overloaded(&line("c=1; ".repeat(1_000))));
        assert!(is_overloaded(&line(";".repeat(1_000))));
        assert!(is_overloaded(&line("c".repeat(20_000))));
        assert!(is_overloaded(&lines));
    }
}
