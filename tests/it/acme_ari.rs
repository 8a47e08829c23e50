//! Renewal windows and what a renewal replaces, with a real CA and with one that does harm.

use std::sync::Arc;
use std::time::Duration;

use rampart::acme::account::{self, OpenAccount};
use rampart::acme::ari::{self, AriError, CertId};
use rampart::acme::ca::CertificateAuthority;
use rampart::acme::directory::Reader;
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::{Issued, Wish, issue};
use rampart::acme::step::Step;
use rampart::base::clock::{Clock as _, SystemClock};

use crate::acme_world::{World, wish};
use crate::support::ca_proxy::{CaProxy, Way};

const NAME: [&str; 1] = ["tenant01.test"];

pub(crate) async fn account_at(ca: &CertificateAuthority) -> OpenAccount {
    let key = account::new_key().unwrap();
    let (deadlines, clock) = (HttpDeadlines::default(), Arc::new(SystemClock));
    let made = account::create(ca, &key, &[], deadlines, clock.clone()).await.unwrap();
    account::open(ca, &made.credentials, deadlines, clock).await.unwrap()
}

fn reader(ca: &CertificateAuthority) -> Reader {
    Reader::new(ca, HttpDeadlines::default(), Arc::new(SystemClock)).unwrap()
}

fn successor(of: &Issued) -> Wish {
    Wish { replaces: CertId::of_chain(&of.chain_pem), ..wish(&NAME) }
}

#[tokio::test]
async fn a_real_ca_names_a_window_for_what_it_signed_and_takes_a_renewal_as_its_successor() {
    let world = World::start().await;
    let account = world.account().await;
    let first = issue(&account, &wish(&NAME), &world.parties().0).await.unwrap();
    let id = CertId::of_chain(&first.chain_pem).unwrap();
    let reader = reader(&world.ca);
    let directory = reader.directory().await.unwrap();
    assert!(directory.renewal_info.is_some(), "Pebble 2.6 or newer is needed for ARI: see target/tools/VERSION");

    let said = ari::ask(&reader, &directory, &id).await.unwrap();
    let (parties, journal, _) = world.parties();
    let second = issue(&account, &successor(&first), &parties).await.unwrap();

    assert!(first.leaf.not_before < said.window.opens && said.window.closes < first.leaf.not_after, "{said:?}");
    assert!((Duration::from_mins(1)..=Duration::from_hours(24)).contains(&said.ask_again));
    assert!(!journal.steps().iter().any(|step| matches!(step, Step::OrderingAnew { .. })));
    assert!(journal.kept().is_exempt);
    assert_ne!(first.leaf.serial, second.leaf.serial);
}

#[tokio::test]
async fn what_was_replaced_before_is_ordered_without_saying_so() {
    let world = World::start().await;
    let account = world.account().await;
    let first = issue(&account, &wish(&NAME), &world.parties().0).await.unwrap();
    issue(&account, &successor(&first), &world.parties().0).await.unwrap();
    let (parties, journal, _) = world.parties();

    issue(&account, &successor(&first), &parties).await.unwrap();

    assert!(journal.steps().iter().any(|step| matches!(step, Step::OrderingAnew { .. })), "{:?}", journal.steps());
    assert!(!journal.kept().is_exempt);
}

#[tokio::test]
async fn no_refusal_over_what_is_replaced_holds_a_renewal_up() {
    let world = World::start().await;
    let first = issue(&world.account().await, &wish(&NAME), &world.parties().0).await.unwrap();
    let refusals = [
        (409, "alreadyReplaced", "it was replaced"),
        (409, "conflict", "another order replaces it"),
        (403, "unauthorized", "it belongs to another account"),
        (404, "malformed", "no such certificate"),
        (500, "serverInternal", "could not look up replaces"),
    ];
    for (status, kind, detail) in refusals {
        let proxy = CaProxy::before(&world.pebble);
        let account = account_at(&proxy.ca).await;
        proxy.rule(move |asked| {
            let names_it = asked.payload["replaces"].is_string();
            if names_it { Way::problem(status, kind, detail) } else { Way::Through }
        });

        issue(&account, &successor(&first), &world.parties().0).await.unwrap();

        assert_eq!(proxy.count("POST /order-plz"), 2, "{kind}");
    }
}

#[tokio::test]
async fn an_order_that_comes_back_without_what_it_replaces_is_kept_by_its_address() {
    let world = World::start().await;
    let first = issue(&world.account().await, &wish(&NAME), &world.parties().0).await.unwrap();
    let proxy = CaProxy::before(&world.pebble);
    let account = account_at(&proxy.ca).await;
    proxy.rule(|asked| match asked.what.as_str() {
        "POST /order-plz" => Way::changed(|answer| {
            let mut order = answer.json();
            order.as_object_mut().unwrap().remove("replaces");
            answer.set_json(&order);
        }),
        _ => Way::Through,
    });

    // Pebble knows the certificate under another account: it is told nothing of it.
    let mut successor = successor(&first);
    successor.replaces = None;
    let second = issue(&account, &successor, &world.parties().0).await.unwrap();
    successor.replaces = CertId::of_chain(&second.chain_pem);
    let (parties, journal, _) = world.parties();
    issue(&account, &successor, &parties).await.unwrap();

    assert_eq!(proxy.count("POST /order-plz"), 2);
    assert!(!journal.steps().iter().any(|step| matches!(step, Step::OrderingAnew { .. })), "{:?}", journal.steps());
}

#[tokio::test]
async fn a_ca_without_renewal_windows_is_not_told_what_is_replaced() {
    let world = World::start().await;
    let first = issue(&world.account().await, &wish(&NAME), &world.parties().0).await.unwrap();
    let proxy = CaProxy::before(&world.pebble);
    proxy.rule(|asked| match asked.what.as_str() {
        "GET /dir" => Way::changed(|answer| {
            let mut directory = answer.json();
            directory.as_object_mut().unwrap().remove("renewalInfo");
            answer.set_json(&directory);
        }),
        "POST /order-plz" => {
            assert!(asked.payload.get("replaces").is_none(), "{}", asked.payload);
            Way::Through
        }
        _ => Way::Through,
    });
    let account = account_at(&proxy.ca).await;

    let (parties, ..) = world.parties();
    issue(&account, &successor(&first), &parties).await.unwrap();
    let reader = reader(&proxy.ca);
    let answer = ari::ask(&reader, &reader.directory().await.unwrap(), &CertId::parse("a.b").unwrap()).await;

    assert!(matches!(answer, Err(AriError::NotOffered)), "{answer:?}");
    assert_eq!(proxy.count("POST /order-plz"), 1);
}

#[tokio::test]
async fn answers_about_a_window_that_make_no_sense_are_told_from_those_that_pass() {
    let world = World::start().await;
    let proxy = CaProxy::before(&world.pebble);
    let reader = reader(&proxy.ca);
    let directory = reader.directory().await.unwrap();
    let id = CertId::parse("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE").unwrap();
    let ask = async || ari::ask(&reader, &directory, &id).await;

    proxy.rule(|_| Way::problem(502, "serverInternal", "no"));
    assert!(matches!(ask().await, Err(AriError::Passing(_))));
    proxy.rule(|_| Way::problem(404, "malformed", "no"));
    assert!(matches!(ask().await, Err(AriError::Lasting(_))));
    for (status, wait, heard) in [(429, "90", 90), (503, "18446744073709551615", 86_400), (429, "soon", 6 * 3_600)] {
        proxy.rule(move |_| {
            let Way::Answered(mut answer) = Way::problem(status, "rateLimited", "no") else { unreachable!() };
            answer.header("retry-after", wait);
            Way::Answered(answer)
        });
        let answer = ask().await;
        assert!(matches!(&answer, Err(AriError::Busy(wait)) if wait.as_secs() == heard), "{answer:?}");
    }
    proxy.rule(|_| Way::Cut(3));
    assert!(matches!(ask().await, Err(AriError::Passing(_))));
    let now = SystemClock.now();
    proxy.rule(move |_| {
        Way::changed(move |answer| {
            answer.status = 200;
            answer.header("retry-after", "21600");
            let window = serde_json::json!({"start": now.minus(Duration::from_hours(2)).rfc3339(),
                "end": now.minus(Duration::from_hours(1)).rfc3339()});
            answer.set_json(&serde_json::json!({"suggestedWindow": window}));
        })
    });
    let past = ask().await.unwrap();
    assert!(past.window.closes < now);
}
