//! Orders beside each other, and two programs on one state directory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rampart::acme::challenge::{DnsError, Solver, TxtRecord};
use rampart::acme::issue::issue;
use rampart::app::build;
use rampart::base::clock::Clock as _;
use rampart::base::names::CertificateName;
use rampart::base::rng::SystemRandom;
use rampart::base::role::Reach;
use rampart::store::trail::{Act, Actor};
use rampart::wire::answer::Installed;
use rampart::wire::request::{Generation, KeyKind};
use tokio::sync::Barrier;

use crate::acme_world::{DEADLINE, World, wish};
use crate::support::app::TestApp;

const ORDERS: usize = 4;

/// A name server whose records show only once those of every order wait for it.
struct Together {
    inner: Arc<dyn Solver>,
    barrier: Barrier,
}

#[async_trait]
impl Solver for Together {
    async fn present(&self, record: &TxtRecord) -> Result<(), DnsError> {
        self.inner.present(record).await
    }
    async fn ready(&self, record: &TxtRecord) -> Result<(), DnsError> {
        let met = tokio::time::timeout(DEADLINE, self.barrier.wait()).await;
        assert!(met.is_ok(), "the orders wait for DNS beside each other");
        self.inner.ready(record).await
    }
    async fn clear(&self, record: &TxtRecord) -> Result<(), DnsError> {
        self.inner.clear(record).await
    }
}

#[tokio::test]
async fn orders_over_one_account_wait_for_dns_beside_each_other() {
    let world = World::start().await;
    let account = Arc::new(world.account().await);
    let inner = world.parties().0.solver;
    let solver = Arc::new(Together { inner, barrier: Barrier::new(ORDERS) });

    let orders = (0..ORDERS).map(|nth| {
        let (mut parties, ..) = world.parties();
        parties.solver = Arc::clone(&solver) as Arc<dyn Solver>;
        let (account, name) = (Arc::clone(&account), format!("t{nth}.tenant01.test"));
        tokio::spawn(async move { issue(&account, &wish(&[&name]), &parties).await.map(|issued| (name, issued)) })
    });
    for order in orders.collect::<Vec<_>>() {
        let (name, issued) = order.await.unwrap().unwrap();
        assert_eq!(issued.leaf.names, std::slice::from_ref(&name));
        assert_eq!(world.shown(&name).await, Vec::<String>::new());
    }
}

async fn queue(app: &TestApp) {
    let (store, now) = (&app.state.deeds.store, app.clock.now());
    let names = [CertificateName::parse("north.example.test").unwrap()];
    let certificate = store.certificate_for(&names, KeyKind::Rsa2048, 0, now).await.unwrap();
    let actor = Actor { name: "ann".to_owned(), address: None };
    let act = Act { act: "certificate.order", subject: "north.example.test", ..Act::default() };
    store.queue_order(certificate, &actor, act, now).await.unwrap();
}

#[tokio::test]
async fn a_second_program_on_the_same_state_leaves_claims_alone_until_the_first_is_gone() {
    let app = TestApp::alone().await;
    queue(&app).await;
    let state = app.house.path().join("state");
    let other = build::deeds(&state, app.clock.clone(), Arc::new(SystemRandom)).await.unwrap().store;
    let gone = build::deeds(&state, app.clock.clone(), Arc::new(SystemRandom)).await.unwrap().store;
    let claimed = gone.claim_order(app.clock.now()).await.unwrap().unwrap();

    other.free_claims().await.unwrap();
    assert_eq!(other.claim_order(app.clock.now()).await.unwrap(), None, "its worker lives");
    assert!(gone.renew_claim(claimed.id, app.clock.now()).await.unwrap());
    assert!(!other.renew_claim(claimed.id, app.clock.now()).await.unwrap());
    gone.close().await;
    drop(gone);
    other.free_claims().await.unwrap();

    let again = other.claim_order(app.clock.now()).await.unwrap();
    assert_eq!(again.map(|order| order.id), Some(claimed.id));
}

#[tokio::test]
async fn what_another_program_has_renewed_meanwhile_is_not_ordered_again() {
    let app = TestApp::alone().await;
    queue(&app).await;
    let (store, now) = (&app.state.deeds.store, app.clock.now());
    let order = store.claim_order(now).await.unwrap().unwrap();
    let made = rcgen::generate_simple_self_signed(["north.example.test".to_owned()]).unwrap();
    let leaf = rampart::tls::leaf::read(made.cert.der()).unwrap();
    let installed = Installed { leaf, proofs: Vec::new(), former: None, pending: None };
    store.order_done(&order, Generation(1), &installed, now).await.unwrap();
    let looked_at = store.certificates(&Reach::Everything).await.unwrap().remove(0);

    let actor = Actor::rampart();
    let act = || Act { act: "certificate.renew", subject: "north.example.test", ..Act::default() };
    let other =
        build::deeds(&app.house.path().join("state"), app.clock.clone(), Arc::new(SystemRandom)).await.unwrap();
    let of = looked_at.in_force.as_ref().map(|in_force| in_force.generation);
    let first = other.store.queue_order_unless(looked_at.id, of, (&actor, act()), now).await.unwrap();
    let taken = other.store.claim_order(now.plus(Duration::from_secs(1))).await.unwrap().unwrap();
    other.store.order_done(&taken, Generation(2), &installed, now).await.unwrap();
    let second = store.queue_order_unless(looked_at.id, of, (&actor, act()), now).await.unwrap();

    assert!(first.is_some_and(|(_, is_new)| is_new));
    assert_eq!(second, None);
}
