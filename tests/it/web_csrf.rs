//! Nothing is changed but from one of the console's own pages, in the session that drew the page.

use std::collections::BTreeSet;

use rampart::app::demo::fusionpbx::Generation;
use rampart::base::names::OperatorName;
use rampart::base::role::Post;
use rampart::store::trail::Actor;
use reqwest::header::{HOST, ORIGIN};
use reqwest::{Method, RequestBuilder, StatusCode};

use crate::support::app::{HOST as NAME, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::fusionpbx::Database;
use crate::support::routes;

/// Every route that changes something, with what a form would send there. A new route stands here or the test fails.
const CHANGES: [(&str, &[(&str, &str)]); 43] = [
    ("/sign-in", &[("name", "ann"), ("password", "a quiet stone wall")]),
    ("/setup/{token}", &[("name", "eve"), ("password", "a quiet stone wall"), ("again", "a quiet stone wall")]),
    ("/sign-in/code", &[("code", "123456")]),
    ("/invitation/{token}", &[("password", "a quiet stone wall"), ("again", "a quiet stone wall")]),
    ("/operators", &[("name", "dora"), ("role", "viewer")]),
    ("/operators/{id}/role", &[("role", "support")]),
    ("/operators/{id}/end-sessions", &[]),
    ("/operators/{id}/invitation", &[]),
    ("/operators/{id}/disable", &[]),
    ("/operators/{id}/enable", &[]),
    ("/sign-out", &[]),
    ("/account/second-factor", &[("code", "abcd-efgh")]),
    ("/account/second-factor/proof", &[("code", "123456")]),
    ("/account/recovery", &[("code", "123456")]),
    ("/certificates/standing-orders/end", &[("certificate", "1")]),
    ("/look-again", &[]),
    ("/passwords/credentials/audit", &[]),
    ("/xml-rpc", &[("act", "unload")]),
    ("/passwords/settings", &[("scope", "global"), ("key", "users.password_length"), ("value", "20")]),
    ("/passwords/undo", &[("entry", "1")]),
    (
        "/passwords/rotate",
        &[("kind", "extension"), ("tenant", "north.example.test"), ("places", "101"), ("size", "20")],
    ),
    ("/passwords/rotations/{id}/run", &[("batch", "1")]),
    ("/passwords/rotations/{id}/show", &[("batch", "1")]),
    ("/passwords/rotations/{id}/pass", &[("batch", "1")]),
    ("/passwords/rotations/{id}/resync", &[("batch", "1")]),
    ("/passwords/rotations/{id}/undo", &[("batch", "1")]),
    ("/passwords/rotations/{id}/confirm", &[("batch", "1")]),
    ("/passwords/preset", &[("name", "nist")]),
    ("/certificates/accounts", &[("act", "key"), ("id", "1")]),
    ("/certificates/account", &[("contact", ""), ("terms", "agreed")]),
    ("/certificates/orders", &[("name", "north.example.test"), ("cover", "wildcard"), ("key", "rsa-2048")]),
    ("/certificates/{id}/renew", &[]),
    (
        "/certificates/dns/credentials",
        &[("service", "cloudflare"), ("name", "other"), ("field-token", "0123456789abcdef")],
    ),
    ("/certificates/dns/zones", &[("zone", "south.example.test"), ("way", "dns-01"), ("credential", "1")]),
    ("/certificates/dns/zones/test", &[("zone", "south.example.test")]),
    ("/certificates/dns/zones/remove", &[("zone", "south.example.test")]),
    ("/certificates/dns/credentials/{id}", &[("name", "renamed")]),
    ("/certificates/dns/credentials/{id}/delete", &[]),
    ("/certificates/freeswitch", &[("act", "order"), ("names", "sip.north.example.test"), ("key", "rsa-2048")]),
    ("/account/sessions/end", &[("session", "0123456789abcdef")]),
    ("/account/sessions/end-others", &[]),
    ("/account/devices/forget", &[("device", "0123456789abcdef")]),
    // Last: whoever signs in afterwards needs the new one.
    (
        "/account/password",
        &[("present", "a quiet stone wall"), ("password", "an even quieter wall"), ("again", "an even quieter wall")],
    ),
];

/// What takes a POST and changes nothing, so that it needs no session: reports of browsers.
const HARMLESS: [&str; 1] = ["/csp-report"];

#[test]
fn every_route_that_changes_something_is_in_the_table() {
    let routes = routes::all();
    let written = |route: &&routes::Route| route.methods.iter().any(|method| method != "get");
    let posts = routes.iter().filter(written).map(|route| route.path.clone());
    let posts: BTreeSet<String> = posts.filter(|path| !HARMLESS.contains(&path.as_str())).collect();

    assert_eq!(posts, CHANGES.iter().map(|(path, _)| (*path).to_owned()).collect());
    let known = |route: &routes::Route| route.methods.iter().all(|method| method == "get" || method == "post");
    assert!(routes.iter().all(known), "a method that this file does not try");
}

/// A console with everything that a forged request could change.
struct House {
    app: TestApp,
    database: Database,
    operator: Browser,
    link: String,
    invitation: String,
}

impl House {
    async fn new() -> Self {
        let database = Database::shipped(Generation::V5_5).await;
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        let link = app.state.deeds.offer_setup().await.unwrap().unwrap().expose().clone();
        let operator = app.operator().await;
        let actor = Actor { name: "ann".to_owned(), address: None };
        let name = OperatorName::parse("bob").unwrap();
        let invitation = app.state.deeds.invite(&actor, &name, &Post::Viewer).await.unwrap().expose().clone();
        Self { app, database, operator, link, invitation }
    }

    /// The path, and the fields with whatever makes them work.
    async fn target(&self, path: &str, fields: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let mut fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if path == "/passwords/settings" {
            let page = self.operator.get("/passwords").await;
            let form = page.form(path, &[("key", "users.password_length")]);
            let kept = form.fields.into_iter().filter(|(name, _)| name != "csrf" && name != "value");
            fields = kept.chain([("value".to_owned(), "20".to_owned())]).collect();
        }
        if path == "/passwords/preset" {
            let page = self.operator.get("/passwords/preset?name=nist").await;
            let form = page.form(path, &[]);
            fields = form.fields.into_iter().filter(|(name, _)| name != "csrf").collect();
        }
        let token = if path.starts_with("/invitation") { &self.invitation } else { &self.link };
        // Ann is account 1, bob is account 2.
        let id = if path.starts_with("/operators") { "2" } else { "1" };
        (path.replace("{token}", token).replace("{id}", id), fields)
    }

    /// Everything that the requests could have changed.
    async fn all(&self) -> String {
        let owner = self.database.owner().await;
        let sql = "SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM v_default_settings AS t";
        let settings: String = sqlx::query_scalar(sql).fetch_one(&owner).await.unwrap();
        owner.close().await;
        format!("{}{settings}", self.app.everything_kept().await)
    }
}

/// How a forged request is made: from the operator's browser, with the operator's cookie.
type Forge = fn(&Browser, &str, &str, &str, &[(String, String)]) -> RequestBuilder;

fn form<'a>(csrf: &'a str, fields: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
    let own = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    [("csrf", csrf)].into_iter().chain(own).collect()
}

const FORGERIES: [(&str, Forge); 11] = [
    ("no token", |browser, path, _, _, fields| browser.request(Method::POST, path).form(fields)),
    ("an empty token", |browser, path, _, _, fields| browser.request(Method::POST, path).form(&form("", fields))),
    ("another session's token", |browser, path, _, other, fields| {
        browser.request(Method::POST, path).form(&form(other, fields))
    }),
    ("from another site", |browser, path, own, _, fields| {
        browser.bare(Method::POST, path).header("sec-fetch-site", "cross-site").form(&form(own, fields))
    }),
    ("from a sibling", |browser, path, own, _, fields| {
        browser.bare(Method::POST, path).header("sec-fetch-site", "same-site").form(&form(own, fields))
    }),
    ("a foreign origin", |browser, path, own, _, fields| {
        browser.bare(Method::POST, path).header(ORIGIN, "https://evil.example").form(&form(own, fields))
    }),
    ("a foreign origin that claims to be ours", |browser, path, own, _, fields| {
        let request = browser.bare(Method::POST, path).header("sec-fetch-site", "same-origin");
        request.header(ORIGIN, "https://evil.example").form(&form(own, fields))
    }),
    ("no origin at all", |browser, path, own, _, fields| browser.bare(Method::POST, path).form(&form(own, fields))),
    ("another host name", |browser, path, own, _, fields| {
        let request = browser.to_host("evil.example", Method::POST, path).header("sec-fetch-site", "same-origin");
        request.form(&form(own, fields))
    }),
    ("two host names", |browser, path, own, _, fields| {
        browser.request(Method::POST, path).header(HOST, "evil.example").form(&form(own, fields))
    }),
    ("text/plain", |browser, path, own, _, fields| {
        let text: Vec<String> = form(own, fields).iter().map(|(name, value)| format!("{name}={value}")).collect();
        browser.request(Method::POST, path).header("content-type", "text/plain").body(text.join("&"))
    }),
];

/// ASVS 3.5.1.
#[tokio::test]
async fn no_forged_request_changes_anything() {
    let house = House::new().await;
    let elsewhere = house.app.signed_in().await;
    let other = elsewhere.csrf().await;
    let own = house.operator.csrf().await;
    let before = house.all().await;

    for (path, fields) in CHANGES {
        let (path, fields) = house.target(path, fields).await;
        for (how, forge) in FORGERIES {
            let answer = send(&house.operator, forge(&house.operator, &path, &own, &other, &fields)).await;
            let refused = [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::MISDIRECTED_REQUEST];
            assert!(refused.contains(&answer.status), "{path}, {how}: {}", answer.status);
            assert!(!answer.text("h1").is_empty(), "{path}, {how}: no page");
        }
    }

    assert_eq!(house.all().await, before);
    for browser in [&house.operator, &elsewhere] {
        assert_eq!(browser.get("/").await.status, StatusCode::OK, "the session was ended");
    }
}

/// ASVS 3.5.3.
#[tokio::test]
async fn no_other_method_changes_anything() {
    let house = House::new().await;
    let own = house.operator.csrf().await;
    let before = house.all().await;
    let gets: Vec<String> =
        routes::all().into_iter().filter(|route| route.has("get")).map(|route| route.path).collect();

    for (path, fields) in CHANGES {
        let (at, fields) = house.target(path, fields).await;
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            if gets.iter().any(|get| get == path) && (method == Method::GET || method == Method::HEAD) {
                continue;
            }
            let at = format!("{at}?csrf={own}");
            let request = house.operator.request(method.clone(), &at).form(&form(&own, &fields));
            let answer = send(&house.operator, request).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {at}");
        }
    }

    assert_eq!(house.all().await, before);
}

#[tokio::test]
async fn what_needs_no_token_changes_nothing() {
    let house = House::new().await;
    let stranger = house.app.stranger();
    let before = (house.all().await, house.app.sessions().await);

    for path in HARMLESS {
        for body in ["", "x", "{}", r#"{"csp-report":{"effective-directive":"script-src","blocked-uri":"inline"}}"#] {
            let answer = send(&stranger, stranger.request(Method::POST, path).body(body)).await;
            assert!(matches!(answer.status.as_u16(), 204 | 400), "{path}: {}", answer.status);
            assert!(answer.headers.get("set-cookie").is_none(), "{path}");
        }
    }

    assert_eq!((house.all().await, house.app.sessions().await), before);
}

#[tokio::test]
async fn the_same_requests_with_the_right_token_are_heard() {
    let house = House::new().await;

    for (path, fields) in CHANGES {
        let (at, fields) = house.target(path, fields).await;
        // Ann may have ten sessions at once; whatever might end the one has one of its own.
        let one = match path {
            _ if path.ends_with("/{token}") => Some(house.app.stranger()),
            "/sign-in" | "/sign-out" | "/account/password" => Some(house.app.signed_in().await),
            _ => None,
        };
        let browser = one.as_ref().unwrap_or(&house.operator);
        let own = browser.csrf().await;
        let request = browser.request(Method::POST, &at).form(&form(&own, &fields));
        let answer = send(browser, request).await;
        let deaf = [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED];
        assert!(!deaf.contains(&answer.status), "{at}: {} {}", answer.status, answer.words());
    }
}

#[tokio::test]
async fn a_browser_that_hides_the_origin_but_says_same_origin_is_heard() {
    // Under `Referrer-Policy: no-referrer` a form's POST has `Origin: null` (Fetch, section 3.2).
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let own = browser.csrf().await;
    let request = browser.bare(Method::POST, "/sign-out").header("sec-fetch-site", "same-origin");

    let answer = send(&browser, request.header(ORIGIN, "null").form(&[("csrf", own)])).await;

    answer.assert_redirect("/sign-in");
}

#[tokio::test]
async fn the_console_answers_to_its_own_name_only() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    let names = [
        "evil.example",
        "console.example.evil.example",
        "console.example:8443",
        "127.0.0.1",
        "localhost",
        "console.example.",
        "xconsole.example",
        "console.example@evil.example",
        "",
    ];

    for name in names {
        for path in ["/", "/sign-in", "/static/rampart.css", "/healthz", "/nowhere"] {
            let request = browser.to_host(name, Method::GET, path);
            let request = request.header("x-forwarded-host", NAME).header("forwarded", format!("host={NAME}"));
            let answer = send(&browser, request).await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{name:?} {path}");
            assert!(name.is_empty() || !answer.body.contains(name), "{name:?} comes back");
        }
    }
    let request = browser.request(Method::GET, "/").header("x-forwarded-host", "evil.example");
    let answer = send(&browser, request).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.body.contains("evil.example"));
}

/// Sends it, and leaves the browser's cookies as they were.
async fn send(browser: &Browser, request: RequestBuilder) -> Answer {
    let jar = browser.jar();
    let answer = browser.send(request).await;
    browser.put(jar);
    answer
}
