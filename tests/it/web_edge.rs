//! Where browsers meet the console: where a sign-in leads, whose address counts, what is reported, what a panic leaves.

use std::net::Ipv4Addr;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode as Code;
use axum::routing::get;
use rampart::base::encoding::sha384_base64;
use rampart::base::secret::Secret;
use rampart::web::client_address::InFront;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};

use crate::support::app::{NAME, Neighbours, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::routes;
use crate::web_house::assert_guarded;

/// Signs in by the form that `address` shows, as a browser would that was sent there.
async fn sign_in_by(browser: &Browser, address: &str) -> Answer {
    let page = browser.get(address).await;
    assert_eq!(page.status, StatusCode::OK, "{address}");
    let form = page.form("/sign-in", &[]);
    browser.press(&form, &[("name", NAME), ("password", PASSWORD)]).await
}

#[tokio::test]
async fn a_sign_in_leads_to_the_page_that_was_asked_for() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let pages = routes::all().into_iter().filter(routes::Route::is_page);
    let mut pages: Vec<String> = pages.map(|route| route.example()).collect();
    assert!(pages.len() >= 10);
    pages.extend(["/passwords?find=b%C3%A4r&after=3", "/certificates?find=a+b&page=2"].map(ToOwned::to_owned));

    for (nth, page) in pages.iter().enumerate() {
        let from = Ipv4Addr::new(127, 0, 3, u8::try_from(nth + 1).unwrap());
        let browser = app.stranger_from(from.into());
        let sent = browser.get(page).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{page}");
        sign_in_by(&browser, sent.location()).await.assert_redirect(page);
        // Once in, the same address leads there at once.
        browser.get(sent.location()).await.assert_redirect(page);
    }
}

#[tokio::test]
async fn a_session_that_ended_and_a_wrong_password_lose_no_place() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;
    app.clock.advance(std::time::Duration::from_mins(16));

    let sent = browser.get("/trail?find=policy").await;
    sent.assert_redirect("/sign-in?next=/trail%3Ffind%3Dpolicy");
    let form = browser.get(sent.location()).await.form("/sign-in", &[]);
    let refused = browser.press(&form, &[("name", NAME), ("password", "wrong")]).await;

    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    // A wrong password makes the next try wait.
    app.clock.advance(std::time::Duration::from_secs(5));
    let again = refused.form("/sign-in", &[("next", "/trail?find=policy")]);
    let answer = browser.press(&again, &[("name", NAME), ("password", PASSWORD)]).await;
    answer.assert_redirect("/trail?find=policy");
}

/// What an attacker would put behind `next=`, as it arrives once the query has been read.
const HOSTILE: [&str; 64] = [
    "//evil.example",
    "///evil.example",
    "////evil.example/%2f..",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "//evil.example/passwords",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "HTTPS://evil.example",
    "http://console.example@evil.example",
    "https://console.example.evil.example/",
    "https://console.example/passwords",
    "//console.example/passwords",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "mailto:a@b.example",
    "evil.example",
    "passwords",
    "./passwords",
    "../passwords",
    "/../passwords",
    "/./passwords",
    "/passwords/../../evil",
    "/passwords/",
    "/passwords//",
    "/passwords;x=y",
    "/passwords%2f%2fevil.example",
    "/%2f%2fevil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "%2f%2fevil.example",
    "%252f%252fevil.example",
    "/%252f%252fevil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "/\r\n/evil.example",
    "/passwords\r\nLocation: https://evil.example",
    "/passwords\r\nSet-Cookie: __Host-rampart=x",
    "/passwords?find=%0d%0aLocation:%20https://evil.example",
    "/passwords?find=https://evil.example",
    "/passwords?find=a&next=//evil.example",
    "/passwords?redirect=https://evil.example",
    "/passwords#//evil.example",
    "/passwords\0",
    " /passwords",
    "/passwords ",
    "\u{2044}\u{2044}evil.example",
    "/\u{2215}evil.example",
    "\u{ff0f}\u{ff0f}evil.example",
    "/\u{202e}elpmaxe.live",
    "/sign-out",
    "/sign-in",
    "/passwords/settings",
    "/look-again",
    "/api/walls",
    "/certificates/orders/1/events",
    "/static/rampart.js",
    "@evil.example",
];

fn escaped(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

/// ASVS 3.7.2.
#[tokio::test]
async fn no_address_behind_next_leads_out_of_the_console() {
    let app = TestApp::alone().await;
    let inside = app.operator().await;

    for (nth, payload) in HOSTILE.iter().enumerate() {
        let from = Ipv4Addr::new(127, 0, 4, u8::try_from(nth + 1).unwrap());
        let stranger = app.stranger_from(from.into());
        let at = format!("/sign-in?next={}", escaped(payload));
        let page = stranger.get(&at).await;
        assert!(page.forms("/sign-in", &[("next", payload)]).is_empty(), "{payload:?} is in the form");
        let form = [("name", NAME), ("password", PASSWORD), ("next", *payload)];
        stranger.submit("/sign-in", &form).await.assert_redirect("/");
        inside.get(&at).await.assert_redirect("/");
        // Not read from the query at all, but as it is.
        let raw = payload.replace(|letter: char| letter.is_control() || letter == ' ' || letter == '#', "");
        let answer = inside.get(&format!("/sign-in?next={raw}")).await;
        assert!(["", "/", "/passwords"].contains(&answer.location()), "{payload:?}: {}", answer.location());
    }
    // The same as the path itself, for a stranger.
    for payload in HOSTILE.iter().filter(|payload| payload.starts_with('/')) {
        let raw = payload.replace(|letter: char| letter.is_control() || letter == ' ', "");
        let answer = app.stranger().get(&raw).await;
        let to = answer.location();
        assert!(to.is_empty() || to == "/sign-in" || to.starts_with("/sign-in?next=/"), "{payload:?}: {to}");
        assert!(!to.contains("evil"), "{payload:?}: {to}");
    }
}

/// How a visitor may try to look like another one.
const DISGUISES: [(&str, &str); 20] = [
    ("x-forwarded-for", "192.0.2.N"),
    ("x-forwarded-for", "192.0.2.N, 127.0.0.1"),
    ("x-forwarded-for", "127.0.0.1, 192.0.2.N"),
    ("x-forwarded-for", "::ffff:192.0.2.N"),
    ("x-forwarded-for", ""),
    ("x-real-ip", "192.0.2.N"),
    ("x-real-ip", " 192.0.2.N "),
    ("forwarded", "for=192.0.2.N"),
    ("forwarded", "for=\"[2001:db8::N]\""),
    ("x-client-ip", "192.0.2.N"),
    ("true-client-ip", "192.0.2.N"),
    ("cf-connecting-ip", "192.0.2.N"),
    ("x-originating-ip", "192.0.2.N"),
    ("x-cluster-client-ip", "192.0.2.N"),
    ("x-remote-addr", "192.0.2.N"),
    ("via", "1.1 192.0.2.N"),
    ("x-rampart-client", "192.0.2.N"),
    ("x-rampart-client", "192.0.2.N:443"),
    ("x-rampart-client", "2001:db8::N"),
    ("x-rampart-proxy", "guess N"),
];

/// ASVS 4.1.3, 15.3.4.
#[tokio::test]
async fn no_header_gives_a_visitor_more_tries_and_the_trail_has_the_peer() {
    let fronts = [InFront::Nobody, InFront::Nginx(Secret::new("a-secret-that-nginx-alone-can-know".to_owned()))];
    for in_front in fronts {
        let is_direct = matches!(in_front, InFront::Nobody);
        let app = TestApp::start(Neighbours { in_front, ..Neighbours::default() }).await;
        app.add_operator(NAME, PASSWORD).await;
        let stranger = app.stranger();
        let csrf = stranger.csrf().await;
        let form = [("csrf", csrf.as_str()), ("name", NAME), ("password", "wrong")];

        let mut heard = 0;
        for (nth, (name, value)) in DISGUISES.iter().enumerate() {
            let request = stranger.request(Method::POST, "/sign-in").form(&form);
            let request = request.header(*name, value.replace('N', &nth.to_string()));
            let answer = stranger.send(request).await;
            heard += u32::from(answer.status == StatusCode::UNAUTHORIZED);
        }

        assert!(heard < 8, "{heard} of 20 were heard");
        let rows = app.trail("session.sign-in").await;
        let expected = is_direct.then(|| "127.0.0.1".to_owned());
        assert!(!rows.is_empty() && rows.iter().all(|row| row.address == expected), "{rows:?}");
    }
}

#[tokio::test]
async fn the_script_and_the_stylesheet_are_what_the_page_says_they_are() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;

    for page in ["/", "/sign-in", "/nowhere"] {
        let browser = if page == "/sign-in" { app.stranger() } else { app.signed_in().await };
        let answer = browser.get(page).await.page();
        for (selector, attribute, kind) in
            [("script", "src", "text/javascript"), ("link[rel=stylesheet]", "href", "text/css")]
        {
            let selector = scraper::Selector::parse(selector).unwrap();
            let element = answer.select(&selector).next().unwrap();
            let (at, digest) = (element.attr(attribute).unwrap(), element.attr("integrity").unwrap());
            let file = browser.get(at).await;
            assert_eq!(digest, format!("sha384-{}", sha384_base64(file.body.as_bytes())), "{page}: {at}");
            assert_eq!(file.headers[CONTENT_TYPE], format!("{kind}; charset=utf-8"));
        }
    }
    drop(browser);
}

/// ASVS 3.4.7.
#[tokio::test]
async fn a_broken_policy_can_be_reported_by_anyone_but_not_without_end() {
    let app = TestApp::alone().await;
    let stranger = app.stranger();
    let report = r#"{"csp-report":{"document-uri":"https://console.example/setup/TOKEN","violated-directive":"img-src",
        "effective-directive":"img-src","blocked-uri":"https://evil.example/x","line-number":1}}"#;
    let post = |body: String| stranger.request(Method::POST, "/csp-report").body(body);
    let typed = post(report.to_owned()).header(CONTENT_TYPE, "application/csp-report");

    assert_eq!(stranger.send(typed).await.status, StatusCode::NO_CONTENT);
    assert_eq!(stranger.send(post("{".to_owned())).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(stranger.send(post("x".repeat(10_000))).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let elsewhere = stranger.bare(Method::POST, "/csp-report").header("sec-fetch-site", "cross-site");
    assert_eq!(stranger.send(elsewhere.body(report)).await.status, StatusCode::FORBIDDEN);
    let mut last = StatusCode::OK;
    for _ in 0..25 {
        last = stranger.send(post(report.to_owned())).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

/// ASVS 16.5.1, 16.5.4.
#[tokio::test]
async fn a_panic_ends_one_request_and_says_nothing_of_itself() {
    let broken = || async {
        assert!(std::env::var_os("PATH").is_none(), "the secret plan of the panic");
        "unreached"
    };
    let app = TestApp::around(
        Router::new().route("/broken", get(broken).post(broken)).route("/whole", get(Code::NO_CONTENT)),
    )
    .await;
    let browser = app.stranger();

    for _ in 0..3 {
        for method in [Method::GET, Method::POST] {
            let answer = browser.send(browser.request(method, "/broken")).await;
            answer.assert_says(StatusCode::INTERNAL_SERVER_ERROR, "Reference");
            assert!(!answer.body.contains("secret plan") && !answer.body.contains(".rs"), "{}", answer.body);
            assert_guarded(&answer, "a panic");
        }
    }
    assert_eq!(browser.get("/whole").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn whatever_the_status_the_headers_are_the_same() {
    let status = |Path(status): Path<u16>| async move { Code::from_u16(status).unwrap() };
    let app = TestApp::around(Router::new().route("/status/{status}", get(status).post(status))).await;
    let browser = app.stranger();

    for status in (200..=208).chain(300..=308).chain(400..=451).chain(500..=511) {
        for method in [Method::GET, Method::POST, Method::HEAD] {
            let answer = browser.send(browser.request(method.clone(), &format!("/status/{status}"))).await;
            assert_eq!(answer.status.as_u16(), status);
            assert_guarded(&answer, &format!("{method} {status}"));
            if status >= 400 && method != Method::HEAD {
                assert!(!answer.text("h1").is_empty(), "{status} has no page");
            }
        }
    }
}
