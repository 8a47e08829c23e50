//! Registering with a CA and ordering through the page, with neighbours that fail, and once with all of them well.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rampart::acme::ca::CertificateAuthority;
use rampart::acme::challenge::authority::Authority;
use rampart::acme::challenge::rfc2136::Rfc2136;
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::{Patience, Turn};
use rampart::app::demo::nginx::Nginx;
use rampart::app::demo::pebble::{BLOCKED_NAME, PebbleOptions};
use rampart::app::demo::process::free_port;
use rampart::base::ids::{CertificateId, OrderId};
use rampart::base::names::Fqdn;
use rampart::base::role::Reach;
use rampart::base::secret::Secret;
use rampart::deeds::certificates::{Cover, Issuing};
use rampart::host::Agent;
use rampart::jobs::renewal;
use rampart::store::orders::{LEASE, OrderState};
use rampart::store::trail::Actor;
use rampart::tls::probe;
use rampart::wire::request::KeyKind;
use reqwest::StatusCode;
use tokio::net::UnixListener;

use crate::acme_world::{World, ZONE, fqdn};
use crate::agent_house::{RunningAgent, Scratch, settings};
use crate::support::app::{Neighbours, TestApp};
use crate::support::authenticator::allow;
use crate::support::browser::{Answer, Browser};

const REGISTER: &str = "/certificates/account";
const ORDER: &str = "/certificates/orders";
const ACCOUNT: [(&str, &str); 2] = [("contact", "ops@example.com"), ("terms", "agreed")];

/// Everyone that a certificate of `world` needs.
fn issuing(world: &World, agent: Agent) -> Issuing {
    Issuing {
        ca: world.ca.clone(),
        solver: Ok(Arc::new(Rfc2136::new(world.dns_settings()).unwrap())),
        challenge: "DNS-01".to_owned(),
        zones: vec![fqdn(ZONE), fqdn(BLOCKED_NAME)],
        authority: Authority::default(),
        agent,
        deadlines: HttpDeadlines::default(),
        patience: Patience { checking: Duration::from_mins(1), signing: Duration::from_mins(1) },
        turn: Turn::default(),
    }
}

async fn start(world: &World, agent: Agent) -> TestApp {
    let issuing = Some(issuing(world, agent.clone()));
    TestApp::start(Neighbours { agent: Some(agent), issuing, ..Neighbours::default() }).await
}

fn nobody(world: &World) -> Agent {
    Agent::at(world.place.inner("nobody").join("agent.sock"))
}

async fn order(browser: &Browser, name: &str) -> Answer {
    browser.submit(ORDER, &[("name", name), ("cover", "wildcard"), ("key", "ecdsa-p256")]).await
}

/// Queues an order for a wildcard whose keeping the agent was let once: nobody is asked for a code.
async fn queued(app: &TestApp, name: &str) -> OrderId {
    let (deeds, now) = (&app.state.deeds, app.state.deeds.clock.now());
    let names = Cover::Wildcard.names(&fqdn(name));
    let id = deeds.store.certificate_for(&names, KeyKind::EcdsaP256, 0, now).await.unwrap();
    let actor = Actor { name: "ann".to_owned(), address: None };
    deeds.renew(&app.state.issuing, &actor, &Reach::Everything, id).await.unwrap().order
}

/// A console whose CA is nowhere, with an account that it once made.
async fn with_account() -> TestApp {
    let nowhere = format!("https://127.0.0.1:{}/dir", free_port().unwrap());
    let solver = Rfc2136::new(rampart::acme::challenge::rfc2136::Rfc2136Settings::new(
        SocketAddr::from(([127, 0, 0, 1], free_port().unwrap())),
        vec![fqdn("example.test")],
        "key".to_owned(),
        Secret::new(vec![7; 32]),
    ));
    let issuing = Issuing {
        ca: CertificateAuthority::at(&nowhere, None).unwrap(),
        solver: Ok(Arc::new(solver.unwrap())),
        challenge: "DNS-01".to_owned(),
        zones: vec![fqdn("example.test")],
        authority: Authority::default(),
        agent: Agent::at("/nowhere/agent.sock".into()),
        deadlines: HttpDeadlines { connect: Duration::from_secs(1), request: Duration::from_secs(2) },
        patience: Patience::default(),
        turn: Turn::default(),
    };
    TestApp::start(Neighbours { issuing: Some(issuing), ..Neighbours::default() }).await
}

async fn give_account(app: &TestApp) {
    let (store, url) = (&app.state.deeds.store, app.state.issuing.ca.directory_url());
    let key = rampart::acme::account::new_key().unwrap();
    store.account_key(url, &key, app.state.deeds.clock.now()).await.unwrap();
    store.account_made(url, &format!("{url}/1"), "ops@example.com", &Secret::new("{}".to_owned())).await.unwrap();
}

/// ASVS 2.2.1, 2.2.2.
#[tokio::test]
async fn an_order_that_may_not_be_says_why_at_its_field_and_keeps_what_was_typed() {
    let app = with_account().await;
    let operator = app.operator().await;
    give_account(&app).await;
    // A refusal is in the trail; nothing else changes.
    let but_the_trail = async || {
        let kept = app.everything_kept().await;
        kept.lines().filter(|line| !line.starts_with("trail: ")).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let before = but_the_trail().await;
    let cases = [
        ("north.example.com", "lies outside the approved zones: example.test"),
        ("badexample.test", "lies outside the approved zones"),
        ("", "a name is needed"),
        ("localhost", ""),
        ("a b.example.test", ""),
        ("*.*.example.test", ""),
        ("../../etc/passwd", ""),
        ("192.0.2.1", ""),
        ("\u{fc}_ber.example.test", ""),
        ("<b>.example.test", ""),
    ];

    for (name, words) in cases {
        let answer = order(&operator, name).await;
        answer.assert_says(StatusCode::UNPROCESSABLE_ENTITY, words);
        assert!(!answer.text("#order-name-fault").is_empty(), "{name:?}: {}", answer.words());
        let form = answer.form(ORDER, &[("cover", "wildcard"), ("key", "ecdsa-p256")]);
        assert!(form.fields.contains(&("name".to_owned(), name.to_owned())), "{name:?}: {form:?}");
    }

    assert_eq!(but_the_trail().await, before);
    assert_eq!(app.trail("certificate.order").await.len(), 2);
}

#[tokio::test]
async fn without_an_account_or_a_name_server_nothing_is_ordered_and_the_page_says_why() {
    let (bare, unregistered) = (TestApp::alone().await, with_account().await);
    for (app, words) in [(bare, "no name server is set"), (unregistered, "there is no account at the CA yet")] {
        let operator = app.operator().await;

        let page = operator.get("/certificates").await;
        let answer = order(&operator, "north.example.test").await;

        page.assert_says(StatusCode::OK, words);
        answer.assert_says(StatusCode::UNPROCESSABLE_ENTITY, words);
        let entries = app.trail("certificate.order").await;
        assert_eq!(entries.len(), 1);
        assert_eq!(
            (entries[0].outcome.as_str(), entries[0].domain.as_deref()),
            ("refused", Some("north.example.test"))
        );
    }
}

#[tokio::test]
async fn a_registration_needs_agreement_and_a_ca_that_answers() {
    let app = with_account().await;
    let operator = app.operator().await;

    let silent = operator.submit(REGISTER, &[ACCOUNT[0]]).await;
    let down = operator.submit(REGISTER, &ACCOUNT).await;

    silent.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "The CA takes nobody who does not agree to its terms");
    down.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "The CA did not make an account");
    for answer in [&silent, &down] {
        let form = answer.form(REGISTER, &[("contact", "ops@example.com")]);
        assert_eq!(form.action, REGISTER);
    }
    let entries = app.trail("certificate.account").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].outcome, "failed");
    assert!(entries[0].reason.as_deref().is_some_and(|reason| !reason.is_empty()));
}

#[tokio::test]
async fn a_ca_that_is_down_fails_the_order_at_the_ca_and_the_certificate_remembers() {
    let app = with_account().await;
    let operator = app.operator().await;
    give_account(&app).await;

    assert_eq!(queued(&app, "north.example.test").await, OrderId(1));
    app.work_off().await;

    let page = operator.get("/certificates/orders/1").await;
    page.assert_says(StatusCode::OK, "It failed at the CA");
    assert_eq!(app.trail("certificate.renew").await[0].outcome, "failed");
    let listed = operator.get("/certificates").await;
    assert!(listed.words().contains("not deployed yet"), "{}", listed.words());
    assert_eq!(operator.json("/api/orders/1").await["state"], "failed");
}

#[tokio::test]
async fn without_an_agent_the_order_fails_on_this_host_in_clear_words() {
    let world = World::start().await;
    let app = start(&world, nobody(&world)).await;
    let operator = app.operator().await;
    operator.submit(REGISTER, &ACCOUNT).await.assert_redirect("/certificates");
    assert!(operator.get("/certificates").await.text("#account").contains("registered"));

    let before = app.state.deeds.store.certificates(&Reach::Everything).await.unwrap().len();
    let refused = order(&operator, ZONE).await;
    refused.assert_says(StatusCode::SERVICE_UNAVAILABLE, "the agent is not running or its socket cannot be reached");
    assert_eq!(
        app.state.deeds.store.certificates(&Reach::Everything).await.unwrap().len(),
        before,
        "nothing was kept of it"
    );
    queued(&app, ZONE).await;
    app.work_off().await;

    let page = operator.get("/certificates/orders/1").await;
    page.assert_says(StatusCode::OK, "It failed on this host");
    assert!(page.text("blockquote").contains("the agent is not running or its socket cannot be reached"));
    let entry = &app.trail("certificate.renew").await[0];
    assert_eq!((entry.outcome.as_str(), entry.subject.as_str()), ("failed", "*.tenant01.test, tenant01.test"));
    world.wait_until_clear(ZONE).await;
}

#[tokio::test]
async fn an_agent_that_never_answers_fails_the_order_and_no_page_waits_for_it() {
    let world = World::start().await;
    let socket = world.place.inner("silent").join("agent.sock");
    let _silent = UnixListener::bind(&socket).unwrap();
    let app = start(&world, Agent::at(socket).with_deadline(Duration::from_millis(300))).await;
    let operator = app.operator().await;
    operator.submit(REGISTER, &ACCOUNT).await.assert_redirect("/certificates");

    order(&operator, ZONE).await.assert_says(StatusCode::SERVICE_UNAVAILABLE, "the agent did not answer within");
    queued(&app, ZONE).await;
    app.work_off().await;
    app.sweep.look(true).await;

    let page = operator.get("/certificates/orders/1").await;
    page.assert_says(StatusCode::OK, "It failed on this host");
    assert!(page.text("blockquote").contains("the agent did not answer within"), "{}", page.words());
    operator.get("/ssh").await.assert_says(StatusCode::OK, "the agent did not answer within");
}

#[tokio::test]
async fn a_ca_that_refuses_a_name_is_quoted_on_the_page() {
    let world = World::start().await;
    let app = start(&world, nobody(&world)).await;
    let operator = app.operator().await;
    operator.submit(REGISTER, &ACCOUNT).await.assert_redirect("/certificates");

    queued(&app, BLOCKED_NAME).await;
    app.work_off().await;

    let page = operator.get("/certificates/orders/1").await;
    page.assert_says(StatusCode::OK, "It failed at the CA");
    assert!(page.text("blockquote").contains(BLOCKED_NAME), "{}", page.words());
    let words = operator.json("/api/orders/1").await["failure"]["words"].as_str().unwrap().to_owned();
    assert!(words.contains("rejectedIdentifier") || words.contains("olicy"), "{words}");
    // A second order for the same names is a new one.
    assert_eq!(queued(&app, BLOCKED_NAME).await, OrderId(2));
}

/// An agent with an nginx of its own, which serves the zone.
struct Host {
    nginx: Nginx,
    agent: RunningAgent,
    house: Scratch,
}

impl Host {
    async fn start() -> Self {
        let house = Scratch::new();
        let directory = house.path().join("nginx");
        std::fs::create_dir(&directory).unwrap();
        let include = house.path().join("place/nginx");
        let nginx = Nginx::start(&directory, &include).await.unwrap();
        let agent = RunningAgent::start(&agent_settings(house.path(), &nginx, &include)).await;
        Self { nginx, agent, house }
    }

    /// An operator lets the agent keep the zone's wildcard.
    async fn allow(&self) {
        let names = [&format!("*.{ZONE}"), ZONE];
        allow(&self.agent.agent, &self.house.path().join("place"), CertificateId(1), &names).await;
    }

    /// The serial that nginx serves for `name`.
    async fn served(&self, name: &str) -> String {
        let address = ([127, 0, 0, 1], self.nginx.https_port).into();
        let name = Fqdn::parse(name).unwrap();
        probe::handshake(address, &name, Duration::from_secs(5)).await.unwrap().leaf.serial
    }
}

fn agent_settings(house: &Path, nginx: &Nginx, include: &Path) -> String {
    settings(house, &format!("{}[certificates]\nzones = ['{ZONE}']\n", nginx.agent_settings(include)))
}

/// Why the newest order failed, if it did.
async fn newest_failure(app: &TestApp) -> Option<String> {
    let orders = app.state.deeds.store.orders(&Reach::Everything, 1).await.unwrap();
    orders.into_iter().find_map(|order| order.failure).map(|failure| failure.words)
}

#[tokio::test]
async fn a_wildcard_is_ordered_served_and_renewed_once_when_it_is_due() {
    // Pebble picks a profile by chance where none is asked for: both of them are to live equally long.
    let options = PebbleOptions { lifetime: Duration::from_hours(160), ..PebbleOptions::default() };
    let (world, host) = (World::with(options).await, Host::start().await);
    let app = start(&world, host.agent.agent.clone()).await;
    let operator = app.operator().await;
    operator.submit(REGISTER, &ACCOUNT).await.assert_redirect("/certificates");
    host.allow().await;

    order(&operator, ZONE).await.assert_redirect("/certificates/orders/1");
    let again = order(&operator, ZONE).await;
    app.work_off().await;

    again.assert_redirect("/certificates/orders/1");
    let page = operator.get("/certificates/orders/1").await;
    page.assert_says(StatusCode::OK, "Proof: what nginx serves");
    let told = operator.json("/api/orders/1").await;
    assert_eq!(told["state"], "done");
    let first = told["served_serial"].as_str().unwrap().to_owned();
    assert_eq!(host.served(&format!("phones.{ZONE}")).await, first);
    assert_eq!(host.served(ZONE).await, first);
    assert_eq!(app.trail("certificate.").await[0].outcome, "done");
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());

    let (deeds, issuing) = (&app.state.deeds, &app.state.issuing);
    assert_eq!(renewal::look(deeds, issuing).await.unwrap(), 0);
    let row = deeds.store.certificates(&Reach::Everything).await.unwrap().remove(0);
    let due = row.next_attempt.unwrap();
    app.clock.advance(due.since(deeds.clock.now()));
    assert_eq!(renewal::look(deeds, issuing).await.unwrap(), 1);
    assert_eq!(renewal::look(deeds, issuing).await.unwrap(), 0);
    app.work_off().await;

    let told = newest_failure(&app).await;
    assert_eq!(told, None, "the renewal failed");
    let renewed = deeds.store.certificates(&Reach::Everything).await.unwrap().remove(0).in_force.unwrap();
    assert_ne!(renewed.serial, first);
    assert_eq!(host.served(ZONE).await, renewed.serial);
    let entry = &app.trail("certificate.renew").await[0];
    assert_eq!((entry.actor.as_str(), entry.outcome.as_str()), ("rampart", "done"));
    assert_eq!(entry.before.as_deref(), Some(format!("serial {first}").as_str()));
    let Host { agent, nginx, .. } = host;
    agent.stop().await;
    drop(nginx);
}

#[tokio::test]
async fn an_order_whose_worker_was_killed_goes_on_after_the_lease() {
    let (world, host) = (World::start().await, Host::start().await);
    let socket = world.place.inner("silent").join("agent.sock");
    let silent = UnixListener::bind(&socket).unwrap();
    let app = start(&world, Agent::at(socket)).await;
    let operator = app.operator().await;
    operator.submit(REGISTER, &ACCOUNT).await.assert_redirect("/certificates");
    host.allow().await;
    queued(&app, ZONE).await;
    let deeds = app.state.deeds.clone();
    let claimed = deeds.store.claim_order(deeds.clock.now()).await.unwrap().unwrap();
    let worker = tokio::spawn({
        let (deeds, issuing, order) = (deeds.clone(), app.state.issuing.clone(), claimed.clone());
        async move { deeds.carry_out(&issuing, &order).await }
    });

    // The worker asks the agent for a key, and is killed while it waits.
    tokio::time::timeout(Duration::from_mins(1), silent.accept()).await.unwrap().unwrap();
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
    assert_eq!(deeds.store.claim_order(deeds.clock.now()).await.unwrap(), None);
    app.clock.advance(LEASE);
    let again = deeds.store.claim_order(deeds.clock.now()).await.unwrap().unwrap();
    deeds.carry_out(&issuing(&world, host.agent.agent.clone()), &again).await.unwrap();

    assert_eq!(again.id, claimed.id);
    let done = deeds.store.order(&Reach::Everything, claimed.id).await.unwrap().unwrap();
    assert_eq!(done.state, OrderState::Done, "{:?}", done.failure);
    assert_eq!(host.served(ZONE).await, done.served_serial.unwrap());
    let entries = app.trail("certificate.renew").await;
    assert_eq!((entries.len(), entries[0].outcome.as_str()), (1, "done"));
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
    let Host { agent, nginx, .. } = host;
    agent.stop().await;
    drop(nginx);
}
