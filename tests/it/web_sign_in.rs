//! Signing in, as strangers and operators meet it.

use std::collections::HashSet;
use std::time::Duration;

use rampart::base::names::OperatorName;
use rampart::base::secret::Secret;
use rampart::deeds::password::NewPassword;
use rampart::policy::own_password::ContextWords;
use rampart::store::trail::Actor;
use reqwest::header::{DATE, HeaderMap, SET_COOKIE};
use reqwest::{Method, StatusCode};
use tower_sessions::session::Id;

use crate::support::app::{NAME, PASSWORD, TestApp};
use crate::support::browser::Answer;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_right_password_opens_the_walls() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let browser = app.stranger();

    let answer = browser.sign_in(NAME, PASSWORD).await;

    answer.assert_redirect("/");
    let walls = browser.get("/").await;
    assert_eq!(walls.status, StatusCode::OK);
    assert!(walls.text(".who").contains("Signed in as ann"), "{}", walls.text(".who"));
    browser.get("/sign-in").await.assert_redirect("/");
}

/// What a stranger can tell one answer from another by, but for the date and the random token.
fn seen(answer: &Answer, name: &str) -> (StatusCode, HeaderMap, String) {
    let mut headers = answer.headers.clone();
    headers.remove(DATE);
    let token = answer.form("/sign-in", &[]).fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    (answer.status, headers, answer.body.replace(&token, "TOKEN").replace(name, "NAME"))
}

/// ASVS 6.3.8.
#[tokio::test]
async fn a_wrong_password_an_unknown_name_and_a_disabled_operator_look_alike() {
    let app = TestApp::alone().await;
    for name in ["wrongly", "blocked"] {
        app.add_operator(name, PASSWORD).await;
    }
    let pool = app.own_tables().await;
    sqlx::query("UPDATE operators SET disabled_at = 1 WHERE name = 'blocked'").execute(&pool).await.unwrap();
    pool.close().await;
    let tries = [("wrongly", "not the quiet stone wall"), ("nothere", PASSWORD), ("blocked", PASSWORD)];

    let mut answers = Vec::new();
    for (name, password) in tries {
        let answer = app.stranger().sign_in(name, password).await;
        answer.assert_says(StatusCode::UNAUTHORIZED, "The name or the password is not right.");
        answers.push(seen(&answer, name));
    }

    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let rows: Vec<(String, String, Option<String>)> = app
        .trail("session.sign-in")
        .await
        .into_iter()
        .map(|entry| (entry.actor, entry.outcome, entry.address))
        .collect();
    let refused = |name: &str| (name.to_owned(), "refused".to_owned(), Some("127.0.0.1".to_owned()));
    assert_eq!(rows, [refused("blocked"), refused("(unknown name)"), refused("wrongly")]);
}

#[tokio::test]
async fn a_password_typed_into_the_name_field_is_kept_nowhere() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let typed = "kept-by-nobody-at-all";

    let answer = app.stranger().sign_in(typed, "x").await;

    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let bytes = app.bytes_kept();
    assert!(!holds(&bytes, typed.as_bytes()));
    assert!(holds(&bytes, b"(unknown name)"));
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// ASVS 7.2.4.
#[tokio::test]
async fn the_session_gets_a_new_id_at_sign_in_and_the_old_one_opens_nothing() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let browser = app.stranger();
    // An id that somebody else chose, and had this browser keep.
    let planted = Some(format!("__Host-rampart={}", Id::default()));
    browser.hold(planted.clone());
    let old_token = browser.csrf().await;

    browser.hold(planted.clone());
    let form = [("csrf", old_token.as_str()), ("name", NAME), ("password", PASSWORD)];
    browser.send(browser.request(Method::POST, "/sign-in").form(&form)).await.assert_redirect("/");

    assert!(browser.cookie().is_some() && browser.cookie() != planted);
    assert_ne!(browser.csrf().await, old_token);
    browser.hold(planted);
    browser.get("/").await.assert_redirect("/sign-in");
}

/// ASVS 7.2.4.
#[tokio::test]
async fn signing_in_again_in_the_same_browser_ends_the_session_before() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let old = browser.cookie();

    browser.sign_in(NAME, PASSWORD).await.assert_redirect("/");

    assert_ne!(browser.cookie(), old);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    browser.hold(old);
    browser.get("/").await.assert_redirect("/sign-in");
}

/// ASVS 7.2.3: 128 bits each, from the operating system's generator.
#[test]
fn a_hundred_thousand_session_ids_are_all_different() {
    let ids: HashSet<i128> = (0..100_000).map(|_| Id::default().0).collect();

    assert_eq!(ids.len(), 100_000);
    // No bit stands still.
    let (all, any) = ids.iter().fold((-1, 0), |(all, any), id| (all & id, any | id));
    assert_eq!((all, any), (0, -1));
}

#[tokio::test]
async fn the_cookie_belongs_to_this_host_alone_and_its_value_lies_in_no_file() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let browser = app.stranger();

    let answer = browser.sign_in(NAME, PASSWORD).await;

    for (name, age) in [("__Host-rampart", None), ("__Host-rampart-device", Some("Max-Age=7776000"))] {
        let of_name = |cookie: &&str| cookie.split('=').next() == Some(name);
        let mut cookies = answer.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
        let mut parts: Vec<&str> = cookies.find(of_name).unwrap().split("; ").collect();
        let value = parts.remove(0).split_once('=').unwrap().1;
        let mut meant = vec!["HttpOnly", "Path=/", "SameSite=Strict", "Secure"];
        meant.extend(age);
        parts.sort_unstable();
        meant.sort_unstable();
        assert_eq!(parts, meant);
        assert!(value.len() >= 22, "{value}");
        assert!(!holds(&app.bytes_kept(), value.as_bytes()), "{name}");
    }
    assert!(!holds(&app.bytes_kept(), PASSWORD.as_bytes()));
}

/// ASVS 7.3.1.
#[tokio::test]
async fn an_idle_session_ends_after_fifteen_minutes() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;

    app.clock.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    app.clock.advance(MINUTE * 14);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    app.clock.advance(MINUTE * 15);

    browser.get("/").await.assert_redirect("/sign-in");
}

/// ASVS 7.3.2.
#[tokio::test]
async fn a_session_that_is_always_in_use_ends_after_eight_hours() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;

    for _ in 0..47 {
        app.clock.advance(MINUTE * 10);
        assert_eq!(browser.get("/").await.status, StatusCode::OK);
    }
    app.clock.advance(MINUTE * 10);

    browser.get("/").await.assert_redirect("/sign-in");
}

#[tokio::test]
async fn a_session_is_written_at_most_once_a_minute() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    browser.get("/").await;
    let pool = app.own_tables().await;
    let seen = async || {
        let last: i64 = sqlx::query_scalar("SELECT max(last_seen_at) FROM sessions").fetch_one(&pool).await.unwrap();
        last
    };
    let start = seen().await;

    app.clock.advance(Duration::from_secs(59));
    browser.get("/").await;
    assert_eq!(seen().await, start);
    app.clock.advance(Duration::from_secs(1));
    browser.get("/").await;

    assert_eq!(seen().await, start + 60);
    pool.close().await;
}

/// ASVS 7.4.1.
#[tokio::test]
async fn an_old_id_is_dead_at_once_after_sign_out() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let old = browser.cookie();

    browser.submit("/sign-out", &[]).await.assert_redirect("/sign-in");

    browser.hold(old.clone());
    browser.get("/").await.assert_redirect("/sign-in");
    browser.hold(old);
    assert_eq!(browser.get("/api/walls").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.trail("session.sign-out").await[0].outcome, "done");
}

#[tokio::test]
async fn a_browser_is_told_to_forget_a_cookie_that_opens_nothing_any_more() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let old = browser.cookie();
    let signed_out = browser.submit("/sign-out", &[]).await;
    browser.hold(old);
    let turned_away = browser.get("/").await;

    for answer in [signed_out, turned_away] {
        answer.assert_redirect("/sign-in");
        let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with("__Host-rampart=; "), "{cookie}");
        // A browser passes over a `__Host-` cookie, its end too, that lacks either (RFC 6265bis, section 5.7).
        for part in ["Secure", "Path=/", "Max-Age=0"] {
            assert!(cookie.split("; ").any(|own| own == part), "{part}: {cookie}");
        }
    }
}

#[tokio::test]
async fn an_operator_who_was_reset_loses_every_session_and_the_old_password() {
    let app = TestApp::alone().await;
    let (one, other) = (app.operator().await, app.signed_in().await);
    let actor = Actor { name: "root".to_owned(), address: None };
    let password =
        NewPassword::parse(Secret::new("another quiet stone wall".to_owned()), &ContextWords::default()).unwrap();

    app.state.deeds.reset_operator(&actor, &OperatorName::parse(NAME).unwrap(), password, false).await.unwrap();

    one.get("/").await.assert_redirect("/sign-in");
    other.get("/").await.assert_redirect("/sign-in");
    assert_eq!(app.stranger().sign_in(NAME, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    app.clock.advance(Duration::from_secs(1));
    app.stranger().sign_in(NAME, "another quiet stone wall").await.assert_redirect("/");
}

/// ASVS 7.4.2.
#[tokio::test]
async fn a_disabled_operator_is_out_at_once_and_gets_the_form_rather_than_a_circle() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let pool = app.own_tables().await;

    sqlx::query("UPDATE operators SET disabled_at = 1").execute(&pool).await.unwrap();

    browser.get("/").await.assert_redirect("/sign-in");
    browser.get("/sign-in").await.assert_says(StatusCode::OK, "Operator name");
    assert_eq!(browser.get("/api/walls").await.status, StatusCode::UNAUTHORIZED);
    pool.close().await;
}

#[tokio::test]
async fn headers_that_name_another_address_are_not_believed() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let browser = app.stranger();
    let csrf = browser.csrf().await;

    for nth in 0..6 {
        let name = format!("nobody-{nth}");
        let form = [("csrf", csrf.as_str()), ("name", name.as_str()), ("password", "wrong")];
        let request = browser.request(reqwest::Method::POST, "/sign-in").form(&form);
        let request = ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip"]
            .iter()
            .fold(request, |request, name| request.header(*name, format!("203.0.113.{nth}")));
        let answer = browser.send(request).await;
        let expected = if nth < 5 { StatusCode::UNAUTHORIZED } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(answer.status, expected);
    }

    assert!(app.trail("session.").await.iter().all(|entry| entry.address.as_deref() == Some("127.0.0.1")));
}

#[tokio::test]
async fn every_sign_in_is_in_the_trail_by_name_and_address() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;

    let page = browser.get("/trail").await;

    assert!(page.words().contains("signed in: ann"), "{}", page.words());
    assert!(page.words().contains("from 127.0.0.1"), "{}", page.words());
    let entry = &app.trail("session.sign-in").await[0];
    assert_eq!((entry.actor.as_str(), entry.outcome.as_str()), ("ann", "done"));
}
