//! Credentials for DNS services and approved zones, through the page, with a real DNS server behind it.

use rampart::acme::challenge::authority::Authority;
use rampart::acme::challenge::provider::providers;
use rampart::cli::check::Format;
use rampart::cli::dns;
use reqwest::StatusCode;

use crate::acme_world::{World, ZONE, fqdn};
use crate::dns_world::authority;
use crate::support::app::{Neighbours, TestApp};
use crate::support::browser::Browser;

const PAGE: &str = "/certificates/dns";
const CREDENTIALS: &str = "/certificates/dns/credentials";
const FIRST: &str = "/certificates/dns/credentials/1";
const ZONES: &str = "/certificates/dns/zones";

/// The token of an account that is nobody's.
const TOKEN: &str = "t0ken-that-nobody-sees-again";

async fn cloudflare(operator: &Browser) {
    let fields = [("service", "cloudflare"), ("name", "Cloudflare of the office"), ("field-token", TOKEN)];
    operator.submit(CREDENTIALS, &fields).await.assert_redirect(PAGE);
}

/// A console whose questions about names go to `world`.
async fn beside(world: &World) -> TestApp {
    let app = TestApp::alone().await;
    let mut issuing = (*app.state.issuing).clone();
    drop(app);
    issuing.authority = Authority { ..authority(&world.bind) };
    issuing.zones = Vec::new();
    TestApp::start(Neighbours { issuing: Some(issuing), ..Neighbours::default() }).await
}

/// A credential for the world's own DNS server.
async fn bind(operator: &Browser, world: &World) {
    let server = world.bind.address.to_string();
    let fields = [
        ("service", "rfc2136"),
        ("name", "BIND"),
        ("field-server", server.as_str()),
        ("field-key_name", &world.bind.key_name),
        ("field-algorithm", "hmac-sha256"),
        ("field-key", world.bind.secret.expose()),
    ];
    operator.submit(CREDENTIALS, &fields).await.assert_redirect(PAGE);
}

#[tokio::test]
async fn every_service_has_a_form_of_its_own() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;

    for provider in providers() {
        let page = operator.get(&format!("{PAGE}/new?service={}", provider.id)).await;
        assert_eq!(page.status, StatusCode::OK, "{}", provider.id);
        for field in provider.fields {
            assert!(page.body.contains(&format!("name=\"field-{}\"", field.key)), "{} {}", provider.id, field.key);
        }
    }
    assert_eq!(operator.get("/certificates/dns/new?service=nobody").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_secret_is_sealed_and_never_comes_back() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;

    cloudflare(&operator).await;

    for path in [PAGE, FIRST, "/trail"] {
        let page = operator.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.body.contains(TOKEN), "{path}");
    }
    assert!(operator.get(PAGE).await.body.contains("Cloudflare of the office"));
    assert!(!app.everything_kept().await.contains(TOKEN));
    let entry = &app.trail("dns.credential-add").await[0];
    assert_eq!(entry.subject, "Cloudflare of the office");
    let again = operator.submit(CREDENTIALS, &[("service", "cloudflare"), ("name", "x"), ("field-token", "a\u{7}b")]);
    let again = again.await;
    again.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "characters that cannot be part of it");
    assert!(!again.body.contains("a\u{7}b"));
}

#[tokio::test]
async fn a_secret_that_is_left_empty_stays_and_one_that_is_typed_takes_its_place() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    cloudflare(&operator).await;
    let kept = async || {
        let id = rampart::base::ids::DnsCredentialId(1);
        let kept = app.state.deeds.dns_credential(id).await.unwrap().unwrap();
        (kept.row.name.clone(), kept.values.get("token").to_owned())
    };

    operator.submit(FIRST, &[("name", "Renamed"), ("field-token", "")]).await.assert_redirect(PAGE);
    assert_eq!(kept().await, ("Renamed".to_owned(), TOKEN.to_owned()));
    operator.submit(FIRST, &[("name", "Renamed"), ("field-token", "another-one")]).await.assert_redirect(PAGE);

    assert_eq!(kept().await, ("Renamed".to_owned(), "another-one".to_owned()));
    let changes = app.trail("dns.credential-change").await;
    assert_eq!(changes[0].after.as_deref(), Some("Renamed: changed API token"));
    cloudflare(&operator).await;
    let taken = operator.submit(FIRST, &[("name", "Cloudflare of the office"), ("field-token", "")]).await;
    taken.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "Another credential has this name.");
}

#[tokio::test]
async fn a_credential_is_deleted_only_when_no_zone_rests_on_it() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    cloudflare(&operator).await;
    let approve = [("zone", "north.example"), ("way", "dns-01"), ("credential", "1")];
    operator.submit(ZONES, &approve).await.assert_redirect(PAGE);

    operator.submit(&format!("{FIRST}/delete"), &[]).await.assert_redirect(PAGE);
    assert!(operator.get(PAGE).await.body.contains("zones still use it"));
    operator.submit(&format!("{ZONES}/remove"), &[("zone", "north.example")]).await.assert_redirect(PAGE);
    operator.submit(&format!("{FIRST}/delete"), &[]).await.assert_redirect(PAGE);

    assert_eq!(operator.get(FIRST).await.status, StatusCode::NOT_FOUND);
    let acts: Vec<_> = app.trail("dns.").await.into_iter().map(|entry| (entry.act, entry.outcome)).collect();
    assert_eq!(acts.len(), 5, "{acts:?}");
}

#[tokio::test]
async fn a_zone_that_cannot_be_approved_says_why_at_its_field() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let cases = [
        ("", "dns-01", "a name is needed"),
        ("com", "dns-01", ""),
        ("<b>.example", "dns-01", ""),
        ("north.example", "guesswork", "Choose how names are proved."),
        ("north.example", "dns-01", "Choose the credential"),
    ];

    for (zone, way, words) in cases {
        let answer = operator.submit(ZONES, &[("zone", zone), ("way", way), ("credential", "")]).await;
        answer.assert_says(StatusCode::UNPROCESSABLE_ENTITY, words);
    }
    let gone = operator.submit(ZONES, &[("zone", "north.example"), ("way", "dns-01"), ("credential", "7")]).await;
    gone.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "not there any more");
    assert_eq!(app.state.deeds.store.dns_zones().await.unwrap(), []);
}

#[tokio::test]
async fn test_now_writes_a_record_sees_it_and_takes_it_away() {
    let world = World::start().await;
    let app = beside(&world).await;
    let operator = app.operator().await;
    bind(&operator, &world).await;
    operator.submit(ZONES, &[("zone", ZONE), ("way", "dns-01"), ("credential", "1")]).await.assert_redirect(PAGE);

    operator.submit(&format!("{ZONES}/test"), &[("zone", ZONE)]).await.assert_redirect(PAGE);

    let page = operator.get(PAGE).await;
    assert!(page.body.contains("seen on every name server and taken away"), "{}", page.words());
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
    let other = operator.submit(&format!("{ZONES}/test"), &[("zone", "elsewhere.example")]).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    let mut out = Vec::new();
    let is_good = dns::test(&app.state.deeds, &app.state.issuing, None, Format::Json, &mut out).await.unwrap();
    let said: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert!(is_good && said["tests"][0]["result"] == "pass", "{said}");
}

#[tokio::test]
async fn a_test_that_fails_says_where_and_no_secret() {
    let world = World::start().await;
    let app = beside(&world).await;
    let operator = app.operator().await;
    bind(&operator, &world).await;
    let wrong = "d3Jvbmcga2V5IG9mIHRoaXJ0eS10d28gYnl0ZXMsIHNvLg==";
    let server = world.bind.address.to_string();
    let fields = [
        ("name", "BIND"),
        ("field-server", server.as_str()),
        ("field-key_name", &world.bind.key_name),
        ("field-algorithm", "hmac-sha256"),
        ("field-key", wrong),
    ];
    operator.submit(FIRST, &fields).await.assert_redirect(PAGE);
    operator.submit(ZONES, &[("zone", ZONE), ("way", "dns-01"), ("credential", "1")]).await.assert_redirect(PAGE);

    operator.submit(&format!("{ZONES}/test"), &[("zone", ZONE)]).await.assert_redirect(PAGE);

    let page = operator.get(PAGE).await;
    assert!(page.body.contains("does not accept the TSIG key"), "{}", page.words());
    assert!(!page.body.contains(wrong) && !app.everything_kept().await.contains(wrong));
    let mut out = Vec::new();
    let is_good = dns::test(&app.state.deeds, &app.state.issuing, Some(ZONE), Format::Text, &mut out).await.unwrap();
    assert!(!is_good, "{}", String::from_utf8_lossy(&out));
}

#[tokio::test]
async fn a_name_may_be_ordered_once_its_zone_is_approved_and_not_after_that() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    cloudflare(&operator).await;
    let approved = async |name: &str| {
        let proving = app.state.deeds.proving(&app.state.issuing).await.unwrap();
        proving.is_approved(&fqdn(name)) && proving.solver.is_ok()
    };
    assert!(!approved("pbx.north.example").await);

    operator.submit(ZONES, &[("zone", "north.example"), ("way", "dns-01"), ("credential", "1")]).await;
    assert!(approved("pbx.north.example").await && !approved("pbx.south.example").await);
    operator.submit(&format!("{ZONES}/remove"), &[("zone", "north.example")]).await;

    assert!(!approved("pbx.north.example").await);
}

#[tokio::test]
async fn a_zone_of_the_page_alone_is_enough_to_order() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let (store, url) = (&app.state.deeds.store, app.state.issuing.ca.directory_url());
    let key = rampart::acme::account::new_key().unwrap();
    store.account_key(url, &key, app.state.deeds.clock.now()).await.unwrap();
    let credentials = rampart::base::secret::Secret::new("{}".to_owned());
    store.account_made(url, &format!("{url}/1"), "ops@example.com", &credentials).await.unwrap();
    assert!(operator.get("/certificates").await.body.contains("Nothing can be ordered now"));

    cloudflare(&operator).await;
    operator.submit(ZONES, &[("zone", "north.example"), ("way", "dns-01"), ("credential", "1")]).await;

    let page = operator.get("/certificates").await;
    assert!(page.body.contains("Order the certificate"), "{}", page.words());
}
