//! Orders that end badly: the words that one gets, and that nothing is left behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rampart::acme::account::{self, AccountError};
use rampart::acme::ca::CertificateAuthority;
use rampart::acme::challenge::rfc2136::{Rfc2136, Rfc2136Settings, TsigAlgorithm};
use rampart::acme::challenge::{DnsError, Solver, TxtRecord};
use rampart::acme::error::{CaError, IssueError};
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::issue;
use rampart::acme::ports::{Journal as _, KeyError, KeySource};
use rampart::acme::step::Step;
use rampart::app::demo::bind::Bind;
use rampart::app::demo::pebble::{BLOCKED_NAME, PebbleOptions};
use rampart::app::demo::process::free_port;
use rampart::base::clock::SystemClock;
use rampart::base::names::CertificateName;
use rampart::base::rng::SystemRandom;
use rampart::base::secret::Secret;
use rampart::wire::answer::KeyMade;
use rampart::wire::request::KeyKind;

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

#[tokio::test]
async fn a_dns_server_that_never_answers_is_given_up_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let key = Secret::new(vec![7; 32]);
    let mut settings = Rfc2136Settings::new(server, vec![fqdn(ZONE)], "key.".to_owned(), key);
    settings.deadline = Duration::from_millis(200);
    let record = TxtRecord::new(fqdn(ZONE), "a".repeat(43)).unwrap();

    let error = Rfc2136::new(settings).unwrap().present(&record).await.unwrap_err();

    assert!(matches!(&error, DnsError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("0.2 s"), "{error}");
    drop(listener);
}

#[tokio::test]
async fn a_ca_that_does_not_finish_checking_is_left_and_the_order_stays() {
    let silent_dns = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let asked = Some(silent_dns.local_addr().unwrap());
    let world = World::whose_ca_asks(asked, PebbleOptions::default()).await;
    let account = world.account().await;
    let (mut parties, journal, _) = world.parties();
    parties.patience.checking = Duration::from_millis(1);

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    assert!(matches!(error, IssueError::Ca(CaError::TimedOut { .. })), "{error:?}");
    assert!(journal.kept().order_url.is_some());
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
}

/// An agent that is down.
struct NoKeys;

#[async_trait]
impl KeySource for NoKeys {
    async fn make(&self, _: &[CertificateName], _: KeyKind) -> Result<KeyMade, KeyError> {
        Err(KeyError("the agent is not running".into()))
    }
}

#[tokio::test]
async fn an_order_waits_for_an_agent_that_is_down() {
    let world = World::start().await;
    let account = world.account().await;
    let (mut parties, journal, _) = world.parties();
    let agent = std::mem::replace(&mut parties.keys, Arc::new(NoKeys));

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    assert!(matches!(error, IssueError::Key(_)), "{error:?}");
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
    let begun = journal.kept().order_url;
    parties.keys = agent;
    let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();
    assert_eq!(begun, Some(issued.order_url));
}

#[tokio::test]
async fn a_certificate_for_another_key_is_not_used() {
    let world = World::start().await;
    let account = world.account().await;
    let (parties, journal, _) = world.parties();
    issue(&account, &wish(&BOTH), &parties).await.unwrap();
    let mut swapped = journal.kept();
    let names = wish(&BOTH).names;
    swapped.key = Some(parties.keys.make(&names, KeyKind::EcdsaP256).await.unwrap());
    journal.save(&swapped).await.unwrap();

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    assert!(matches!(error, IssueError::WrongCertificate(_)), "{error:?}");
    assert_eq!((journal.kept().order_url, journal.kept().key), (None, None));
}

#[tokio::test]
async fn a_profile_that_the_ca_does_not_have_is_not_asked_for() {
    let world = World::start().await;
    let account = world.account().await;
    let mut odd = wish(&BOTH);
    odd.profile = Some("nope".to_owned());

    let error = issue(&account, &odd, &world.parties().0).await.unwrap_err();

    assert!(matches!(&error, IssueError::NoSuchProfile { wanted, .. } if wanted == "nope"), "{error:?}");
}

fn ca_at(url: &str) -> CertificateAuthority {
    CertificateAuthority::at(url, None).unwrap()
}

async fn new_account(ca: &CertificateAuthority, deadlines: HttpDeadlines) -> CaError {
    match account::create(ca, &account::new_key().unwrap(), &[], deadlines, Arc::new(SystemClock)).await {
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

/// ASVS 12.3.2.
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

/// A CA that gives a directory and nonces, and answers everything else as `answer` says for its own address and the path.
async fn hostile_ca(
    answer: impl Fn(&str, &str) -> Response + Clone + Send + Sync + 'static,
) -> (CertificateAuthority, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let directory = serde_json::json!({
        "newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"),
        "newOrder": format!("{base}/order"), "revokeCert": format!("{base}/revoke"),
        "keyChange": format!("{base}/key"),
    });
    let own = base.clone();
    let router = Router::new()
        .route("/dir", get(async move || directory.to_string()))
        .route("/nonce", get(async || [("replay-nonce", "aaaaaaaaaaaaaaaaaaaaaa")]))
        .fallback(async move |address: Uri| answer(&own, address.path()));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (ca_at(&format!("{base}/dir")), server)
}

#[tokio::test]
async fn a_ca_that_wants_proof_for_another_name_writes_nothing_into_our_zones() {
    let (ca, server) = hostile_ca(|base, path| match path {
        "/account" => (StatusCode::CREATED, [("location", format!("{base}/me"))], "{}").into_response(),
        "/order" => {
            let order = serde_json::json!({"status": "pending", "authorizations": [format!("{base}/authz")],
                "finalize": format!("{base}/finalize")});
            (StatusCode::CREATED, [("location", format!("{base}/order/1"))], order.to_string()).into_response()
        }
        _ => {
            let challenge = serde_json::json!({"type": "dns-01", "status": "pending", "url": format!("{base}/chall"),
                "token": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
            let authorization = serde_json::json!({"status": "pending", "challenges": [challenge],
                "identifier": {"type": "dns", "value": "victim.tenant01.test"}});
            authorization.to_string().into_response()
        }
    })
    .await;
    let world = World::start().await;
    let made =
        account::create(&ca, &account::new_key().unwrap(), &[], HttpDeadlines::default(), Arc::new(SystemClock))
            .await
            .unwrap();
    let account =
        account::open(&ca, &made.credentials, HttpDeadlines::default(), Arc::new(SystemClock)).await.unwrap();
    let (parties, journal, _) = world.parties();

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    server.abort();
    assert!(matches!(error, IssueError::Ca(CaError::Nonsense { .. })), "{error:?}");
    assert!(!journal.steps().iter().any(|step| matches!(step, Step::Presenting { .. })));
}

#[tokio::test]
async fn a_ca_that_asks_for_a_pause_of_ages_is_believed_for_a_day() {
    let day = Some(Duration::from_hours(24));
    for wait in ["18446744073709551615", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let (ca, server) = hostile_ca(move |_, _| {
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
    let (ca, server) = hostile_ca(|_, _| {
        (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "7")], "<html>busy</html>").into_response()
    })
    .await;

    let error = new_account(&ca, HttpDeadlines::default()).await;

    server.abort();
    assert!(matches!(error, CaError::RateLimited { .. }), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let (ca, server) = hostile_ca(|_, _| vec![b' '; 3 * 1024 * 1024].into_response()).await;

    let error = new_account(&ca, HttpDeadlines::default()).await;

    server.abort();
    assert!(matches!(error, CaError::Nonsense { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (ca, server) = hostile_ca(|_, _| axum::response::Redirect::temporary("/dir").into_response()).await;

    let error = new_account(&ca, HttpDeadlines::default()).await;

    server.abort();
    assert!(matches!(error, CaError::Nonsense { .. }), "{error:?}");
}
