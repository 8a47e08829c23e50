//! What holds for every page: who may come in, the headers on every answer, and what a broken request gets.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};

use crate::support::app::{NAME, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::routes;

#[tokio::test]
async fn every_page_but_the_open_ones_needs_a_session() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, "a quiet stone wall").await;
    let before = app.everything_kept().await;
    let stranger = app.stranger();
    let csrf = stranger.csrf().await;

    for route in routes::all().iter().filter(|route| !route.is_open) {
        for method in &route.methods {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let form = [("csrf", csrf.as_str()), ("entry", "1")];
            let request = stranger.request(method.clone(), &route.example());
            let answer = stranger.send(if method == Method::GET { request } else { request.form(&form) }).await;
            if route.path.starts_with("/api/") {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {}", route.path);
                assert!(answer.body.contains("error"), "{}", answer.body);
            } else {
                let path = route.example();
                let is_page = method == Method::GET && path != "/" && route.is_page();
                answer.assert_redirect(&if is_page {
                    format!("/sign-in?next={path}")
                } else {
                    "/sign-in".to_owned()
                });
                assert_eq!(answer.body, "", "{method} {}", route.path);
            }
        }
    }

    assert_eq!(app.everything_kept().await, before);
    let open: BTreeSet<String> =
        routes::all().into_iter().filter(|route| route.is_open).map(|route| route.path).collect();
    let meant = [
        "/api/session",
        "/csp-report",
        "/healthz",
        "/invitation/{token}",
        "/setup/{token}",
        "/sign-in",
        "/sign-in/code",
        "/static/{file}",
    ];
    assert_eq!(open, meant.map(str::to_owned).into());
}

/// What stands on every answer.
const FIXED: [(&str, &str); 8] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("x-permitted-cross-domain-policies", "none"),
];

#[track_caller]
pub(crate) fn assert_guarded(answer: &Answer, what: &str) {
    for (name, value) in FIXED {
        let found: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(found, [value], "{what}: {name}");
    }
    let policies: Vec<_> = answer.headers.get_all(CONTENT_SECURITY_POLICY).iter().collect();
    assert_eq!(policies.len(), 1, "{what}");
    let policy: BTreeMap<&str, &str> =
        policies[0].to_str().unwrap().split(';').map(|part| part.trim().split_once(' ').unwrap()).collect();
    for name in ["default-src", "frame-ancestors", "base-uri", "object-src"] {
        assert_eq!(policy[name], "'none'", "{what}: {name}");
    }
    let apart = [("require-trusted-types-for", "'script'"), ("report-uri", "/csp-report")];
    for (name, value) in &policy {
        let is_closed = ["'none'", "'self'"].contains(value);
        assert!(is_closed || apart.contains(&(*name, *value)), "{what}: {name} {value}");
    }
    assert_eq!(policy["trusted-types"], "'none'", "{what}");
    if let Some(kind) = answer.headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap())
        && (kind.starts_with("text/") || kind.contains("xml"))
    {
        assert!(kind.ends_with("; charset=utf-8"), "{what}: {kind}");
    }
    assert!(answer.body.is_empty() || answer.headers.contains_key(CONTENT_TYPE), "{what}: a body of no type");
    let foreign = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(foreign, None, "{what}: other sites may read it");
    for cookie in answer.headers.get_all(SET_COOKIE) {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-rampart"), "{what}: {cookie}");
        for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
            assert!(cookie.contains(part), "{what}: {cookie}");
        }
        assert!(!cookie.contains("Domain"), "{what}: {cookie}");
    }
    assert_eq!(policy["form-action"], "'self'", "{what}");
    let kept = answer.headers[CACHE_CONTROL].to_str().unwrap();
    let is_asset = answer.status == StatusCode::OK && what.contains("/static/");
    assert_eq!(kept, if is_asset { "public, max-age=31536000, immutable" } else { "no-store" }, "{what}");
    assert!(answer.headers.get("server").is_none() && answer.headers.get("x-powered-by").is_none(), "{what}");
    if answer.body.contains('<') {
        assert!(!answer.body.contains(" style=") && !answer.body.contains("<style"), "{what}: inline style");
        assert!(!answer.body.contains("javascript:") && !answer.body.contains(" onclick"), "{what}: inline script");
    }
}

/// ASVS 3.3.1, 3.3.2, 3.3.3, 3.3.4, 3.4.2, 3.4.3, 3.4.4, 3.4.5, 3.4.6, 3.4.8, 4.1.1, 14.3.2.
#[tokio::test]
async fn every_answer_of_every_route_carries_the_same_security_headers() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let stranger = app.stranger();
    let mut seen: BTreeMap<u16, u32> = BTreeMap::new();
    let mut check = |answer: &Answer, what: String| {
        assert_guarded(answer, &what);
        *seen.entry(answer.status.as_u16()).or_default() += 1;
    };

    for route in routes::all() {
        let path = route.example();
        for method in [Method::GET, Method::POST, Method::HEAD, Method::PUT, Method::OPTIONS] {
            // The stream of events has no end; it is tried with a wrong number.
            let path = path.replace("1/events", "x/events");
            if path == "/sign-out" {
                continue;
            }
            for browser in [&operator, &stranger] {
                let cookie = browser.cookie();
                let answer = browser.send(browser.request(method.clone(), &path)).await;
                check(&answer, format!("{method} {path}"));
                let answer = browser.send(browser.to_host("evil.example", method.clone(), &path)).await;
                check(&answer, format!("{method} {path} for another name"));
                browser.hold(cookie);
            }
        }
    }
    for (answer, what) in others(&app, &operator).await {
        check(&answer, what);
    }

    let expected = [200, 204, 303, 400, 401, 403, 404, 405, 413, 421, 422, 429, 503];
    for status in expected {
        assert!(seen.contains_key(&status), "{status} was never seen: {seen:?}");
    }
}

/// Answers that take more than a path.
async fn others(app: &TestApp, operator: &Browser) -> Vec<(Answer, String)> {
    let large = "x".repeat(70_000);
    let own = operator.csrf().await;
    let mut answers = vec![
        (operator.get("/nowhere").await, "nowhere".to_owned()),
        (operator.submit("/certificates/orders", &[("name", "-")]).await, "a bad name".to_owned()),
        (operator.submit_with(&own, "/certificates/orders", &[("name", &large)]).await, "a large form".to_owned()),
        (operator.submit_with("x", "/sign-out", &[]).await, "a stale form".to_owned()),
    ];
    for nth in 0..6 {
        let answer = app.stranger().sign_in(NAME, "wrong").await;
        answers.push((answer, format!("wrong password {nth}")));
    }
    app.state.deeds.store.close().await;
    answers.push((operator.get("/").await, "without a store".to_owned()));
    answers
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_and_one_below_is_read() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let own = operator.csrf().await;
    let before = app.everything_kept().await;

    for path in ["/sign-in", "/sign-out", "/certificates/orders", "/passwords/settings"] {
        let large = "x".repeat(65 * 1024);
        let answer = operator.submit_with(&own, path, &[("name", large.as_str())]).await;
        answer.assert_says(StatusCode::PAYLOAD_TOO_LARGE, "at most 64 KiB");
    }

    assert_eq!(app.everything_kept().await, before);
    let much = "x".repeat(60 * 1024);
    let answer = operator.submit_with(&own, "/certificates/orders", &[("name", much.as_str())]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_request_that_cannot_be_read_gets_a_page_and_never_an_error_of_ours() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let own = operator.csrf().await;
    let bodies = [
        String::new(),
        "csrf".to_owned(),
        "%".to_owned(),
        "csrf=%ff%fe".to_owned(),
        format!("csrf={own}&csrf={own}"),
        format!("csrf={own}&entry=&entry=x"),
        format!("csrf={own}&entry=99999999999999999999999"),
        format!("csrf={own}&scope=global&key=nothing&row=missing&value=1"),
        format!("csrf={own}&scope=x&key=users.password_length&row=missing&value=20"),
        format!("csrf={own}&scope=global&key=users.password_length&row=x&value=20"),
        format!("csrf={own}&name=%00&cover=%00&key=%00"),
        format!("csrf={own}&name=\u{202e}evil&contact=%0d%0aX: y&terms=agreed"),
    ];

    for route in routes::all().iter().filter(|route| route.has("post") && route.path != "/sign-out") {
        for body in &bodies {
            let request = operator.request(Method::POST, &route.example());
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone());
            assert_read(&operator, request, &format!("{} {body:?}", route.path)).await;
        }
    }
    for path in [
        "/certificates/orders/x",
        "/certificates/orders/9999999999999999999999",
        "/certificates/orders/1/events",
        "/certificates/orders/%ff",
        "/trail?before=x",
        "/certificates?page=-1",
        "/certificates?page=18446744073709551615",
        "/passwords?after=x",
        "/trail?before=-9223372036854775808",
        "/api/orders/x",
        "/static/..%2f..%2fetc%2fpasswd",
        "/passwords?find=%ff",
        "/certificates?find=%00&page=1",
    ] {
        assert_read(&operator, operator.request(Method::GET, path), path).await;
    }
}

async fn assert_read(browser: &Browser, request: RequestBuilder, what: &str) {
    let cookie = browser.cookie();
    let answer = browser.send(request).await;
    browser.hold(cookie);
    let is_ours = answer.status.is_server_error() && answer.status != StatusCode::SERVICE_UNAVAILABLE;
    assert!(!is_ours, "{what}: {} {}", answer.status, answer.body);
    if answer.status.is_client_error() && !what.starts_with("/api/") {
        assert!(!answer.text("h1").is_empty(), "{what}: {} and no page: {}", answer.status, answer.body);
    }
}

#[tokio::test]
async fn without_its_store_the_console_says_so_and_lets_nobody_in() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let csrf = operator.csrf().await;

    app.state.deeds.store.close().await;

    for route in routes::all().iter().filter(|route| route.path != "/static/{file}") {
        for method in &route.methods {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for browser in [&operator, &app.stranger()] {
                let request = browser.request(method.clone(), &route.example());
                let form = [("csrf", csrf.as_str()), ("name", NAME), ("password", "a quiet stone wall")];
                let cookie = browser.cookie();
                let answer = browser.send(if method == Method::GET { request } else { request.form(&form) }).await;
                browser.hold(cookie);
                // A stranger without a session is sent to sign in, and finds that page closed.
                let is_sent_away = browser.cookie().is_none()
                    && (!route.is_open || route.path == "/sign-in/code")
                    && matches!(answer.status, StatusCode::SEE_OTHER | StatusCode::UNAUTHORIZED)
                    || matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN)
                        && method == Method::POST;
                assert!(
                    is_sent_away || answer.status == StatusCode::SERVICE_UNAVAILABLE,
                    "{method} {}: {}",
                    route.path,
                    answer.status
                );
            }
        }
    }
    operator.get("/").await.assert_says(StatusCode::SERVICE_UNAVAILABLE, "Rampart cannot reach its own store");
    assert_eq!(operator.get("/static/rampart.css").await.status, StatusCode::OK);
    assert_eq!(operator.get("/nowhere").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_error_page_says_nothing_of_the_cause_but_a_reference() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let pool = app.own_tables().await;
    sqlx::query("ALTER TABLE trail RENAME TO gone").execute(&pool).await.unwrap();

    let answer = operator.get("/trail").await;

    answer.assert_says(StatusCode::SERVICE_UNAVAILABLE, "Reference");
    assert!(!answer.body.contains("no such table") && !answer.body.contains("sqlite"), "{}", answer.body);
    sqlx::query("ALTER TABLE gone RENAME TO trail").execute(&pool).await.unwrap();
    assert_eq!(operator.get("/trail").await.status, StatusCode::OK);
    pool.close().await;
}
