//! FreeSWITCH's certificate through the front door, with a real agent and a fake FreeSWITCH.

use rampart::app::demo::fusionpbx::Generation;
use rampart::base::clock::SystemClock;
use rampart::base::ids::CertificateId;
use rampart::base::names::CertificateName;
use rampart::wire::grant::Consumer;
use rampart::wire::request::KeyKind;
use reqwest::StatusCode;

use crate::agent_house::{RunningAgent, Scratch, settings};
use crate::agent_install::Authority;
use crate::support::app::{NAME, Neighbours, TestApp};
use crate::support::authenticator::{Authenticator, allow_for};
use crate::support::freeswitch::{FakeSwitch, Fault};
use crate::support::fusionpbx::Database;

const PAGE: &str = "/certificates/freeswitch";

#[tokio::test]
async fn an_operator_sees_what_waits_and_restarts_the_profile_once_calls_may_end() {
    let (house, switch) = (Scratch::new(), FakeSwitch::start());
    std::fs::create_dir(switch.tls()).unwrap();
    switch.fault(Fault::NoReloadCert);
    switch.set_calls(2);
    let zones = "[certificates]\nzones = ['example.com']\n";
    let running = RunningAgent::start(&settings(house.path(), &format!("{}{zones}", switch.settings()))).await;
    let database = Database::shipped(Generation::V5_5).await;
    let neighbours = Neighbours { agent: Some(running.agent.clone()), ..database.fusionpbx().await.into() };
    let app = TestApp::start(neighbours).await;
    let operator = app.operator().await;
    let mut ann = Authenticator::enrol(&running.agent, &house.path().join("place"), NAME, &SystemClock).await;
    let (one, texts) = (CertificateId(1), ["sip.example.com"]);
    allow_for(&running.agent, &house.path().join("place"), one, &texts, Consumer::FreeSwitch).await;
    let made =
        running.agent.make_key(one, &[CertificateName::parse(texts[0]).unwrap()], KeyKind::EcdsaP256).await.unwrap();
    let chain = Authority::new().sign(&made.csr, KeyKind::EcdsaP256, &texts);
    running.agent.install_for(Consumer::FreeSwitch, (one, made.generation), &chain).await.unwrap();
    switch.turn_tls_on();
    app.sweep.look(true).await;

    let page = operator.get(PAGE).await;
    page.assert_says(StatusCode::OK, "has no reloadcert");
    page.assert_says(StatusCode::OK, "2 call legs are up");
    page.assert_says(StatusCode::OK, "certificate 1, generation 1");
    let restart = [("act", "restart"), ("profile", "internal")];
    let plan = operator.submit(PAGE, &restart).await;
    plan.assert_says(StatusCode::OK, "restarts only if no call is up");
    let first = ann.spare().expose().clone();
    let refused = operator.submit(PAGE, &[&restart[..], &[("code", first.as_str())]].concat()).await;
    let next = ann.spare().expose().clone();
    let dropping = [&restart[..], &[("drop", "yes"), ("code", next.as_str())]].concat();
    let done = operator.submit(PAGE, &dropping).await;

    refused.assert_says(StatusCode::CONFLICT, "2 call legs would be dropped");
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    app.sweep.look(true).await;
    let after = operator.get(PAGE).await;
    after.assert_says(StatusCode::OK, "2 call legs ended");
    assert!(!after.body.contains("not served yet"), "{}", after.body);
    let entries = app.trail("switch.").await;
    assert_eq!(entries.iter().map(|entry| entry.outcome.as_str()).collect::<Vec<_>>(), ["done", "refused"]);
    running.stop().await;
}

#[tokio::test]
async fn names_of_the_console_and_what_is_no_name_are_refused_beside_the_field() {
    let app = TestApp::start(Neighbours::default()).await;
    let operator = app.operator().await;

    let own = operator
        .submit(PAGE, &[("act", "order"), ("names", "sip.example.com console.example"), ("key", "rsa-2048")])
        .await;
    let bad = operator.submit(PAGE, &[("act", "order"), ("names", "not_a name!"), ("key", "rsa-2048")]).await;
    let none = operator.submit(PAGE, &[("act", "order"), ("names", ""), ("key", "rsa-2048")]).await;

    for page in [own, bad, none] {
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.body);
    }
}
