//! Who may do what: every route of the router's table, tried by everyone.

use std::collections::BTreeSet;

use rampart::base::role::Role;
use rampart::web::may::May;
use rampart::web::router;
use reqwest::{Method, StatusCode};

use crate::support::app::{NAME, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::routes;

const ALL: &[&str] = &["stranger", "viewer", "support", "tenant", "operator"];
const SIGNED_IN: &[&str] = &["viewer", "support", "tenant", "operator"];
const WALLS: &[&str] = &["viewer", "support", "operator"];
const OPERATOR: &[&str] = &["operator"];

/// Who gets past the guard of each route. A new route stands here or the test fails.
const EXPECTED: [(&str, &str, &[&str]); 83] = [
    ("GET", "/static/{file}", ALL),
    ("GET", "/healthz", ALL),
    ("POST", "/csp-report", ALL),
    ("GET", "/sign-in", ALL),
    ("POST", "/sign-in", ALL),
    ("GET", "/sign-in/code", ALL),
    ("POST", "/sign-in/code", ALL),
    ("GET", "/setup/{token}", ALL),
    ("POST", "/setup/{token}", ALL),
    ("GET", "/invitation/{token}", ALL),
    ("POST", "/invitation/{token}", ALL),
    ("GET", "/api/session", ALL),
    ("GET", "/account", SIGNED_IN),
    ("POST", "/account/password", SIGNED_IN),
    ("POST", "/account/sessions/end", SIGNED_IN),
    ("POST", "/account/sessions/end-others", SIGNED_IN),
    ("POST", "/account/devices/forget", SIGNED_IN),
    ("GET", "/account/second-factor", SIGNED_IN),
    ("POST", "/account/second-factor", SIGNED_IN),
    ("POST", "/account/second-factor/proof", SIGNED_IN),
    ("POST", "/account/recovery", SIGNED_IN),
    ("GET", "/", WALLS),
    ("POST", "/look-again", &["support", "operator"]),
    ("GET", "/passwords", SIGNED_IN),
    ("POST", "/passwords/settings", &["tenant", "operator"]),
    ("POST", "/passwords/undo", &["tenant", "operator"]),
    ("GET", "/passwords/rotate", OPERATOR),
    ("POST", "/passwords/rotate", OPERATOR),
    ("GET", "/passwords/rotations/{id}", OPERATOR),
    ("POST", "/passwords/rotations/{id}/run", OPERATOR),
    ("POST", "/passwords/rotations/{id}/show", OPERATOR),
    ("POST", "/passwords/rotations/{id}/confirm", OPERATOR),
    ("POST", "/passwords/rotations/{id}/undo", OPERATOR),
    ("POST", "/passwords/rotations/{id}/pass", OPERATOR),
    ("POST", "/passwords/rotations/{id}/resync", OPERATOR),
    ("GET", "/passwords/preset", WALLS),
    ("POST", "/passwords/preset", &["tenant", "operator"]),
    ("GET", "/passwords/preview", SIGNED_IN),
    ("GET", "/passwords/credentials", SIGNED_IN),
    ("POST", "/passwords/credentials/audit", &["support", "operator"]),
    ("GET", "/passwords/credentials/export", SIGNED_IN),
    ("GET", "/certificates", SIGNED_IN),
    ("GET", "/certificates/accounts", WALLS),
    ("POST", "/certificates/accounts", OPERATOR),
    ("GET", "/certificates/plan", WALLS),
    ("POST", "/certificates/account", OPERATOR),
    ("POST", "/certificates/orders", OPERATOR),
    ("POST", "/certificates/standing-orders/end", OPERATOR),
    ("GET", "/certificates/orders/{id}", SIGNED_IN),
    ("GET", "/certificates/orders/{id}/events", SIGNED_IN),
    ("GET", "/certificates/inventory", WALLS),
    ("GET", "/certificates/phones", WALLS),
    ("GET", "/certificates/freeswitch", WALLS),
    ("POST", "/certificates/freeswitch", OPERATOR),
    ("POST", "/certificates/{id}/renew", &["support", "tenant", "operator"]),
    ("GET", "/certificates/dns", OPERATOR),
    ("GET", "/certificates/dns/new", OPERATOR),
    ("POST", "/certificates/dns/credentials", OPERATOR),
    ("GET", "/certificates/dns/credentials/{id}", OPERATOR),
    ("POST", "/certificates/dns/credentials/{id}", OPERATOR),
    ("POST", "/certificates/dns/credentials/{id}/delete", OPERATOR),
    ("POST", "/certificates/dns/zones", OPERATOR),
    ("POST", "/certificates/dns/zones/remove", OPERATOR),
    ("POST", "/certificates/dns/zones/test", OPERATOR),
    ("GET", "/ssh", WALLS),
    ("GET", "/upgrades", WALLS),
    ("GET", "/firewall", WALLS),
    ("GET", "/xml-rpc", WALLS),
    ("POST", "/xml-rpc", OPERATOR),
    ("GET", "/intrusion", WALLS),
    ("GET", "/trail", SIGNED_IN),
    ("GET", "/trail/export", WALLS),
    ("GET", "/api/walls", WALLS),
    ("GET", "/api/policy", SIGNED_IN),
    ("GET", "/api/orders/{id}", SIGNED_IN),
    ("GET", "/operators", OPERATOR),
    ("POST", "/operators", OPERATOR),
    ("POST", "/operators/{id}/role", OPERATOR),
    ("POST", "/operators/{id}/enable", OPERATOR),
    ("POST", "/operators/{id}/invitation", OPERATOR),
    ("POST", "/operators/{id}/disable", OPERATOR),
    ("POST", "/operators/{id}/end-sessions", OPERATOR),
    // Last: it ends the session.
    ("POST", "/sign-out", SIGNED_IN),
];

#[test]
fn every_route_is_in_the_matrix() {
    let table: Vec<_> = router::table().iter().map(|row| (row.method.to_string(), row.path)).collect();
    let known: Vec<_> = EXPECTED.iter().map(|(method, path, _)| ((*method).to_owned(), *path)).collect();

    assert_eq!(table.iter().collect::<BTreeSet<_>>(), known.iter().collect::<BTreeSet<_>>());
    assert_eq!(table.len(), known.len(), "a route stands twice in the table");
}

#[test]
fn the_table_in_the_documentation_is_the_one_that_counts() {
    let page = std::fs::read_to_string(format!("{}/docs/operating.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let scoped = [
        May::SeePolicy,
        May::ChangePolicy,
        May::SeeCredentials,
        May::SeeCertificates,
        May::RenewCertificate,
        May::SeeTrail,
    ];
    let mut table = "| | viewer | support | tenant | operator |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for may in May::ALL {
        let cell = |role: Role| match role.may(may) {
            false => "\u{2013}",
            true if role == Role::Tenant && scoped.contains(&may) => "own domain",
            true => "yes",
        };
        table.extend(["| ", may.words(), " | ", &Role::ALL.map(cell).join(" | "), " |\n"]);
    }

    assert!(page.contains(&table), "docs/operating.md lacks:\n{table}");
}

/// Everyone who may come, each with a browser of their own.
async fn everyone(app: &TestApp) -> Vec<(&'static str, Browser)> {
    let mut all = vec![("stranger", app.stranger())];
    for role in Role::ALL {
        all.push((role.word(), app.signed_in_as(role).await));
    }
    all
}

/// Whether the guard let the request through, whatever came of it then.
fn is_let_in(answer: &Answer, path: &str) -> bool {
    let is_sent_away = answer.status == StatusCode::SEE_OTHER
        && (answer.location().starts_with("/sign-in") && !["/sign-out", "/sign-in/code"].contains(&path)
            || path == "/");
    let is_refused = answer.status == StatusCode::FORBIDDEN && answer.body.contains("role does not reach this");
    !is_sent_away && !is_refused && answer.status != StatusCode::UNAUTHORIZED
}

async fn ask(browser: &Browser, method: &str, path: &str) -> Answer {
    let request = browser.request(method.parse().unwrap(), &routes::example(path));
    if method == "GET" {
        return browser.send(request).await;
    }
    let csrf = browser.csrf().await;
    browser.send(request.form(&[("csrf", csrf.as_str())])).await
}

/// ASVS 8.2.1, 8.3.1.
#[tokio::test]
async fn every_route_lets_in_whom_the_matrix_names_and_nobody_else() {
    let app = TestApp::alone().await;

    for (who, browser) in everyone(&app).await {
        for (method, path, expected) in EXPECTED {
            if who == "stranger" && path == "/sign-out" {
                ask(&browser, method, path).await.assert_redirect("/sign-in");
                continue;
            }
            let answer = ask(&browser, method, path).await;

            let is_expected = expected.contains(&who);
            assert_eq!(is_let_in(&answer, path), is_expected, "{who} {method} {path}: {}", answer.status);
            if !is_expected && who != "stranger" && path != "/" {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{who} {method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_head_request_is_refused_like_the_get_that_answers_it() {
    let app = TestApp::alone().await;
    let tenant = app.signed_in_as(Role::Tenant).await;

    for path in ["/ssh", "/upgrades", "/api/walls"] {
        let answer = tenant.send(tenant.request(Method::HEAD, path)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
}

/// ASVS 7.4.2, 8.3.2.
#[tokio::test]
async fn a_disabled_account_of_any_role_is_a_stranger_at_once() {
    let app = TestApp::alone().await;
    let everyone = everyone(&app).await;
    let pool = app.own_tables().await;
    sqlx::query("UPDATE operators SET disabled_at = 1").execute(&pool).await.unwrap();
    pool.close().await;

    for (who, browser) in everyone {
        for (method, path, expected) in EXPECTED {
            let answer = ask(&browser, method, path).await;

            // Nobody who owes no code is let stay there.
            let is_open = expected.contains(&"stranger") && (method, path) != ("GET", "/sign-in/code");
            let is_out = is_out(&answer);
            assert_eq!(!is_out, is_open, "disabled {who} {method} {path}: {}", answer.status);
        }
    }
}

/// Whether the answer is what a stranger gets.
fn is_out(answer: &Answer) -> bool {
    let is_sent_away = answer.status == StatusCode::SEE_OTHER && answer.location().starts_with("/sign-in");
    is_sent_away || answer.status == StatusCode::UNAUTHORIZED && answer.body.contains("needs a session")
}

/// ASVS 8.3.1, 16.3.2.
#[tokio::test]
async fn a_refusal_has_a_page_of_its_own_and_is_in_the_trail_once_a_minute() {
    let app = TestApp::alone().await;
    let viewer = app.signed_in_as(Role::Viewer).await;

    for _ in 0..3 {
        viewer.submit("/look-again", &[]).await.assert_says(StatusCode::FORBIDDEN, "Not with this role");
    }
    viewer.submit("/certificates/1/renew", &[]).await.assert_says(StatusCode::FORBIDDEN, "Not with this role");

    let told: Vec<_> = app.trail("access.").await.into_iter().map(|entry| (entry.actor, entry.subject)).collect();
    let refused = |route: &str| ("viewer".to_owned(), route.to_owned());
    assert_eq!(told, [refused("POST /certificates/{id}/renew"), refused("POST /look-again")]);
    app.clock.advance(std::time::Duration::from_secs(61));
    viewer.submit("/look-again", &[]).await.assert_says(StatusCode::FORBIDDEN, "Not with this role");
    assert_eq!(app.trail("access.").await.len(), 3);
}

/// ASVS 8.3.2.
#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_with_the_next_request() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    assert_eq!(operator.get("/ssh").await.status, StatusCode::OK);
    let pool = app.own_tables().await;

    let sql = "UPDATE operators SET role = 'tenant', domain_name = 'a.example', \
               domain_uuid = '7a1f2f5c-0000-4000-8000-000000000001' WHERE name = ?";
    sqlx::query(sql).bind(NAME).execute(&pool).await.unwrap();

    operator.get("/ssh").await.assert_says(StatusCode::FORBIDDEN, "Not with this role");
    operator.get("/").await.assert_redirect("/passwords");
    pool.close().await;
}
