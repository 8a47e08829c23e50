//! Orders that end badly: the words that one gets, and that nothing is left behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use rampart::acme::account::{self, AccountError};
use rampart::acme::ca::CertificateAuthority;
use rampart::acme::challenge::rfc2136::{Rfc2136, TsigAlgorithm};
use rampart::acme::challenge::{DnsError, Solver, TxtRecord};
use rampart::acme::error::{CaError, IssueError};
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::issue;
use rampart::app::demo::bind::Bind;
use rampart::app::demo::pebble::BLOCKED_NAME;
use rampart::app::demo::process::free_port;
use rampart::base::clock::SystemClock;
use rampart::base::rng::SystemRandom;
use rampart::base::secret::Secret;

use crate::acme_world::{World, ZONE, fqdn, wish};

const BOTH: [&str; 2] = ["tenant01.test", "*.tenant01.test"];

#[tokio::test]
async fn a_ca_that_refuses_a_name_is_quoted() {
    let world = World::start().await;
    let account = world.account().await;
    let (parties, journal, keys) = world.parties();

    let error = issue(&account, &wish(&[BLOCKED_NAME]), &parties).await.unwrap_err();

    let IssueError::Ca(CaError::Refused { refusal, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(refusal.kind, "rejectedIdentifier");
    assert!(error.to_string().contains(BLOCKED_NAME), "{error}");
    assert_eq!((journal.kept().order_url, keys.made()), (None, 0));
}

/// Says that the record is there, and does nothing.
struct Liar;

#[async_trait]
impl Solver for Liar {
    async fn present(&self, _: &TxtRecord) -> Result<(), DnsError> {
        Ok(())
    }
    async fn ready(&self, _: &TxtRecord) -> Result<(), DnsError> {
        Ok(())
    }
    async fn clear(&self, _: &TxtRecord) -> Result<(), DnsError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_ca_that_finds_no_record_says_so_for_the_name_and_the_next_try_is_a_new_order() {
    let world = World::start().await;
    let account = world.account().await;
    let (mut parties, journal, _) = world.parties();
    let honest = std::mem::replace(&mut parties.solver, Arc::new(Liar));

    let error = issue(&account, &wish(&["tenant01.test"]), &parties).await.unwrap_err();

    let IssueError::Ca(CaError::Refused { refusal, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(refusal.parts.first().map(|part| part.name.as_str()), Some("tenant01.test"));
    assert!(refusal.detail.contains("_acme-challenge"), "{refusal}");
    assert_eq!(journal.kept().order_url, None);
    parties.solver = honest;
    assert!(issue(&account, &wish(&["tenant01.test"]), &parties).await.is_ok());
}

#[tokio::test]
async fn a_wrong_dns_key_is_named_without_showing_it_and_nothing_is_left() {
    let world = World::start().await;
    let account = world.account().await;
    let (mut parties, journal, _) = world.parties();
    let mut settings = world.dns_settings();
    settings.secret = Secret::new(b"not the key that the server has.".to_vec());
    parties.solver = Arc::new(Rfc2136::new(settings).unwrap());

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    assert!(matches!(error, IssueError::Dns(DnsError::KeyRefused { .. })), "{error:?}");
    let said = format!("{error} {error:?}");
    assert!(said.contains(&world.bind.address.to_string()) && said.contains(ZONE), "{said}");
    assert!(!said.contains("not the key"), "{said}");
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
    // The order itself is sound: with the right key it goes on.
    assert!(journal.kept().order_url.is_some());
    parties.solver = Arc::new(Rfc2136::new(world.dns_settings()).unwrap());
    let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();
    assert_eq!(Some(issued.order_url), journal.kept().order_url);
}

#[tokio::test]
async fn a_key_that_the_dns_server_does_not_know_and_a_zone_that_it_does_not_have_are_told_apart() {
    let world = World::start().await;
    let record = TxtRecord::new(fqdn("elsewhere.test"), "a".repeat(43)).unwrap();
    let mut other_zone = world.dns_settings();
    other_zone.zones = vec![fqdn("elsewhere.test")];
    let mut other_name = other_zone.clone();
    other_name.key_name = "nobody.".to_owned();
    let mut other_algorithm = other_zone.clone();
    other_algorithm.algorithm = TsigAlgorithm::HmacSha512;

    let refused = Rfc2136::new(other_zone).unwrap().present(&record).await.unwrap_err();
    let unknown = Rfc2136::new(other_name).unwrap().present(&record).await.unwrap_err();
    let unlike = Rfc2136::new(other_algorithm).unwrap().present(&record).await.unwrap_err();

    assert!(matches!(refused, DnsError::Refused { .. }), "{refused:?}");
    assert!(matches!(unknown, DnsError::KeyRefused { .. }), "{unknown:?}");
    assert!(matches!(unlike, DnsError::KeyRefused { .. }), "{unlike:?}");
}

#[tokio::test]
async fn a_name_server_that_stays_behind_keeps_the_ca_from_looking() {
    let world = World::start().await;
    let account = world.account().await;
    let behind = Bind::start(&world.place.inner("behind"), &[fqdn(ZONE)], &SystemRandom).await.unwrap();
    let (mut parties, ..) = world.parties();
    let mut settings = world.dns_settings();
    settings.also_ask = vec![behind.address];
    settings.patience = Duration::from_millis(300);
    parties.solver = Arc::new(Rfc2136::new(settings).unwrap());

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    let IssueError::Dns(DnsError::NotVisible { server, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(*server, behind.address);
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_dns_server_that_is_not_there_is_named() {
    let world = World::start().await;
    let account = world.account().await;
    let (mut parties, ..) = world.parties();
    let mut settings = world.dns_settings();
    settings.server.set_port(free_port().unwrap());
    let server = settings.server;
    parties.solver = Arc::new(Rfc2136::new(settings).unwrap());

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    assert!(matches!(&error, IssueError::Dns(DnsError::Unreachable { server: named, .. }) if *named == server));
}

fn ca_at(url: &str) -> CertificateAuthority {
    CertificateAuthority::at(url, None).unwrap()
}

async fn new_account(ca: &CertificateAuthority, deadlines: HttpDeadlines) -> CaError {
    match account::create(ca, &[], deadlines, Arc::new(SystemClock)).await {
        Err(AccountError::Ca(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_ca_that_is_not_there_is_unreachable() {
    let ca = ca_at(&format!("https://127.0.0.1:{}/dir", free_port().unwrap()));

    let error = new_account(&ca, HttpDeadlines::default()).await;

    assert!(matches!(error, CaError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_ca_whose_tls_nobody_vouches_for_is_unreachable() {
    let world = World::start().await;

    let error = new_account(&ca_at(&world.pebble.directory_url), HttpDeadlines::default()).await;

    assert!(matches!(error, CaError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_ca_that_never_answers_is_given_up_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ca = ca_at(&format!("http://{}/dir", listener.local_addr().unwrap()));
    let short = Duration::from_millis(300);
    let start = Instant::now();

    // The listener's queue accepts the connection; nobody reads from it.
    let error = new_account(&ca, HttpDeadlines { connect: short, request: short }).await;

    assert!(matches!(error, CaError::TimedOut { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(20));
    drop(listener);
}

/// A CA that gives a directory and a nonce, and answers everything else with `answer`.
async fn hostile_ca(
    answer: impl Fn() -> axum::response::Response + Clone + Send + Sync + 'static,
) -> (CertificateAuthority, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let directory = serde_json::json!({
        "newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"),
        "newOrder": format!("{base}/order"), "revokeCert": format!("{base}/revoke"),
        "keyChange": format!("{base}/key"),
    });
    let router = Router::new()
        .route("/dir", get(async move || directory.to_string()))
        .route("/nonce", get(async || [("replay-nonce", "aaaaaaaaaaaaaaaaaaaaaa")]))
        .fallback(async move || answer());
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (ca_at(&format!("{base}/dir")), server)
}

#[tokio::test]
async fn a_ca_that_asks_for_a_pause_of_ages_is_believed_for_a_day() {
    let day = Some(Duration::from_hours(24));
    for wait in ["18446744073709551615", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let (ca, server) = hostile_ca(move || {
            let problem = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many\u001b[2J"}"#;
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", wait)], problem).into_response()
        })
        .await;

        let error = new_account(&ca, HttpDeadlines::default()).await;

        server.abort();
        assert!(matches!(error, CaError::RateLimited { .. }), "{error:?}");
        assert_eq!(error.retry_after(), day, "{wait}");
        assert!(error.to_string().contains("too many\\u{1b}[2J"), "{error}");
    }
}

#[tokio::test]
async fn a_ca_under_load_that_answers_in_html_is_told_from_one_that_says_no() {
    let (ca, server) =
        hostile_ca(|| (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "7")], "<html>busy</html>").into_response())
            .await;

    let error = new_account(&ca, HttpDeadlines::default()).await;

    server.abort();
    assert!(matches!(error, CaError::RateLimited { .. }), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let (ca, server) = hostile_ca(|| vec![b' '; 3 * 1024 * 1024].into_response()).await;

    let error = new_account(&ca, HttpDeadlines::default()).await;

    server.abort();
    assert!(matches!(error, CaError::Nonsense { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (ca, server) = hostile_ca(|| axum::response::Redirect::temporary("/dir").into_response()).await;

    let error = new_account(&ca, HttpDeadlines::default()).await;

    server.abort();
    assert!(matches!(error, CaError::Nonsense { .. }), "{error:?}");
}
