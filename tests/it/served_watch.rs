//! The watch over what is served: something else that shows twice is noted once, and so is its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use rampart::audit::facts::{Facts, Source};
use rampart::audit::walls::Walls;
use rampart::base::names::{CertificateName, Fqdn};
use rampart::jobs::served_watch::ServedWatch;
use rampart::store::trail::{Act, Actor};
use rampart::tls::probe;
use rampart::wire::answer::{CertificateFacts, Installed};
use rampart::wire::request::{Generation, KeyKind};
use tokio::sync::watch;

use crate::support::app::TestApp;
use crate::support::freeswitch::FakeSwitch;

const NAME: &str = "north.example.test";

/// Puts a new certificate where the fake's listeners read it.
fn put(switch: &FakeSwitch) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let bundle = format!("{}{}", made.signing_key.serialize_pem(), made.cert.pem());
    std::fs::write(switch.tls().join("agent.pem"), bundle).unwrap();
}

#[tokio::test]
async fn something_else_on_the_wire_is_in_the_trail_once_it_showed_twice_and_so_is_its_end() {
    // Any TLS listener does; the fake FreeSWITCH has one.
    let (app, switch) = (TestApp::alone().await, FakeSwitch::start());
    std::fs::create_dir(switch.tls()).unwrap();
    put(&switch);
    let [port, _] = switch.turn_tls_on();
    let address = ([127, 0, 0, 1], port).into();
    let served = async || {
        probe::handshake(address, &Fqdn::parse(NAME).unwrap(), std::time::Duration::from_secs(5)).await.unwrap().leaf
    };
    let first = served().await;
    let (store, now) = (&app.state.deeds.store, app.state.deeds.clock.now());
    let names = [CertificateName::parse(NAME).unwrap()];
    let certificate = store.certificate_for(&names, KeyKind::EcdsaP256, 0, now).await.unwrap();
    let actor = Actor { name: "ann".to_owned(), address: None };
    let act = Act { act: "certificate.order", subject: NAME, ..Act::default() };
    store.queue_order(certificate, &actor, act, now).await.unwrap();
    let order = store.claim_order(now).await.unwrap().unwrap();
    let installed = Installed { leaf: first.clone(), proofs: Vec::new(), former: None, pending: None };
    store.order_done(&order, Generation(1), &installed, now).await.unwrap();
    let kept = CertificateFacts {
        listeners: vec![format!("127.0.0.1:{port}")],
        zones: Vec::new(),
        kept: Vec::new(),
        standing: Vec::new(),
    };
    let facts = Facts { kept: Source::Known { at: now, value: kept }, ..Facts::none(now) };
    let (_walls, seen) = watch::channel(Arc::new(Walls::of(facts)));
    let mut watch = ServedWatch {
        deeds: app.state.deeds.clone(),
        walls: seen,
        look_again: app.state.look_again.clone(),
        seen: BTreeMap::new(),
        next: 0,
    };

    assert_eq!(watch.look().await.unwrap(), 0);
    let good = std::fs::read(switch.tls().join("agent.pem")).unwrap();
    put(&switch);
    switch.take_certificate();
    let other = served().await;
    let looks = [watch.look().await.unwrap(), watch.look().await.unwrap(), watch.look().await.unwrap()];
    std::fs::write(switch.tls().join("agent.pem"), good).unwrap();
    switch.take_certificate();
    let after = [watch.look().await.unwrap(), watch.look().await.unwrap()];

    assert_eq!((looks, after), ([0, 1, 0], [1, 0]));
    let entries = app.trail("certificate.watch").await;
    let words: Vec<_> = entries.iter().map(|entry| (entry.outcome.as_str(), entry.after.as_deref())).collect();
    assert_eq!(words, [("done", Some(first.serial.as_str())), ("failed", Some(other.serial.as_str()))]);
}
