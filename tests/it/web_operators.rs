//! Accounts: inviting, changing roles, shutting out; the last operator stays.

use std::time::Duration;

use rampart::app::demo::fusionpbx::Generation;
use rampart::base::role::{Post, Role};
use rampart::store::roster::Rostered;
use reqwest::StatusCode;

use crate::support::app::{NAME, PASSWORD, TestApp};
use crate::support::browser::Answer;
use crate::support::fusionpbx::Database;

const NEW: &str = "another quiet stone wall";

/// The link that the answer shows, without the console's own name.
fn link(answer: &Answer) -> String {
    let text = answer.text("main");
    let at = text.find("https://console.example/invitation/").unwrap_or_else(|| panic!("no link in {text}"));
    text[at..].split_whitespace().next().unwrap().trim_start_matches("https://console.example").to_owned()
}

async fn accept(app: &TestApp, link: &str, password: &str) -> Answer {
    app.stranger().submit(link, &[("password", password), ("again", password)]).await
}

async fn id_of(app: &TestApp, name: &str) -> i64 {
    app.state.deeds.store.account_named(name).await.unwrap().unwrap().0
}

/// ASVS 6.4.1, 6.4.6.
#[tokio::test]
async fn whoever_is_invited_sets_a_password_once_and_has_the_role_that_was_given() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;

    let answer = operator.submit("/operators", &[("name", "vera"), ("role", "viewer")]).await;
    answer.assert_says(StatusCode::OK, "It is shown this once");
    let link = link(&answer);
    assert_eq!(
        app.stranger_from("127.0.9.1".parse().unwrap()).sign_in("vera", "").await.status,
        StatusCode::UNAUTHORIZED
    );
    let short = accept(&app, &link, "short").await;
    short.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "at least 15 characters");
    accept(&app, &link, NEW).await.assert_redirect("/sign-in");

    app.clock.advance(Duration::from_secs(2));
    let vera = app.stranger();
    vera.sign_in("vera", NEW).await.assert_redirect("/");
    assert_eq!(vera.json("/api/session").await["role"], "viewer");
    assert_eq!(accept(&app, &link, PASSWORD).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.stranger().get(&link).await.status, StatusCode::NOT_FOUND);
    let token = link.trim_start_matches("/invitation/");
    assert_eq!(token.len(), 22, "128 bits");
    let bytes = app.bytes_kept();
    assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "the token lies in the file");
    let acts: Vec<_> = app.trail("operator.").await.into_iter().map(|entry| (entry.act, entry.after)).collect();
    let act = |act: &str, after: &str| (act.to_owned(), Some(after.to_owned()));
    let expected =
        [act("operator.accept", "password set"), act("operator.invite", "viewer"), act("operator.add", "operator")];
    assert_eq!(acts, expected);
}

#[tokio::test]
async fn an_invitation_ends_after_a_day_when_another_is_made_and_when_the_account_is_disabled() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let first = link(&operator.submit("/operators", &[("name", "vera"), ("role", "viewer")]).await);
    let id = id_of(&app, "vera").await;

    let second = link(&operator.submit(&format!("/operators/{id}/invitation"), &[]).await);
    assert_eq!(app.stranger().get(&first).await.status, StatusCode::NOT_FOUND);
    operator.submit(&format!("/operators/{id}/disable"), &[]).await.assert_redirect("/operators");
    assert_eq!(app.stranger().get(&second).await.status, StatusCode::NOT_FOUND);
    operator.submit(&format!("/operators/{id}/enable"), &[]).await.assert_redirect("/operators");
    assert_eq!(app.stranger().get(&second).await.status, StatusCode::OK);
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(app.stranger().get(&second).await.status, StatusCode::NOT_FOUND);
    assert_eq!(accept(&app, &second, NEW).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_guessed_invitation_opens_nothing_and_costs_no_hash() {
    let app = TestApp::alone().await;
    app.operator().await;

    for guess in ["/invitation/x", "/invitation/aaaaaaaaaaaaaaaaaaaaaa", "/invitation/%00"] {
        assert_eq!(app.stranger().get(guess).await.status, StatusCode::NOT_FOUND, "{guess}");
        assert_eq!(accept(&app, guess, NEW).await.status, StatusCode::NOT_FOUND, "{guess}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_invitation_stands_at_its_field_and_nothing_typed_is_lost() {
    let database = Database::town(Generation::V5_5).await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("name", "no spaces"), ("role", "viewer")], "#invite-name-fault"),
        (&[("name", NAME), ("role", "viewer")], "#invite-name-fault"),
        (&[("name", "vera"), ("role", "root")], "#invite-role-fault"),
        (&[("name", "vera"), ("role", "tenant")], "#invite-domain-fault"),
        (&[("name", "vera"), ("role", "tenant"), ("domain", "nowhere.example")], "#invite-domain-fault"),
    ];

    for (fields, fault) in cases {
        let answer = operator.submit("/operators", fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        assert!(!answer.text(fault).is_empty(), "{fields:?}: {}", answer.words());
        let typed = fields.iter().find(|(name, _)| *name == "name").unwrap().1;
        assert!(answer.body.contains(&format!("value=\"{typed}\"")), "{fields:?}");
    }

    let east = [("name", "nora"), ("role", "tenant"), ("domain", "EAST.example.test")];
    operator.submit("/operators", &east).await.assert_says(StatusCode::OK, "nora is invited");
    let (_, post) = app
        .state
        .deeds
        .store
        .post_of(rampart::base::ids::OperatorId(id_of(&app, "nora").await))
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(post, Post::Tenant { name, .. } if name == "east.example.test"));
}

/// ASVS 7.4.2, 7.4.5, 8.3.2.
#[tokio::test]
async fn a_role_is_changed_and_an_account_shut_out_with_the_next_request_and_both_are_in_the_trail() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let support = app.signed_in_as(Role::Support).await;
    let id = id_of(&app, "support").await;
    support.submit("/look-again", &[]).await.assert_redirect("/");

    operator.submit(&format!("/operators/{id}/role"), &[("role", "viewer")]).await.assert_redirect("/operators");
    assert_eq!(support.submit("/look-again", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(support.get("/").await.status, StatusCode::OK);
    operator.submit(&format!("/operators/{id}/end-sessions"), &[]).await.assert_redirect("/operators");
    support.get("/").await.assert_redirect("/sign-in");
    support.sign_in("support", PASSWORD).await.assert_redirect("/");
    operator.submit(&format!("/operators/{id}/disable"), &[]).await.assert_redirect("/operators");
    support.get("/").await.assert_redirect("/sign-in");
    assert_eq!(support.sign_in("support", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    operator.submit(&format!("/operators/{id}/enable"), &[]).await.assert_redirect("/operators");
    // A second after the failure the next try is looked at.
    app.clock.advance(Duration::from_secs(2));
    support.sign_in("support", PASSWORD).await.assert_redirect("/");

    let told: Vec<_> = app
        .trail("operator.")
        .await
        .into_iter()
        .map(|entry| {
            (entry.act, entry.actor, entry.subject, entry.before.unwrap_or_default(), entry.after.unwrap_or_default())
        })
        .take(4)
        .collect();
    let entry = |act: &str, before: &str, after: &str| {
        (act.to_owned(), NAME.to_owned(), "support".to_owned(), before.to_owned(), after.to_owned())
    };
    let expected = [
        entry("operator.enable", "disabled", "enabled"),
        entry("operator.disable", "enabled", "disabled"),
        entry("operator.end-sessions", "", ""),
        entry("operator.role", "support", "viewer"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn the_last_operator_that_can_sign_in_can_neither_be_demoted_nor_disabled() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let id = id_of(&app, NAME).await;
    // Neither of these could let anyone in.
    operator.submit("/operators", &[("name", "invited"), ("role", "operator")]).await;
    app.add_operator("disabled", PASSWORD).await;
    let disabled = id_of(&app, "disabled").await;
    operator.submit(&format!("/operators/{disabled}/disable"), &[]).await.assert_redirect("/operators");

    let demoted = operator.submit(&format!("/operators/{id}/role"), &[("role", "viewer")]).await;
    demoted.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "this is the last operator that can sign in");
    operator.submit(&format!("/operators/{id}/disable"), &[]).await.assert_redirect("/operators");
    assert!(operator.get("/operators").await.text(".flash").contains("last operator"));

    assert_eq!(operator.get("/ssh").await.status, StatusCode::OK);
    let outcomes: Vec<_> = app.trail("operator.").await.into_iter().take(2).map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, ["refused", "refused"]);
}

#[tokio::test]
async fn two_operators_who_demote_each_other_at_once_leave_one() {
    let app = TestApp::alone().await;
    app.add_operator("one", PASSWORD).await;
    app.add_operator("two", PASSWORD).await;
    let store = &app.state.deeds.store;
    let (one, two) =
        (store.account_named("one").await.unwrap().unwrap(), store.account_named("two").await.unwrap().unwrap());

    for _ in 0..20 {
        let now = app.state.deeds.clock.now();
        let (first, second) = tokio::join!(store.give_post(one, &Post::Viewer), store.disable_account(two, now));
        let outcomes = [first.unwrap(), second.unwrap()];
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Rostered::Done).count(), 1, "{outcomes:?}");
        store.give_post(one, &Post::Operator).await.unwrap();
        store.enable_account(two).await.unwrap();
    }
}

#[tokio::test]
async fn buttons_and_links_that_would_be_refused_are_not_shown() {
    let database = Database::town(Generation::V5_5).await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    app.sweep.look(true).await;
    let operator = app.operator().await;
    let viewer = app.signed_in_as(Role::Viewer).await;
    let support = app.signed_in_as(Role::Support).await;
    let posts = |page: Answer| async move { page.body.matches("method=\"post\"").count() };

    for path in ["/", "/passwords", "/certificates", "/trail", "/ssh"] {
        assert_eq!(posts(viewer.get(path).await).await, 1, "a viewer on {path} may only sign out");
    }
    assert!(posts(operator.get("/passwords").await).await > 10);
    assert_eq!(support.get("/").await.forms("/look-again", &[]).len(), 1);
    for (browser, leads) in [(&operator, true), (&viewer, false), (&support, false)] {
        assert_eq!(browser.get("/certificates").await.body.contains("href=\"/operators\""), leads);
    }
}
