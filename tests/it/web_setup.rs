//! The one-time link that lets the first operator in.

use std::time::Duration;

use reqwest::StatusCode;

use crate::support::app::TestApp;

const FIELDS: [(&str, &str); 3] =
    [("name", "first"), ("password", "a quiet stone wall"), ("again", "a quiet stone wall")];

async fn link(app: &TestApp) -> String {
    format!("/setup/{}", app.state.deeds.offer_setup().await.unwrap().unwrap().expose())
}

/// ASVS 6.3.2, 6.4.1.
#[tokio::test]
async fn a_setup_link_lets_the_first_operator_in_once() {
    let app = TestApp::alone().await;
    let (browser, link) = (app.stranger(), link(&app).await);
    let form = browser.get(&link).await.form(&link, &[]);

    browser.press(&form, &FIELDS).await.assert_redirect("/");

    assert!(browser.get("/").await.text(".who").contains("Signed in as first"));
    let late = app.stranger();
    late.get(&link).await.assert_says(StatusCode::NOT_FOUND, "This page is not here");
    assert_eq!(late.submit(&link, &[("name", "second"), FIELDS[1], FIELDS[2]]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.state.deeds.store.count_operators().await.unwrap(), 1);
    assert!(app.state.deeds.offer_setup().await.unwrap().is_none());
}

#[tokio::test]
async fn a_setup_link_ends_after_thirty_minutes_and_its_token_lies_in_no_file() {
    let app = TestApp::alone().await;
    let (browser, link) = (app.stranger(), link(&app).await);
    assert_eq!(browser.get(&link).await.status, StatusCode::OK);

    app.clock.advance(Duration::from_mins(30));

    assert_eq!(browser.get(&link).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.submit(&link, &FIELDS).await.status, StatusCode::NOT_FOUND);
    let token = link.trim_start_matches("/setup/").as_bytes();
    assert!(!app.bytes_kept().windows(token.len()).any(|window| window == token));
    assert_eq!(app.state.deeds.store.count_operators().await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_field_and_the_link_still_works() {
    let app = TestApp::alone().await;
    let (browser, link) = (app.stranger(), link(&app).await);
    let cases = [
        ([("name", "two words"), FIELDS[1], FIELDS[2]], "a name has 1 to 64 letters"),
        ([FIELDS[0], ("password", "too short"), ("again", "too short")], "at least 15 characters"),
        (
            [FIELDS[0], ("password", "passwordpassword"), ("again", "passwordpassword")],
            "on the list of common passwords",
        ),
        (
            [FIELDS[0], ("password", "first at console!"), ("again", "first at console!")],
            "without names of this server",
        ),
        ([FIELDS[0], FIELDS[1], ("again", "another")], "the two passwords are not the same"),
    ];

    for (fields, words) in cases {
        app.clock.advance(Duration::from_secs(12));
        let answer = browser.submit(&link, &fields).await;
        answer.assert_says(StatusCode::UNPROCESSABLE_ENTITY, words);
        assert!(!answer.body.contains("a quiet stone wall"), "a password came back");
    }

    browser.submit(&link, &FIELDS).await.assert_redirect("/");
}

#[tokio::test]
async fn a_guessed_link_opens_nothing() {
    let app = TestApp::alone().await;
    let _link = link(&app).await;

    for guess in ["/setup/x", "/setup/%00", "/setup/..%2f..", "/setup/%ff"] {
        let answer = app.stranger().get(guess).await;
        assert!(answer.status.is_client_error(), "{guess}: {}", answer.status);
        assert!(!answer.text("h1").is_empty(), "{guess}: no page: {}", answer.body);
    }
}

#[tokio::test]
async fn an_open_link_closes_when_someone_was_let_in_another_way() {
    let app = TestApp::alone().await;
    let (browser, link) = (app.stranger(), link(&app).await);
    let form = browser.get(&link).await.form(&link, &[]);

    app.add_operator("second", "a quiet stone wall").await;

    assert_eq!(browser.press(&form, &FIELDS).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.state.deeds.store.count_operators().await.unwrap(), 1);
}
