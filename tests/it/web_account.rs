//! The operator's own account: password, sessions, known devices.

use std::time::Duration;

use rampart::base::clock::Clock as _;
use rampart::store::trail::Actor;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};

use crate::support::app::{NAME, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};

const FRESH: &str = "an even quieter wall";

async fn change(browser: &Browser, present: &str, fresh: &str, again: &str) -> Answer {
    let form = browser.get("/account").await.form("/account/password", &[]);
    browser.press(&form, &[("present", present), ("password", fresh), ("again", again)]).await
}

fn root() -> Actor {
    Actor { name: "command line".to_owned(), address: None }
}

/// ASVS 7.4.3, 7.2.4.
#[tokio::test]
async fn a_new_password_ends_every_other_session_and_goes_on_under_a_new_id() {
    let app = TestApp::alone().await;
    let (browser, other) = (app.operator().await, app.signed_in().await);
    let (old, old_token) = (browser.cookie(), browser.csrf().await);

    change(&browser, PASSWORD, FRESH, FRESH).await.assert_redirect("/account");

    let page = browser.get("/account").await;
    assert!(page.text(".flash").contains("Your password is changed, and 1 other session ended"), "{}", page.words());
    assert_ne!(browser.cookie(), old);
    assert_ne!(browser.csrf().await, old_token);
    other.get("/").await.assert_redirect("/sign-in");
    browser.hold(old);
    browser.get("/").await.assert_redirect("/sign-in");
    assert_eq!(app.stranger().sign_in(NAME, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    app.clock.advance(Duration::from_secs(1));
    app.stranger().sign_in(NAME, FRESH).await.assert_redirect("/");
    let entry = &app.trail("operator.password").await[0];
    assert_eq!((entry.actor.as_str(), entry.outcome.as_str()), (NAME, "done"));
    assert_eq!(entry.after.as_deref(), Some("password changed"));
}

#[tokio::test]
async fn without_the_present_password_nothing_changes_and_tries_wait() {
    let app = TestApp::alone().await;
    let (browser, other) = (app.operator().await, app.signed_in().await);

    let wrong = change(&browser, "not the quiet stone wall", FRESH, FRESH).await;
    let early = change(&browser, PASSWORD, FRESH, FRESH).await;

    wrong.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "this is not your present password");
    early.assert_says(StatusCode::TOO_MANY_REQUESTS, "Too many tries");
    assert_eq!(early.headers[RETRY_AFTER], "1");
    assert_eq!(other.get("/").await.status, StatusCode::OK);
    assert_eq!(app.trail("operator.password").await[0].outcome, "refused");
    for secret in [PASSWORD, FRESH] {
        assert!(!wrong.body.contains(secret) && !early.body.contains(secret), "a password came back");
    }
    app.clock.advance(Duration::from_secs(1));
    change(&browser, PASSWORD, FRESH, FRESH).await.assert_redirect("/account");
}

/// ASVS 6.2.1, 6.2.4, 6.2.5.
#[tokio::test]
async fn what_is_wrong_with_a_new_password_stands_at_its_field() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let cases = [
        ("fourteen chars", "fourteen chars", "at least 15 characters"),
        ("passwordpassword", "passwordpassword", "on the list of common passwords"),
        ("dragon monkey soccer", "dragon monkey soccer", "without common passwords"),
        ("ann-rampart-ann-rampart", "ann-rampart-ann-rampart", "without names of this server"),
        ("qwertyuiopasdfghjkl", "qwertyuiopasdfghjkl", "rows of keys"),
        (FRESH, PASSWORD, "the two passwords are not the same"),
    ];

    for (fresh, again, words) in cases {
        let answer = change(&browser, PASSWORD, fresh, again).await;
        answer.assert_says(StatusCode::UNPROCESSABLE_ENTITY, words);
    }

    change(&browser, PASSWORD, "aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa").await.assert_redirect("/account");
}

/// ASVS 7.5.2.
#[tokio::test]
async fn an_operator_sees_the_own_sessions_and_ends_one_or_all_others() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let (one, two, three) = (app.signed_in().await, app.signed_in().await, app.signed_in().await);
    app.add_operator("bob", "another quiet stone wall").await;
    let bob = app.stranger();
    bob.sign_in("bob", "another quiet stone wall").await.assert_redirect("/");

    let page = browser.get("/account").await;
    let forms = page.forms("/account/sessions/end", &[]);
    assert_eq!(forms.len(), 3);
    assert!(page.words().contains("127.0.1.1") && page.words().contains("this one"), "{}", page.words());
    // The oldest of the others stands last.
    browser.press(&forms[2], &[]).await.assert_redirect("/account");

    one.get("/").await.assert_redirect("/sign-in");
    assert_eq!(two.get("/").await.status, StatusCode::OK);
    browser.submit("/account/sessions/end-others", &[]).await.assert_redirect("/account");
    two.get("/").await.assert_redirect("/sign-in");
    three.get("/").await.assert_redirect("/sign-in");
    assert_eq!(browser.get("/account").await.forms("/account/sessions/end", &[]).len(), 0);
    assert_eq!(bob.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_operators_session_or_device_cannot_be_ended() {
    let app = TestApp::alone().await;
    let ann = app.operator().await;
    app.add_operator("bob", "another quiet stone wall").await;
    let bob = app.stranger();
    bob.sign_in("bob", "another quiet stone wall").await.assert_redirect("/");
    let store = &app.state.deeds.store;
    let id = store.operator_named("bob").await.unwrap().unwrap().id;
    let session = store.sessions_of(id, app.clock.now()).await.unwrap()[0].clone();
    let device = store.devices_of(id, app.clock.now()).await.unwrap()[0].clone();

    ann.submit("/account/sessions/end", &[("session", session.handle())]).await.assert_redirect("/account");
    ann.submit("/account/devices/forget", &[("device", &device.handle)]).await.assert_redirect("/account");

    assert_eq!(bob.get("/").await.status, StatusCode::OK);
    assert_eq!(store.devices_of(id, app.clock.now()).await.unwrap().len(), 1);
    assert_eq!(app.trail("session.end").await[0].outcome, "refused");
}

#[tokio::test]
async fn a_forgotten_device_is_a_stranger_again() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let device = browser.jar()["__Host-rampart-device"].clone();
    let form = browser.get("/account").await.form("/account/devices/forget", &[]);

    browser.press(&form, &[]).await.assert_redirect("/account");

    assert!(browser.get("/account").await.words().contains("None yet."));
    browser.sign_in(NAME, PASSWORD).await.assert_redirect("/");
    assert_ne!(browser.jar()["__Host-rampart-device"], device);
}

#[tokio::test]
async fn the_eleventh_session_ends_the_oldest() {
    let app = TestApp::alone().await;
    let first = app.operator().await;
    let mut others = Vec::new();
    for _ in 0..9 {
        app.clock.advance(Duration::from_secs(1));
        others.push(app.signed_in().await);
    }
    assert_eq!(first.get("/").await.status, StatusCode::OK);

    app.clock.advance(Duration::from_secs(1));
    others.push(app.signed_in().await);

    first.get("/").await.assert_redirect("/sign-in");
    for other in &others {
        assert_eq!(other.get("/").await.status, StatusCode::OK);
    }
}

/// ASVS 7.4.2, 7.4.5.
#[tokio::test]
async fn disabling_an_operator_ends_every_session_and_enabling_brings_none_back() {
    let app = TestApp::alone().await;
    let (one, other) = (app.operator().await, app.signed_in().await);
    app.add_operator("ben", PASSWORD).await;
    let deeds = &app.state.deeds;
    let ann = deeds.store.account_named(NAME).await.unwrap().unwrap();

    deeds.disable_account(&root(), ann).await.unwrap();

    one.get("/").await.assert_redirect("/sign-in");
    assert_eq!(other.get("/api/walls").await.status, StatusCode::UNAUTHORIZED);
    let refused = app.stranger().sign_in(NAME, PASSWORD).await;
    refused.assert_says(StatusCode::UNAUTHORIZED, "The name or the password is not right.");
    assert_eq!(app.trail("session.sign-in").await[0].reason.as_deref(), Some("the account is disabled"));
    deeds.enable_account(&root(), ann).await.unwrap();
    one.get("/").await.assert_redirect("/sign-in");
    app.clock.advance(Duration::from_secs(1));
    app.stranger().sign_in(NAME, PASSWORD).await.assert_redirect("/");
}

/// ASVS 6.2.10.
#[tokio::test]
async fn a_password_is_still_good_after_five_years() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;

    app.clock.advance(Duration::from_hours(24 * 365 * 5));

    let browser = app.stranger();
    browser.sign_in(NAME, PASSWORD).await.assert_redirect("/");
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_a_browser_says_of_itself_is_cut_and_printable() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let browser = app.stranger();
    let form = [("csrf", browser.csrf().await), ("name", NAME.to_owned()), ("password", PASSWORD.to_owned())];
    let said = format!("<b>\t\u{202e}{}", "x".repeat(900));

    let request = browser.request(Method::POST, "/sign-in").header("user-agent", said.as_bytes()).form(&form);
    browser.send(request).await.assert_redirect("/");

    let page = browser.get("/account").await;
    assert!(page.body.contains("&#60;b&#62;\\u{9}\\u{202e}xxx"), "{}", page.body);
    assert!(!page.body.contains(&"x".repeat(161)));
}
