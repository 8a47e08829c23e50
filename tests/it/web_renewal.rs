//! Renewals and claims, under a clock that is moved.

use std::time::Duration;

use rampart::base::ids::CertificateId;
use rampart::base::names::CertificateName;
use rampart::base::role::Reach;
use rampart::jobs::renewal;
use rampart::store::orders::{LEASE, OrderState};
use rampart::store::trail::{Act, Actor};
use rampart::wire::answer::{Installed, LeafFacts};
use rampart::wire::request::{Generation, KeyKind};

use crate::support::app::TestApp;

const LIFE: Duration = Duration::from_hours(90 * 24);

async fn queue(app: &TestApp) -> CertificateId {
    let (store, now) = (&app.state.deeds.store, app.state.deeds.clock.now());
    let names = [CertificateName::parse("north.example.test").unwrap()];
    let certificate = store.certificate_for(&names, KeyKind::Rsa2048, 0, now).await.unwrap();
    let actor = Actor { name: "ann".to_owned(), address: None };
    let act = Act { act: "certificate.order", subject: "north.example.test", ..Act::default() };
    store.queue_order(certificate, &actor, act, now).await.unwrap();
    certificate
}

/// A certificate that was deployed just now.
async fn deployed(app: &TestApp) -> CertificateId {
    let (store, now) = (&app.state.deeds.store, app.state.deeds.clock.now());
    let certificate = queue(app).await;
    let order = store.claim_order(now).await.unwrap().unwrap();
    let leaf = LeafFacts {
        serial: "0a".to_owned(),
        issuer: "Test CA".to_owned(),
        not_before: now,
        not_after: now.plus(LIFE),
        ..leaf()
    };
    store
        .order_done(&order, Generation(1), &Installed { leaf, proofs: Vec::new(), former: None, pending: None }, now)
        .await
        .unwrap();
    certificate
}

/// The facts of a real leaf, made here.
fn leaf() -> LeafFacts {
    let made = rcgen::generate_simple_self_signed(["north.example.test".to_owned()]).unwrap();
    rampart::tls::leaf::read(made.cert.der()).unwrap()
}

#[tokio::test]
async fn a_renewal_that_cannot_be_made_waits_longer_each_time_and_says_when_on_the_page() {
    let app = TestApp::alone().await;
    let certificate = deployed(&app).await;
    let (deeds, issuing) = (&app.state.deeds, &app.state.issuing);
    assert_eq!(renewal::look(deeds, issuing).await.unwrap(), 0);
    let row = deeds.store.certificate(&Reach::Everything, certificate).await.unwrap().unwrap();
    assert_eq!(row.next_attempt, Some(row.in_force.unwrap().not_after.minus(LIFE / 3)));

    app.clock.advance(LIFE * 2 / 3);
    let mut pauses = Vec::new();
    for _ in 0..4 {
        assert_eq!(renewal::look(deeds, issuing).await.unwrap(), 0, "nobody can prove names here");
        assert_eq!(renewal::look(deeds, issuing).await.unwrap(), 0);
        let row = deeds.store.certificate(&Reach::Everything, certificate).await.unwrap().unwrap();
        assert_eq!(row.failures, u32::try_from(pauses.len()).unwrap() + 1, "one look, one failure");
        let pause = row.next_attempt.unwrap().since(deeds.clock.now());
        app.clock.advance(pause);
        pauses.push(pause);
    }

    let usual = [1, 10, 100, 24 * 60].map(Duration::from_mins);
    for (pause, usual) in pauses.iter().zip(usual) {
        assert!(*pause >= usual * 3 / 4 && *pause <= usual * 5 / 4, "{pauses:?}");
    }
    let operator = app.operator().await;
    let page = operator.get("/certificates").await;
    assert!(page.words().contains("no name server is set"), "{}", page.words());
    assert!(page.words().contains("within a minute"), "{}", page.words());
    renewal::look(deeds, issuing).await.unwrap();
    renewal::look(deeds, issuing).await.unwrap();
    let page = operator.get("/certificates").await;
    let row = deeds.store.certificate(&Reach::Everything, certificate).await.unwrap().unwrap();
    assert!(page.words().contains(&row.next_attempt.unwrap().minutes()), "{}", page.words());
}

#[tokio::test]
async fn a_certificate_that_was_never_deployed_is_not_renewed_by_itself() {
    let app = TestApp::alone().await;
    queue(&app).await;
    app.clock.advance(LIFE);

    assert_eq!(renewal::look(&app.state.deeds, &app.state.issuing).await.unwrap(), 0);

    assert_eq!(app.state.deeds.store.certificates(&Reach::Everything).await.unwrap()[0].failures, 0);
}

#[tokio::test]
async fn of_many_workers_one_gets_the_order() {
    let app = TestApp::alone().await;
    queue(&app).await;
    let (store, now) = (app.state.deeds.store.clone(), app.state.deeds.clock.now());

    let claims = (0..8).map(|_| {
        tokio::spawn({
            let store = store.clone();
            async move { store.claim_order(now).await.unwrap() }
        })
    });
    let mut got = 0;
    for claim in claims.collect::<Vec<_>>() {
        got += u32::from(claim.await.unwrap().is_some());
    }

    assert_eq!(got, 1);
}

#[tokio::test]
async fn a_claim_lapses_five_minutes_after_the_last_step() {
    let app = TestApp::alone().await;
    queue(&app).await;
    let (store, clock) = (&app.state.deeds.store, &app.state.deeds.clock);
    let order = store.claim_order(clock.now()).await.unwrap().unwrap();

    let nearly = LEASE.saturating_sub(Duration::from_secs(1));
    app.clock.advance(nearly);
    store.add_step(order.id, "Still at it", clock.now()).await.unwrap();
    app.clock.advance(nearly);
    let early = store.claim_order(clock.now()).await.unwrap();
    app.clock.advance(Duration::from_secs(1));
    let late = store.claim_order(clock.now()).await.unwrap();

    assert_eq!(early, None);
    assert_eq!(late.map(|order| (order.id, order.state)), Some((order.id, OrderState::Running)));
}
