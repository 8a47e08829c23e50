//! Challenge records where DNS is not as simple as one server with one zone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dns_update::DnsRecord;
use rampart::acme::challenge::{DnsError, Solver as _, TxtRecord};
use rampart::acme::error::IssueError;
use rampart::acme::issue::issue;
use rampart::acme::ports::{Journal as _, Progress};
use rampart::app::demo::bind::Bind;
use rampart::app::demo::pebble::PebbleOptions;
use rampart::base::rng::SystemRandom;

use crate::acme_world::{DEADLINE, World, ZONE, fqdn, wish};
use crate::dns_world::{API_KEY, Records, Replacing, authority, patience, relay, solver, tsig};

const BOTH: [&str; 2] = ["tenant01.test", "*.tenant01.test"];

/// The zone that aliases lead to: the world's second one.
const OTHER: &str = "blocked-domain.example";

fn digest(letter: char) -> String {
    letter.to_string().repeat(43)
}

#[tokio::test]
async fn the_record_goes_where_its_alias_leads_and_is_taken_from_there_again() {
    let world = World::start().await;
    let account = world.account().await;
    let records = Records::of(&world.bind);
    let target = "tenant01._validate.blocked-domain.example";
    records.add(ZONE, "_acme-challenge.tenant01.test", DnsRecord::CNAME(format!("{target}."))).await;
    records.add(OTHER, target, DnsRecord::TXT("of someone else".to_owned())).await;
    let (mut parties, journal, _) = world.parties();
    // No right to write into the tenant's own zone is needed.
    parties.solver = solver(&world, &[(OTHER, tsig(&world))]);

    let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();

    assert_eq!(issued.leaf.names.len(), 2);
    assert_eq!(journal.kept().records, []);
    let left = rampart::acme::challenge::lookup::txt(world.bind.address, target, DEADLINE).await.unwrap();
    assert_eq!(left.values, ["of someone else"]);
}

#[tokio::test]
async fn an_alias_into_a_zone_without_a_credential_is_named_before_anything_is_written() {
    let world = World::start().await;
    let account = world.account().await;
    let records = Records::of(&world.bind);
    records.add(ZONE, "_acme-challenge.tenant01.test", DnsRecord::CNAME("x.blocked-domain.example.".into())).await;
    let (mut parties, journal, _) = world.parties();
    parties.solver = solver(&world, &[(ZONE, tsig(&world))]);

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    let IssueError::Dns(DnsError::Delegated { target, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(target, "x.blocked-domain.example");
    assert_eq!(journal.kept().records, []);
}

#[tokio::test]
async fn aliases_that_go_round_in_a_circle_are_an_error() {
    let world = World::start().await;
    let records = Records::of(&world.bind);
    records.add(ZONE, "_acme-challenge.tenant01.test", DnsRecord::CNAME("a.tenant01.test.".into())).await;
    records.add(ZONE, "a.tenant01.test", DnsRecord::CNAME("_acme-challenge.tenant01.test.".into())).await;
    let solver = solver(&world, &[(ZONE, tsig(&world))]);

    let error = solver.locate(TxtRecord::new(fqdn(ZONE), digest('a')).unwrap()).await.unwrap_err();

    assert!(matches!(error, DnsError::NoAuthority { .. }), "{error:?}");
}

#[tokio::test]
async fn the_alias_may_change_meanwhile_and_still_what_was_written_is_taken_away() {
    let world = World::start().await;
    let records = Records::of(&world.bind);
    let solver = solver(&world, &[(ZONE, tsig(&world)), (OTHER, tsig(&world))]);
    let record = solver.locate(TxtRecord::new(fqdn(ZONE), digest('a')).unwrap()).await.unwrap();
    solver.present(&record).await.unwrap();
    assert_eq!(world.shown(ZONE).await, [digest('a')]);

    // An alias beside other records is no alias; so another name's takes its place here.
    let mut elsewhere = serde_json::to_value(&record).unwrap();
    elsewhere["target"] = "left.blocked-domain.example".into();
    let elsewhere: TxtRecord = serde_json::from_value(elsewhere).unwrap();
    records.add(OTHER, "left.blocked-domain.example", DnsRecord::TXT(digest('a'))).await;
    solver.clear(&elsewhere).await.unwrap();

    assert_eq!(world.shown(ZONE).await, [digest('a')], "the alias was not followed anew");
    solver.clear(&record).await.unwrap();
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
}

#[tokio::test]
async fn names_below_a_zone_are_written_into_the_zone_that_holds_them() {
    let world = World::start().await;
    let account = world.account().await;
    let (mut parties, ..) = world.parties();
    // Only a part of the zone is approved; the change is the whole zone's.
    parties.solver = solver(&world, &[("pbx.tenant01.test", tsig(&world))]);

    let issued = issue(&account, &wish(&["a.b.pbx.tenant01.test"]), &parties).await.unwrap();
    let outside = issue(&account, &wish(&["www.tenant01.test"]), &world_again(&parties, &world)).await.unwrap_err();

    assert_eq!(issued.leaf.names, ["a.b.pbx.tenant01.test"]);
    assert!(matches!(outside, IssueError::Dns(DnsError::NoZone { .. })), "{outside:?}");
}

/// The same parties with a journal of their own.
fn world_again(parties: &rampart::acme::issue::Parties, world: &World) -> rampart::acme::issue::Parties {
    let mut again = world.parties().0;
    again.solver = Arc::clone(&parties.solver);
    again
}

/// One more server of the world's zone, at another address and the same port, which hears nothing by itself.
async fn slow_secondary(world: &World) -> Bind {
    let records = Records::of(&world.bind);
    let second = std::net::SocketAddr::from(([127, 0, 0, 2], world.bind.address.port()));
    records.add(ZONE, "ns2.tenant01.test", DnsRecord::A([127, 0, 0, 2].into())).await;
    records.add(ZONE, ZONE, DnsRecord::NS("ns2.tenant01.test.".to_owned())).await;
    let bind = Bind::start(&world.place.inner("second"), &[fqdn(ZONE)], &SystemRandom).await.unwrap();
    relay(second, bind.address).await;
    bind
}

#[tokio::test]
async fn the_ca_is_told_only_when_the_slow_secondary_shows_the_record_too() {
    let world = World::start().await;
    let second = slow_secondary(&world).await;
    let account = world.account().await;
    let (mut parties, journal, _) = world.parties();
    parties.solver = solver(&world, &[(ZONE, tsig(&world))]);
    let order = tokio::spawn(async move { issue(&account, &wish(&[ZONE]), &parties).await });
    while world.shown(ZONE).await.is_empty() {
        tokio::task::yield_now().await;
    }
    let values = world.shown(ZONE).await;
    let is_told = || journal.steps().iter().any(|step| step.to_string().contains("The CA is checking"));

    // The first server shows it; two looks at the second one go by.
    for _ in 0..2 {
        let seen = rampart::acme::challenge::lookup::txt(second.address, "_acme-challenge.tenant01.test", DEADLINE);
        assert_eq!(seen.await.unwrap().values, Vec::<String>::new());
        assert!(!is_told() && !order.is_finished());
    }
    Records::of(&second).set_txt(ZONE, "_acme-challenge.tenant01.test", values).await;

    order.await.unwrap().unwrap();
    assert!(is_told());
}

#[tokio::test]
async fn a_secondary_that_never_shows_it_keeps_the_ca_from_looking_and_is_named() {
    let world = World::start().await;
    let _second = slow_secondary(&world).await;
    let solver = {
        let zones = vec![rampart::acme::challenge::approved::ApprovedZone {
            zone: fqdn(ZONE),
            way: rampart::acme::challenge::way::Way::Dns01,
            writer: Some(tsig(&world)),
            primary: None,
        }];
        let patience =
            rampart::acme::challenge::visible::Patience { behind: Duration::from_millis(300), ..patience() };
        rampart::acme::challenge::approved::ApprovedZones::new(zones, authority(&world.bind), patience)
    };
    let account = world.account().await;
    let (mut parties, journal, _) = world.parties();
    parties.solver = Arc::new(solver);

    let error = issue(&account, &wish(&BOTH), &parties).await.unwrap_err();

    let IssueError::Dns(DnsError::NotEverywhere { servers, .. }) = &error else { panic!("{error:?}") };
    assert!(servers.contains("ns2.tenant01.test (127.0.0.2)") && !servers.contains("127.0.0.1)"), "{servers}");
    assert_eq!(world.shown(ZONE).await, Vec::<String>::new());
    assert!(journal.steps().iter().all(|step| !step.to_string().contains("The CA is checking")));
}

#[tokio::test]
async fn a_name_server_that_is_dead_does_not_hold_up_the_others() {
    let world = World::start().await;
    // BIND goes; what stands before it takes connections, and never answers.
    drop(slow_secondary(&world).await);
    let account = world.account().await;
    let (mut parties, ..) = world.parties();
    parties.solver = solver(&world, &[(ZONE, tsig(&world))]);

    let issued = issue(&account, &wish(&BOTH), &parties).await;

    assert!(issued.is_ok(), "{issued:?}");
}

#[tokio::test]
async fn a_service_that_replaces_what_is_at_a_name_keeps_both_values_beside_each_other() {
    let world = World::with(PebbleOptions::default()).await;
    let service = Replacing::start(&world.bind).await;
    let account = world.account().await;
    let (mut parties, journal, _) = world.parties();
    parties.solver = solver(&world, &[(ZONE, service.writer(API_KEY))]);
    let of_someone_else = TxtRecord::new(fqdn(ZONE), digest('x')).unwrap();
    parties.solver.present(&of_someone_else).await.unwrap();

    for _ in 0..10 {
        let issued = issue(&account, &wish(&BOTH), &parties).await.unwrap();
        assert_eq!(issued.leaf.names.len(), 2);
        journal.save(&Progress::default()).await.unwrap();
    }

    assert_eq!(world.shown(ZONE).await, [digest('x')]);
    // Pebble proves a name anew in all but one of a hundred orders.
    assert!(service.changes.load(Ordering::SeqCst) > 30);
}

#[tokio::test]
async fn writers_of_one_name_at_a_service_that_replaces_do_not_lose_each_others_values() {
    let world = World::start().await;
    let service = Replacing::start(&world.bind).await;
    let solver = solver(&world, &[(ZONE, service.writer(API_KEY))]);
    let letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    let record = |letter: &char| TxtRecord::new(fqdn(ZONE), digest(*letter)).unwrap();

    futures_util::future::join_all(letters.iter().map(async |letter| {
        solver.present(&record(letter)).await.unwrap();
    }))
    .await;
    let mut shown = world.shown(ZONE).await;
    shown.sort();
    assert_eq!(shown, letters.map(digest));
    futures_util::future::join_all(letters[1..].iter().map(async |letter| {
        solver.clear(&record(letter)).await.unwrap();
    }))
    .await;

    assert_eq!(world.shown(ZONE).await, [digest('a')]);
}

#[tokio::test]
async fn a_service_that_does_not_take_the_credential_is_named_without_it() {
    let world = World::start().await;
    let service = Replacing::start(&world.bind).await;
    let solver = solver(&world, &[(ZONE, service.writer("a-key-that-is-wrong"))]);

    let error = solver.present(&TxtRecord::new(fqdn(ZONE), digest('a')).unwrap()).await.unwrap_err();

    let said = format!("{error} {error:?}");
    assert!(said.contains("PowerDNS (credential main)"), "{said}");
    assert!(!said.contains("a-key-that-is-wrong"), "{said}");
}
