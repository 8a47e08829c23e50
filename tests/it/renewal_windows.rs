//! What a CA says about renewal times, kept and followed by the console under a clock that is moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rampart::acme::budget::{Ask, Limits};
use rampart::acme::ca::CertificateAuthority;
use rampart::acme::renewal::{Decision, Why};
use rampart::base::clock::{Clock as _, Timestamp};
use rampart::base::ids::CertificateId;
use rampart::base::names::CertificateName;
use rampart::base::role::Reach;
use rampart::deeds::certificates::{Issuing, next_step};
use rampart::store::certificates::CertificateRow;
use rampart::store::issued::NewIssued;
use rampart::store::trail::{Act, Actor};
use rampart::wire::answer::{Installed, LeafFacts};
use rampart::wire::request::{Generation, KeyKind};

use crate::support::app::{Neighbours, TestApp};

const LIFE: Duration = Duration::from_hours(90 * 24);

/// What the CA answers: status, window in hours from the start, Retry-After.
type Script = (u16, i64, i64, &'static str);

/// A CA that only names windows.
struct Oracle {
    directory_url: String,
    says: Arc<Mutex<Script>>,
    asked: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Oracle {
    async fn start(epoch: Timestamp) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new((200, 24, 48, "21600")));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let directory = serde_json::json!({"renewalInfo": format!("{base}/ari/")}).to_string();
        let (script, heard) = (Arc::clone(&says), Arc::clone(&asked));
        let window = async move |Path(id): Path<String>| -> Response {
            heard.lock().unwrap().push(id);
            let (status, opens, closes, wait) = *script.lock().unwrap();
            let at = |hours: i64| Timestamp::from_unix(epoch.unix() + hours * 3_600).rfc3339();
            let window = serde_json::json!({"suggestedWindow": {"start": at(opens), "end": at(closes)},
                "explanationURL": "https://ca.test/why"});
            (StatusCode::from_u16(status).unwrap(), [("retry-after", wait)], window.to_string()).into_response()
        };
        let router = Router::new().route("/dir", get(async move || directory)).route("/ari/{id}", get(window));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { directory_url: format!("{base}/dir"), says, asked, serving }
    }

    fn says(&self, script: Script) {
        *self.says.lock().unwrap() = script;
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

struct World {
    app: TestApp,
    oracle: Oracle,
    issuing: Issuing,
    certificate: CertificateId,
}

impl World {
    /// A certificate of 90 days that was put into force just now.
    async fn start() -> Self {
        let app = TestApp::start(Neighbours::default()).await;
        let oracle = Oracle::start(app.clock.now()).await;
        let ca = CertificateAuthority::at(&oracle.directory_url, None).unwrap();
        let issuing = Issuing { ca, ..(*app.state.issuing).clone() };
        let store = &app.state.deeds.store;
        let names = [CertificateName::parse("north.example.test").unwrap()];
        let certificate = store.certificate_for(&names, KeyKind::Rsa2048, 0, app.clock.now()).await.unwrap();
        let world = Self { app, oracle, issuing, certificate };
        world.put_into_force(Generation(1)).await;
        world
    }

    async fn put_into_force(&self, generation: Generation) {
        let (store, now) = (&self.app.state.deeds.store, self.app.clock.now());
        let actor = Actor { name: "ann".to_owned(), address: None };
        let act = Act { act: "certificate.order", subject: "north.example.test", ..Act::default() };
        store.queue_order(self.certificate, &actor, act, now).await.unwrap();
        let order = store.claim_order(now).await.unwrap().unwrap();
        let made = rcgen::generate_simple_self_signed(["north.example.test".to_owned()]).unwrap();
        let leaf = LeafFacts {
            serial: format!("0{}", generation.0),
            not_before: now,
            not_after: now.plus(LIFE),
            ..rampart::tls::leaf::read(made.cert.der()).unwrap()
        };
        let ari_id = format!("key.serial{}", generation.0);
        let new = NewIssued {
            certificate: self.certificate,
            generation,
            directory_url: &self.oracle.directory_url,
            ari_id: Some(&ari_id),
            chain_pem: &made.cert.pem(),
            leaf: &leaf,
        };
        store.keep_issued(new, now).await.unwrap();
        store
            .order_done(&order, generation, &Installed { leaf, proofs: Vec::new(), former: None, pending: None }, now)
            .await
            .unwrap();
    }

    async fn ask(&self) -> usize {
        let before = self.oracle.asked();
        self.app.state.deeds.ask_for_windows(&self.issuing).await.unwrap();
        self.oracle.asked() - before
    }

    async fn row(&self) -> CertificateRow {
        self.app.state.deeds.store.certificate(&Reach::Everything, self.certificate).await.unwrap().unwrap()
    }

    async fn decision(&self) -> Decision {
        next_step(&self.row().await, self.app.clock.now()).unwrap()
    }
}

#[tokio::test]
async fn a_window_is_asked_for_at_once_and_its_moment_stays_until_the_window_changes() {
    let world = World::start().await;

    assert_eq!(world.ask().await, 1, "right after the deployment");
    assert_eq!(world.ask().await, 0, "not before the CA wants to be asked");
    let first = world.row().await.window.unwrap();
    world.app.clock.advance(Duration::from_hours(6));
    assert_eq!(world.ask().await, 1);
    let same = world.row().await.window.unwrap();
    world.oracle.says((200, 30, 60, "21600"));
    world.app.clock.advance(Duration::from_hours(6));
    world.ask().await;
    let moved = world.row().await.window.unwrap();

    assert_eq!(first, same);
    assert!(first.opens <= first.chosen && first.chosen < first.closes);
    assert!(moved.opens <= moved.chosen && moved.chosen < moved.closes && moved.opens > first.opens);
    assert_eq!(world.decision().await, Decision::Wait { until: moved.chosen });
    assert_eq!(world.oracle.asked.lock().unwrap()[0], "key.serial1");
}

#[tokio::test]
async fn a_window_that_moves_into_the_past_makes_the_renewal_due_at_the_next_look() {
    let world = World::start().await;
    world.ask().await;
    world.oracle.says((200, -48, -24, "21600"));

    world.app.clock.advance(Duration::from_hours(6));
    world.ask().await;

    assert_eq!(world.decision().await, Decision::Renew { why: Why::Asked });
    let page = world.app.operator().await.get("/certificates").await;
    assert!(page.words().contains("a moment in the window that the CA suggests (ARI)"), "{}", page.words());
}

#[tokio::test]
async fn what_was_replaced_and_what_has_expired_is_not_asked_for() {
    let world = World::start().await;
    world.ask().await;
    world.put_into_force(Generation(2)).await;

    assert_eq!(world.ask().await, 1);
    assert_eq!(world.oracle.asked.lock().unwrap().last().map(String::as_str), Some("key.serial2"));
    world.app.clock.advance(LIFE);
    assert_eq!(world.ask().await, 0);
}

#[tokio::test]
async fn a_ca_that_fails_is_asked_again_soon_then_every_six_hours_and_the_window_stays() {
    let world = World::start().await;
    world.ask().await;
    let known = world.row().await.window;
    world.oracle.says((500, 0, 1, ""));
    world.app.clock.advance(Duration::from_hours(6));

    let mut pauses = Vec::new();
    let mut since = 0;
    assert_eq!(world.ask().await, 1);
    while pauses.len() < 8 {
        world.app.clock.advance(Duration::from_mins(1));
        since += 1;
        if world.ask().await > 0 {
            pauses.push(std::mem::take(&mut since));
        }
    }

    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 360, 360]);
    assert_eq!(world.row().await.window, known);
}

#[tokio::test]
async fn nonsense_is_asked_about_again_after_six_hours_and_the_share_of_the_life_counts() {
    let world = World::start().await;
    world.oracle.says((200, 10, 5, "18446744073709551615"));

    assert_eq!(world.ask().await, 1);
    world.app.clock.advance(Duration::from_mins(359));
    assert_eq!(world.ask().await, 0);
    world.app.clock.advance(Duration::from_mins(1));
    assert_eq!(world.ask().await, 1);

    let until = world.row().await.in_force.unwrap().not_after.minus(LIFE / 3);
    assert_eq!(world.decision().await, Decision::Wait { until });
}

#[tokio::test]
async fn a_restart_does_not_ask_more_often() {
    let world = World::start().await;
    world.ask().await;

    for _ in 0..20 {
        assert_eq!(world.ask().await, 0, "when to ask again lies in the store");
    }
}

#[tokio::test]
async fn the_budget_of_a_ca_survives_a_restart_and_opens_again_by_itself() {
    let app = TestApp::alone().await;
    let (store, clock) = (&app.state.deeds.store, &app.clock);
    let directory = "https://acme-v02.api.letsencrypt.org/directory";
    let names = ["*.north.example.test", "north.example.test"].map(|name| CertificateName::parse(name).unwrap());
    let turned = [names[1].clone(), names[0].clone()];
    let ask = Ask { is_exempt: false, is_pressing: false };
    let spend =
        async |names: &[CertificateName]| store.spend_order(directory, names, ask, clock.now()).await.unwrap();

    for _ in 0..3 {
        assert_eq!(spend(&names).await, None);
        store.spend_certificate(directory, &names, false, clock.now()).await.unwrap();
    }
    let held = spend(&turned).await.unwrap();
    store.proofs_refused(directory, &["other.example.test".to_owned()], clock.now()).await.unwrap();
    let other = [CertificateName::parse("other.example.test").unwrap()];
    assert_eq!(spend(&other).await, None, "one refusal is not too many");
    clock.advance(Limits::of(directory).same_names.within);

    assert!(held.words.contains("exactly these names"), "{}", held.words);
    assert_eq!(spend(&names).await, None);
}
