//! Where a visitor goes on after signing in: a page of the console, named by the request that sent them to sign in, and
//! believed only if it is one of the table in `routes.rs`.

use std::fmt::Write as _;

use tower_sessions::Session;
use tower_sessions::session::Error as SessionError;

use crate::web::routes;

const KEY: &str = "next";

/// No page's address is longer, in bytes.
const LONGEST: usize = 1_024;

/// `target`, a path with its query, if it is one of [`routes::PAGES`]. Whatever it holds may then stand in a header.
pub(super) fn page(target: &str) -> Option<&str> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let keys = routes::PAGES.iter().find(|(pattern, _)| is_of(path, pattern)).map(|(_, keys)| *keys)?;
    let is_known = |pair: &str| {
        pair.split_once('=').is_some_and(|(key, value)| keys.contains(&key) && is_plain(value.as_bytes()))
    };
    (target.len() <= LONGEST && query.is_none_or(|query| query.split('&').all(is_known))).then_some(target)
}

/// Where to sign in first, to be led to `target` then.
pub(super) fn sign_in_for(target: &str) -> String {
    match page(target) {
        // There one goes anyway.
        None | Some(routes::WALLS) => routes::SIGN_IN.to_owned(),
        Some(target) => format!("{}?next={}", routes::SIGN_IN, escaped(target)),
    }
}

/// Keeps the page for the end of a sign-in that has come as far as a right password.
///
/// # Errors
/// Our own store failed.
pub(super) async fn keep(session: &Session, target: &str) -> Result<(), SessionError> {
    match page(target) {
        Some(target) => session.insert(KEY, target).await,
        None => Ok(()),
    }
}

/// The page that was kept, or the walls.
///
/// # Errors
/// Our own store failed.
pub(super) async fn kept(session: &Session) -> Result<String, SessionError> {
    let kept = session.get::<String>(KEY).await?;
    Ok(kept.filter(|target| page(target).is_some()).unwrap_or_else(|| routes::WALLS.to_owned()))
}

/// Whether the path is written as the pattern is, with a number in place of `{id}`.
fn is_of(path: &str, pattern: &str) -> bool {
    let mut parts = path.split('/');
    let is_number = |part: &str| (1..=19).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = pattern.split('/').all(|wanted| {
        parts.next().is_some_and(|part| if wanted.starts_with('{') { is_number(part) } else { part == wanted })
    });
    fits && parts.next().is_none()
}

/// A value as a browser writes it, without anything that turns into a control character.
fn is_plain(value: &[u8]) -> bool {
    match value {
        [] => true,
        [b'%', high, low, rest @ ..] => {
            high.is_ascii_hexdigit()
                && low.is_ascii_hexdigit()
                && !matches!(high, b'0' | b'1')
                && !matches!((high, low), (b'7', b'f' | b'F'))
                && is_plain(rest)
        }
        [byte, rest @ ..] => (byte.is_ascii_alphanumeric() || b"-._~+*".contains(byte)) && is_plain(rest),
    }
}

/// `text` with everything but plain letters and slashes as `%XX` (RFC 3986, section 2.1).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() + 8), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            all.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_its_own_questions_is_kept_as_it_is() {
        for target in
            ["/", "/passwords", "/passwords?find=b%C3%A4r+x&after=3", "/certificates/orders/17", "/trail?before=9"]
        {
            assert_eq!(page(target), Some(target));
        }
        assert_eq!(sign_in_for("/trail?find=a%20b"), "/sign-in?next=/trail%3Ffind%3Da%2520b");
    }

    /// ASVS 3.7.2.
    #[test]
    fn what_is_no_page_of_ours_leads_nowhere() {
        for target in [
            "",
            "//evil.example",
            "/passwords/",
            "/passwords?find=a&evil=b",
            "/passwords?find",
            "/passwords?find=%0d%0aSet-Cookie:x",
            "/passwords?find=%7f",
            "/passwords?find=a#b",
            "/certificates/orders/",
            "/certificates/orders/x",
            "/certificates/orders/12345678901234567890",
            "/certificates/orders/1/events",
            "/sign-out",
            "/sign-in",
            "/api/walls",
        ] {
            assert_eq!(page(target), None, "{target}");
            assert_eq!(sign_in_for(target), "/sign-in");
        }
        assert_eq!(page(&format!("/passwords?find={}", "a".repeat(2_000))), None);
    }
}
