//! Cookies beside the session's own, which tower-sessions keeps: read from the request, written as `__Host-` wants it.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// The value of the cookie `name`. One that comes twice is not believed: a `__Host-` cookie cannot.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = pairs.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(own, _)| *own == name).map(|(_, value)| value);
    let (first, None) = (values.next(), values.next()) else { return None };
    first
}

/// The line that sets `name` to `value`, which must be safe in a cookie: until the browser ends, or for `seconds`.
/// Secure, for every path, out of scripts' reach, never sent from other sites (RFC 6265bis section 4.1.3.2).
pub(super) fn set(name: &str, value: &str, seconds: Option<u64>) -> Option<HeaderValue> {
    let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{age}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_not_believed_twice() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; __Host-b=2;c=3"));
        headers.append(COOKIE, HeaderValue::from_static("d=4; c=5"));

        assert_eq!(read(&headers, "__Host-b"), Some("2"));
        assert_eq!(read(&headers, "d"), Some("4"));
        assert_eq!(read(&headers, "c"), None);
        assert_eq!(read(&headers, "b"), None);
    }
}
