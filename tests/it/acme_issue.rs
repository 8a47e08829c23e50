//! Orders that end well, with a real CA and a real DNS server.

use std::sync::Arc;
use std::time::Duration;

use rampart::acme::account::{self, AccountError};
use rampart::acme::ca::CertificateAuthority;
use rampart::acme::challenge::TxtRecord;
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::{issue, tidy};
use rampart::acme::ports::{Journal as _, Progress};
use rampart::acme::step::Step;
use rampart::app::demo::pebble::PebbleOptions;
use rampart::base::clock::SystemClock;
use rampart::base::secret::Secret;
use rampart::tls::leaf::chain_from_pem;
use rampart::wire::request::Generation;

use crate::acme_world::{World, ZONE, fqdn, wish};

const BOTH: [&str; 2] = ["tenant01.test", "*.tenant01.test"];

#[tokio::test]
async fn an_account_is_made_once_and_opened_again_from_its_credentials() {
    let world = World::start().await;
    let clock = || Arc::new(SystemClock);

    let key = account::new_key().unwrap();
    let contact = ["ops@example.com".to_owned()];

    let lost = account::create(&world.ca, &key, &[], HttpDeadlines::default(), clock()).await.unwrap();
    let made = account::create(&world.ca, &key, &contact, HttpDeadlines::default(), clock()).await.unwrap();
    let open = account::open(&world.ca, &made.credentials, HttpDeadlines::default(), clock()).await.unwrap();

    assert_eq!((open.url(), lost.url.as_str()), (made.url.as_str(), made.url.as_str()));
    let said = format!("{made:?} {open:?}");
    let key = serde_json::from_str::<serde_json::Value>(made.credentials.expose()).unwrap()["key_pkcs8"].clone();
    assert!(!said.contains(key.as_str().unwrap()));

    let staging = CertificateAuthority::lets_encrypt_staging();
    let other = account::open(&staging, &made.credentials, HttpDeadlines::default(), clock()).await;
    assert!(matches!(other, Err(AccountError::OtherCa)));
    let damaged = Secret::new("{}x".to_owned());
    let damaged = account::open(&world.ca, &damaged, HttpDeadlines::default(), clock()).await;
    assert!(matches!(damaged, Err(AccountError::Damaged)));
}

#[tokio::test]
async fn a_wildcard_and_its_base_come_in_one_order_and_leave_nothing_in_dns() {
    let world = World::start().await;
    let account = world.account().await;
    let (parties, journal, keys) = world.parties();

    let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();

    let mut names = issued.leaf.names.clone();
    names.sort();
    assert_eq!(names, ["*.tenant01.test", "tenant01.test"]);
    assert!(chain_from_pem(&issued.chain_pem).unwrap().len() >= 2, "{}", issued.chain_pem);
    assert_eq!((issued.generation, keys.made()), (Generation(1), 1));
    let steps = journal.steps();
    assert_eq!(steps.iter().filter(|step| matches!(step, Step::Presenting { .. })).count(), 2);
    assert_eq!(steps.last(), Some(&Step::Cleared));
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
    let kept = journal.kept();
    assert_eq!((kept.order_url, kept.records.len()), (Some(issued.order_url), 0));
}

#[tokio::test]
async fn orders_follow_each_other_and_another_value_at_the_name_stays() {
    let world = World::start().await;
    let account = world.account().await;
    let of_someone_else = TxtRecord::new(fqdn(ZONE), "x".repeat(43)).unwrap();
    let (parties, ..) = world.parties();
    parties.solver.present(&of_someone_else).await.unwrap();
    let mut again = world.parties().0;
    again.turn = parties.turn.clone();

    let one = issue(&account, &wish(&BOTH), &parties).await.unwrap();
    let other = issue(&account, &wish(&["sip.tenant01.test"]), &again).await.unwrap();

    assert_ne!(one.leaf.serial, other.leaf.serial);
    assert_eq!(world.shown(ZONE).await, ["x".repeat(43)]);
    assert_eq!(world.shown("sip.tenant01.test").await, Vec::<String>::new());
}

#[tokio::test]
async fn an_order_that_was_cut_off_while_the_ca_was_checking_goes_on() {
    let world = World::start().await;
    let (parties, journal, keys) = world.parties();
    journal.stop_before(Some(|step| matches!(step, Step::Checking { .. })));
    let account = Arc::new(world.account().await);
    let (cut_off, with) = (Arc::clone(&account), parties.clone());
    let task = tokio::spawn(async move { issue(&cut_off, &wish(&BOTH), &with).await });
    journal.wait_until_stopped().await;
    assert_eq!(world.shown(ZONE).await.len(), 2);

    task.abort();

    world.wait_until_clear(ZONE).await;
    let begun = journal.kept();
    assert_eq!(begun.records.len(), 2, "a kill would have left these behind");
    journal.stop_before(None);
    let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();
    assert_eq!(Some(issued.order_url), begun.order_url);
    assert_eq!(keys.made(), 1);
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_order_that_was_cut_off_while_the_ca_signed_gets_the_certificate_for_the_same_key() {
    let world = World::start().await;
    let (parties, journal, keys) = world.parties();
    journal.stop_before(Some(|step| matches!(step, Step::WaitingForCertificate)));
    let account = Arc::new(world.account().await);
    let (cut_off, with) = (Arc::clone(&account), parties.clone());
    let task = tokio::spawn(async move { issue(&cut_off, &wish(&BOTH), &with).await });
    journal.wait_until_stopped().await;
    task.abort();
    drop(task.await);
    journal.stop_before(None);

    let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();
    let again = issue(&account, &wish(&BOTH), &parties).await.unwrap();

    assert_eq!((issued.generation, keys.made()), (Generation(1), 1));
    assert_eq!(issued.leaf.serial, again.leaf.serial, "asked again before it was installed");
}

#[tokio::test]
async fn what_a_killed_order_left_in_dns_is_found_again_without_a_ca() {
    let world = World::start().await;
    let (parties, journal, _) = world.parties();
    let left = TxtRecord::new(fqdn(ZONE), "k".repeat(43)).unwrap();
    let of_someone_else = TxtRecord::new(fqdn(ZONE), "x".repeat(43)).unwrap();
    parties.solver.present(&left).await.unwrap();
    parties.solver.present(&of_someone_else).await.unwrap();
    journal.save(&Progress { records: vec![left], ..Progress::default() }).await.unwrap();

    tidy(&parties).await.unwrap();

    assert_eq!(world.shown(ZONE).await, ["x".repeat(43)]);
    assert_eq!(journal.kept(), Progress::default());
}

#[tokio::test]
async fn one_refused_nonce_in_five_is_not_noticed() {
    let world = World::with(PebbleOptions { nonce_reject_percent: 20, ..PebbleOptions::default() }).await;
    let account = world.account().await;

    for _ in 0..3 {
        issue(&account, &wish(&BOTH), &world.parties().0).await.unwrap();
    }
}

#[tokio::test]
async fn a_name_that_is_proved_already_is_not_proved_again() {
    let options = PebbleOptions { authorization_reuse_percent: 100, ..PebbleOptions::default() };
    let world = World::with(options).await;
    let account = world.account().await;
    issue(&account, &wish(&BOTH), &world.parties().0).await.unwrap();
    let (all_known, known_steps, _) = world.parties();
    let (one_new, new_steps, _) = world.parties();

    issue(&account, &wish(&BOTH), &all_known).await.unwrap();
    issue(&account, &wish(&["tenant01.test", "new.tenant01.test"]), &one_new).await.unwrap();

    let count = |steps: &[Step], is_it: fn(&Step) -> bool| steps.iter().filter(|step| is_it(step)).count();
    let proved: fn(&Step) -> bool = |step| matches!(step, Step::AlreadyProved { .. });
    let presented: fn(&Step) -> bool = |step| matches!(step, Step::Presenting { .. });
    let (known_steps, new_steps) = (known_steps.steps(), new_steps.steps());
    assert_eq!((count(&known_steps, proved), count(&known_steps, presented)), (2, 0), "{known_steps:?}");
    assert_eq!((count(&new_steps, proved), count(&new_steps, presented)), (1, 1), "{new_steps:?}");
}

#[tokio::test]
async fn a_profile_decides_the_lifetime() {
    let world = World::start().await;
    let account = world.account().await;
    let mut short = wish(&BOTH);
    short.profile = Some("shortlived".to_owned());

    let offered = account.profiles();
    assert!(
        offered.contains(&"shortlived".to_owned()),
        "Pebble 2.7 or newer is needed for profiles: see target/tools/VERSION"
    );
    let issued = issue(&account, &short, &world.parties().0).await.unwrap();

    let life = issued.leaf.not_after.since(issued.leaf.not_before);
    assert!(life <= Duration::from_hours(161), "{life:?}");
}
